/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (channels, height, width) to the mean of each channel, flat: (channels). */
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

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    size_t planes = (size_t)pass->batch * (size_t)layer->in.dim[0];
    int pixels = layer->in.dim[1] * layer->in.dim[2];
    const float *x = pass->x;
    for (size_t plane = 0; plane < planes; plane++) {
        double sum = 0;
        for (int p = 0; p < pixels; p++)
            sum += (double)x[p];
        pass->y[plane] = (float)(sum / pixels);
        x += pixels;
    }
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    size_t planes = (size_t)pass->batch * (size_t)layer->in.dim[0];
    int pixels = layer->in.dim[1] * layer->in.dim[2];
    float *gx = pass->gx;
    for (size_t plane = 0; plane < planes; plane++) {
        float share = pass->gy[plane] / (float)pixels;
        for (int p = 0; p < pixels; p++)
            gx[p] = pass->adds_gx ? gx[p] + share : share;
        gx += pixels;
    }
}

const struct layer_ops layer_global_avg_pool = {
    .name = "global_avg_pool",
    .help = "mean of each channel, flat",
    .setup = setup,
    .forward = forward,
    .backward = backward,
};
