/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Means of as many regions as are wanted out, whatever the input's size (torch.nn.AdaptiveAvgPool2d): region i of n
 * over a side of `size` pixels is [floor(i size / n), ceil((i + 1) size / n)).
 */
#include <string.h>

#include "base/mem.h"
#include "models/kernels.h"
#include "models/kernels_pool.h"
#include "models/layer.h"

enum { OUTPUT_SIZE, OUTPUT_HEIGHT };

static const struct layer_arg args[] = {
    [OUTPUT_SIZE] = {"output_size", 1, 4096, 0, true, true, "pixels out", NULL},
    [OUTPUT_HEIGHT] = {"output_height", 1, 4096, 0, false, true,
                       "pixels out; as output_size when not given", NULL},
};

static int setup(struct layer *layer, struct err *err)
{
    char text[SHAPE_TEXT_BYTES];
    if (layer->in.n_dims != 3)
        return err_set(err, "input %s: channels x height x width is wanted",
                       shape_format(&layer->in, text));
    int width = (int)layer->args[OUTPUT_SIZE], height = (int)layer->args[OUTPUT_HEIGHT];
    layer->out = shape_image(layer->in.dim[0], height ? height : width, width);
    return 0;
}

static int region_start(int i, int size, int n)
{
    return (int)((int64_t)i * size / n);
}

static int region_end(int i, int size, int n)
{
    return (int)(((int64_t)(i + 1) * size + n - 1) / n);
}

/* One region of the plane x (height, width): its mean, or `share` added to each of its pixels. */
struct region {
    int y0, y1, x0, x1, width;
};

static struct region region_of(const struct layer *layer, int oy, int ox)
{
    const int *in = layer->in.dim, *out = layer->out.dim;
    return (struct region){region_start(oy, in[1], out[1]), region_end(oy, in[1], out[1]),
                           region_start(ox, in[2], out[2]), region_end(ox, in[2], out[2]), in[2]};
}

static float region_mean(struct region r, const float *x)
{
    double sum = 0;
    for (int y = r.y0; y < r.y1; y++) {
        for (int i = r.x0; i < r.x1; i++)
            sum += (double)x[y * r.width + i];
    }
    return (float)(sum / ((r.y1 - r.y0) * (r.x1 - r.x0)));
}

static void region_spread(struct region r, float gradient, float *gx)
{
    float share = gradient / (float)((r.y1 - r.y0) * (r.x1 - r.x0));
    for (int y = r.y0; y < r.y1; y++) {
        for (int i = r.x0; i < r.x1; i++)
            gx[y * r.width + i] += share;
    }
}

static void forward_planes(const struct layer *layer, const struct layer_pass *pass, size_t first,
                           size_t end)
{
    size_t in = (size_t)layer->in.dim[1] * (size_t)layer->in.dim[2];
    size_t out = (size_t)layer->out.dim[1] * (size_t)layer->out.dim[2];
    const float *x = pass->x + first * in;
    float *y = pass->y + first * out;
    if (out == 1) {
        kernels()->pool->mean(end - first, (int)in, x, y);
        return;
    }
    for (size_t plane = first; plane < end; plane++) {
        for (int oy = 0; oy < layer->out.dim[1]; oy++) {
            for (int ox = 0; ox < layer->out.dim[2]; ox++)
                *y++ = region_mean(region_of(layer, oy, ox), x);
        }
        x += in;
    }
}

static void backward_planes(const struct layer *layer, const struct layer_pass *pass, size_t first,
                            size_t end)
{
    size_t in = (size_t)layer->in.dim[1] * (size_t)layer->in.dim[2];
    size_t out = (size_t)layer->out.dim[1] * (size_t)layer->out.dim[2];
    const float *gy = pass->gy + first * out;
    float *gx = pass->gx + first * in;
    if (!pass->adds_gx)
        memset(gx, 0, (end - first) * in * sizeof *gx);
    for (size_t plane = first; plane < end; plane++) {
        for (int oy = 0; oy < layer->out.dim[1]; oy++) {
            for (int ox = 0; ox < layer->out.dim[2]; ox++)
                region_spread(region_of(layer, oy, ox), *gy++, gx);
        }
        gx += in;
    }
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, (size_t)pass->batch * (size_t)layer->in.dim[0], forward_planes);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, (size_t)pass->batch * (size_t)layer->in.dim[0], backward_planes);
}

const struct layer_ops layer_adaptive_avg_pool2d = {
    .name = "adaptive_avg_pool2d",
    .help = "means of as many regions as are wanted out",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .setup = setup,
    .forward = forward,
    .backward = backward,
};
