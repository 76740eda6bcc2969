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
#include "models/layer.h"
#include "models/moments.h"

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

/* Mean and 1/sqrt(variance + eps) of one group. */
static void moments(const struct norm *norm, const float *x, double *mean, double *scale)
{
    int n = norm->group_channels * norm->pixels;
    *mean = sum_of(x, n) / n;
    *scale = 1 / sqrt(product_of(x, *mean, NULL, n) / n + norm->eps);
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    struct norm norm = norm_of(layer, pass->params);
    const float *x = pass->x;
    float *y = pass->y;
    for (size_t i = 0; i < (size_t)pass->batch * (size_t)norm.groups; i++) {
        double mean, scale;
        moments(&norm, x, &mean, &scale);
        for (int c = 0; c < norm.group_channels; c++) {
            int channel = (int)(i % (size_t)norm.groups) * norm.group_channels + c;
            float gain = (float)(scale * (norm.weight ? (double)norm.weight[channel] : 1));
            float bias = norm.bias ? norm.bias[channel] : 0, shift = (float)mean;
            for (int p = 0; p < norm.pixels; p++)
                y[p] = gain * (x[p] - shift) + bias;
            x += norm.pixels;
            y += norm.pixels;
        }
    }
}

/* Adds the channels' parameter gradients; returns the sums of h and h xhat over the group. */
static void reduce_group(const struct norm *norm, const float *x, const float *gy, double mean,
                         double scale, int channel, float *grads, int channels, double sums[2])
{
    sums[0] = sums[1] = 0;
    for (int c = 0; c < norm->group_channels; c++) {
        double shift = sum_of(gy, norm->pixels);
        double gain = scale * product_of(x, mean, gy, norm->pixels);
        double weight = norm->weight ? (double)norm->weight[channel + c] : 1;
        if (norm->weight) {
            grads[channel + c] += (float)gain;
            grads[channels + channel + c] += (float)shift;
        }
        sums[0] += weight * shift;
        sums[1] += weight * gain;
        x += norm->pixels;
        gy += norm->pixels;
    }
}

/* gx = gain gy + slope (x - mean) + bias, per channel */
static void group_gradient(const struct norm *norm, const float *x, const float *gy, double mean,
                           double scale, int channel, const double sums[2], float *gx, bool adds)
{
    double n = (double)norm->group_channels * norm->pixels;
    float slope = (float)(-scale * scale * sums[1] / n), bias = (float)(-scale * sums[0] / n);
    float shift = (float)mean;
    for (int c = 0; c < norm->group_channels; c++) {
        float gain = (float)(scale * (norm->weight ? (double)norm->weight[channel + c] : 1));
        for (int p = 0; p < norm->pixels; p++) {
            float g = gain * gy[p] + (slope * (x[p] - shift) + bias);
            gx[p] = adds ? gx[p] + g : g;
        }
        x += norm->pixels;
        gy += norm->pixels;
        gx += norm->pixels;
    }
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    struct norm norm = norm_of(layer, pass->params);
    size_t n = (size_t)norm.group_channels * (size_t)norm.pixels;
    for (size_t i = 0; i < (size_t)pass->batch * (size_t)norm.groups; i++) {
        const float *x = pass->x + i * n, *gy = pass->gy + i * n;
        int channel = (int)(i % (size_t)norm.groups) * norm.group_channels;
        double mean, scale, sums[2];
        moments(&norm, x, &mean, &scale);
        reduce_group(&norm, x, gy, mean, scale, channel, pass->grads, layer->in.dim[0], sums);
        if (pass->gx)
            group_gradient(&norm, x, gy, mean, scale, channel, sums, pass->gx + i * n,
                           pass->adds_gx);
    }
}

const struct layer_ops layer_group_norm = {
    .name = "group_norm",
    .help = "mean 0 and variance 1 within groups of channels",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .backward_reads_input = true,
    .setup = setup,
    .init = layer_init_ones_and_zeros,
    .forward = forward,
    .backward = backward,
};
