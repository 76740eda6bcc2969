/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (channels, height, width) to the mean of each channel, flat: (channels). */
#include "models/kernels.h"
#include "models/kernels_pool.h"
#include "models/layer.h"

static int setup(struct layer *layer, struct err *err)
{
    char text[SHAPE_TEXT_BYTES];
    if (layer->in.n_dims != 3)
        return err_set(err, "input %s: channels x height x width is wanted",
                       shape_format(&layer->in, text));
    layer->out = shape_flat(layer->in.dim[0]);
    return 0;
}

static void forward_planes(const struct layer *layer, const struct layer_pass *pass, size_t first,
                           size_t end)
{
    int pixels = layer->in.dim[1] * layer->in.dim[2];
    kernels()->pool->mean(end - first, pixels, pass->x + first * (size_t)pixels, pass->y + first);
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, (size_t)pass->batch * (size_t)layer->in.dim[0], forward_planes);
}

static void backward_planes(const struct layer *layer, const struct layer_pass *pass, size_t first,
                            size_t end)
{
    int pixels = layer->in.dim[1] * layer->in.dim[2];
    float *gx = pass->gx + first * (size_t)pixels;
    for (size_t plane = first; plane < end; plane++) {
        float share = pass->gy[plane] / (float)pixels;
        for (int p = 0; p < pixels; p++)
            gx[p] = pass->adds_gx ? gx[p] + share : share;
        gx += pixels;
    }
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, (size_t)pass->batch * (size_t)layer->in.dim[0], backward_planes);
}

const struct layer_ops layer_global_avg_pool = {
    .name = "global_avg_pool",
    .help = "mean of each channel, flat",
    .setup = setup,
    .forward = forward,
    .backward = backward,
};
