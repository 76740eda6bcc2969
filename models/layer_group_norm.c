/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Group normalisation (Wu and He, 2018; torch.nn.GroupNorm): channels in num_groups groups, each sample's
 * group brought to mean 0 and (biased) variance 1, then y = weight[c] xhat + bias[c] when affine.
 *
 * With m the numbers of a group, s = 1/sqrt(variance + eps) and h = weight gy:
 * gx = s (h - mean(h) - xhat mean(h xhat)), both means over the group.
 */
#include <math.h>

#include "base/mem.h"
#include "models/kernels.h"
#include "models/kernels_norm.h"
#include "models/layer.h"

enum { NUM_GROUPS, EPS, AFFINE };

static const struct layer_arg args[] = {
    [NUM_GROUPS] = {"num_groups", 1, SHAPE_MAX_DIM, 0, true, true, "a divisor of the channels",
                    NULL},
    [EPS] = {"eps", 1e-12, 1, 1e-5, false, false, "added to the variance", NULL},
    [AFFINE] = {"affine", 0, 1, 1, false, true, "whether scale and shift are learnt per channel",
                NULL},
};

/* Channels of a flat input are its features. */
struct norm {
    int groups, group_channels, pixels;
    double eps;
    const float *weight, *bias; /* NULL when not affine */
};

static struct norm norm_of(const struct layer *layer, const float *params)
{
    struct norm norm = {.groups = (int)layer->args[NUM_GROUPS], .eps = layer->args[EPS]};
    norm.group_channels = layer->in.dim[0] / norm.groups;
    norm.pixels = layer->in.n_dims == 3 ? layer->in.dim[1] * layer->in.dim[2] : 1;
    if (layer->n_tensors) {
        norm.weight = params;
        norm.bias = params + layer->in.dim[0];
    }
    return norm;
}

static int setup(struct layer *layer, struct err *err)
{
    int channels = layer->in.dim[0], groups = (int)layer->args[NUM_GROUPS];
    if (channels % groups != 0)
        return err_set(err, "num_groups %d does not divide the %d channels", groups, channels);
    layer->out = layer->in;
    if (layer->args[AFFINE] == 0)
        return 0;
    return layer_add_tensor(layer, "weight", 1, (int[4]){channels}, err) ||
                   layer_add_tensor(layer, "bias", 1, (int[4]){channels}, err)
               ? -1
               : 0;
}

static struct norm_rows one_row(int n)
{
    return (struct norm_rows){1, n, 0};
}

/* Mean and 1/sqrt(variance + eps) of one group. */
static void moments(const struct norm *norm, const float *x, double *mean, double *scale)
{
    int n = norm->group_channels * norm->pixels;
    double squares;
    kernels()->norm->moments(one_row(n), x, mean, &squares);
    *scale = 1 / sqrt(squares / n + norm->eps);
}

static struct norm_line line_of(const struct norm *norm, double mean, double scale, int channel)
{
    return (struct norm_line){
        .mean = (float)mean,
        .gain = (float)(scale * (norm->weight ? (double)norm->weight[channel] : 1)),
        .bias = norm->bias ? norm->bias[channel] : 0,
    };
}

/* Groups [first, end) of all columns' groups. */
static void forward_groups(const struct layer *layer, const struct layer_pass *pass, size_t first,
                           size_t end)
{
    struct norm norm = norm_of(layer, pass->params);
    size_t n = (size_t)norm.group_channels * (size_t)norm.pixels;
    const float *x = pass->x + first * n;
    float *y = pass->y + first * n;
    for (size_t i = first; i < end; i++) {
        double mean, scale;
        moments(&norm, x, &mean, &scale);
        for (int c = 0; c < norm.group_channels; c++, x += norm.pixels, y += norm.pixels) {
            int channel = (int)(i % (size_t)norm.groups) * norm.group_channels + c;
            kernels()->norm->apply(one_row(norm.pixels), line_of(&norm, mean, scale, channel), x,
                                   y);
        }
    }
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    struct norm norm = norm_of(layer, pass->params);
    layer_in_parts(layer, pass, (size_t)pass->batch * (size_t)norm.groups, forward_groups);
}

/* Adds the channels' parameter gradients; returns the sums of h and h (x - mean) over the group. */
static void reduce_group(const struct norm *norm, const float *x, const float *gy, double mean,
                         double scale, int channel, float *grads, int channels, double sums[2])
{
    sums[0] = sums[1] = 0;
    for (int c = 0; c < norm->group_channels; c++) {
        struct norm_line line = line_of(norm, mean, scale, channel + c);
        double shift, product;
        kernels()->norm->sums(one_row(norm->pixels), line, x, gy, &shift, &product);
        double weight = norm->weight ? (double)norm->weight[channel + c] : 1;
        if (norm->weight) {
            grads[channel + c] += (float)(scale * product);
            grads[channels + channel + c] += (float)shift;
        }
        sums[0] += weight * shift;
        sums[1] += weight * product;
        x += norm->pixels;
        gy += norm->pixels;
    }
}

static void group_gradient(const struct norm *norm, const float *x, const float *gy, double mean,
                           double scale, int channel, const double sums[2], float *gx, bool adds)
{
    double n = (double)norm->group_channels * norm->pixels;
    struct norm_slope slope = {
        .level = (float)(scale * sums[0] / n),
        .slope = (float)(scale * scale * scale * sums[1] / n),
        .adds = adds,
    };
    for (int c = 0; c < norm->group_channels; c++) {
        struct norm_line line = line_of(norm, mean, scale, channel + c);
        slope.gain = line.gain;
        kernels()->norm->gradient(one_row(norm->pixels), line, slope, x, gy, gx);
        x += norm->pixels;
        gy += norm->pixels;
        gx += norm->pixels;
    }
}

/* Groups [first, end) of a column, column after column: whoever has a channel adds its gradient alone. */
static void backward_groups(const struct layer *layer, const struct layer_pass *pass, size_t first,
                            size_t end)
{
    struct norm norm = norm_of(layer, pass->params);
    size_t n = (size_t)norm.group_channels * (size_t)norm.pixels;
    for (size_t column = 0; column < (size_t)pass->batch; column++) {
        for (size_t group = first; group < end; group++) {
            size_t at = (column * (size_t)norm.groups + group) * n;
            const float *x = pass->x + at, *gy = pass->gy + at;
            int channel = (int)group * norm.group_channels;
            double mean, scale, sums[2];
            moments(&norm, x, &mean, &scale);
            reduce_group(&norm, x, gy, mean, scale, channel, pass->grads, layer->in.dim[0], sums);
            if (pass->gx)
                group_gradient(&norm, x, gy, mean, scale, channel, sums, pass->gx + at,
                               pass->adds_gx);
        }
    }
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, (size_t)layer->args[NUM_GROUPS], backward_groups);
}

const struct layer_ops layer_group_norm = {
    .name = "group_norm",
    .help = "mean 0 and variance 1 within groups of channels",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .backward_reads_input = true,
    .overwrites_gradient = true,
    .setup = setup,
    .init = layer_init_ones_and_zeros,
    .forward = forward,
    .backward = backward,
};
