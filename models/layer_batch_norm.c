/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Batch normalisation (Ioffe and Szegedy, 2015; torch.nn.BatchNorm2d, BatchNorm1d on flat inputs): in training each
 * channel is brought to mean 0 and (biased) variance 1 over batch and pixels, in evaluation by the running
 * statistics; then y = weight[c] xhat + bias[c] when affine. A training forward moves the running mean and the
 * running unbiased variance by `momentum` towards the batch's.
 *
 * With m the numbers of a channel, s = 1/sqrt(variance + eps) and h = weight gy:
 * gx = s (h - k mean(h) - k xhat mean(h xhat)) in training, both means over the m numbers; gx = s h in evaluation.
 * k is 1, but the number of groups in a merged column (see tape_aggregate()).
 */
#include <math.h>

#include "base/mem.h"
#include "models/layer.h"
#include "models/moments.h"

enum { EPS, MOMENTUM, AFFINE };

static const struct layer_arg args[] = {
    [EPS] = {"eps", 1e-12, 1, 1e-5, false, false, "added to the variance", NULL},
    [MOMENTUM] = {"momentum", 0, 1, 0.1, false, false, "of a new batch in the running statistics",
                  NULL},
    [AFFINE] = {"affine", 0, 1, 1, false, true, "whether scale and shift are learnt per channel",
                NULL},
};

/* Buffers: running_mean (channels), running_var (channels), num_batches_tracked. */
static int setup(struct layer *layer, struct err *err)
{
    int channels[4] = {layer->in.dim[0]};
    layer->out = layer->in;
    layer->saved_floats = 2 * (size_t)channels[0];
    if (layer_add_buffer(layer, "running_mean", 1, channels, false, err) ||
        layer_add_buffer(layer, "running_var", 1, channels, false, err) ||
        layer_add_buffer(layer, "num_batches_tracked", 0, channels, true, err))
        return -1;
    if (layer->args[AFFINE] == 0)
        return 0;
    return layer_add_tensor(layer, "weight", 1, channels, err) ||
                   layer_add_tensor(layer, "bias", 1, channels, err)
               ? -1
               : 0;
}

static void reset_buffers(const struct layer *layer, float *buffers)
{
    size_t channels = (size_t)layer->in.dim[0];
    for (size_t c = 0; c < channels; c++) {
        buffers[c] = 0;
        buffers[channels + c] = 1;
    }
    buffers[2 * channels] = 0;
}

/* One channel over the batch: row i is at x + i stride. */
struct channel {
    int rows, pixels;
    size_t stride, first;
};

static struct channel channel_of(const struct layer *layer, const struct layer_pass *pass, int c)
{
    int pixels = layer->in.n_dims == 3 ? layer->in.dim[1] * layer->in.dim[2] : 1;
    return (struct channel){pass->batch, pixels, shape_features(&layer->in),
                            (size_t)c * (size_t)pixels};
}

/* The batch's statistics into saved[c] and saved[channels + c], the running ones moved. */
static void take_statistics(const struct layer *layer, const struct layer_pass *pass, int c)
{
    struct channel at = channel_of(layer, pass, c);
    int channels = layer->in.dim[0];
    double m = (double)at.rows * at.pixels, sum = 0, squares = 0;
    for (int i = 0; i < at.rows; i++)
        sum += sum_of(pass->x + at.first + (size_t)i * at.stride, at.pixels);
    double mean = sum / m;
    for (int i = 0; i < at.rows; i++)
        squares += product_of(pass->x + at.first + (size_t)i * at.stride, mean, NULL, at.pixels);
    pass->saved[c] = (float)mean;
    pass->saved[channels + c] = (float)(1 / sqrt(squares / m + layer->args[EPS]));

    double momentum = layer->args[MOMENTUM], unbiased = squares / (m > 1 ? m - 1 : 1);
    float *running = pass->buffers;
    running[c] = (float)((1 - momentum) * (double)running[c] + momentum * mean);
    running[channels + c] =
        (float)((1 - momentum) * (double)running[channels + c] + momentum * unbiased);
}

/* Mean and scale that channel c is normalised with. */
static void statistics_of(const struct layer *layer, const struct layer_pass *pass, int c,
                          float *mean, float *scale)
{
    int channels = layer->in.dim[0];
    *mean = pass->is_training ? pass->saved[c] : pass->buffers[c];
    *scale = pass->is_training
                 ? pass->saved[channels + c]
                 : (float)(1 / sqrt((double)pass->buffers[channels + c] + layer->args[EPS]));
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    int channels = layer->in.dim[0];
    bool is_new_batch = pass->is_training && !pass->merged;
    for (int c = 0; c < channels; c++) {
        struct channel at = channel_of(layer, pass, c);
        float mean, scale;
        if (is_new_batch)
            take_statistics(layer, pass, c);
        statistics_of(layer, pass, c, &mean, &scale);
        float gain = layer->n_tensors ? pass->params[c] * scale : scale;
        float bias = layer->n_tensors ? pass->params[channels + c] : 0;
        for (int i = 0; i < at.rows; i++) {
            const float *x = pass->x + at.first + (size_t)i * at.stride;
            float *y = pass->y + at.first + (size_t)i * at.stride;
            for (int p = 0; p < at.pixels; p++)
                y[p] = gain * (x[p] - mean) + bias;
        }
    }
    if (is_new_batch)
        pass->buffers[2 * channels] += 1;
}

/* Columns that went forward for each that goes back. */
static int columns_behind(const struct layer_pass *pass, int column)
{
    return pass->merged && column < pass->merged->n_slots ? pass->merged->n_groups : 1;
}

/* gx = gain gy - k (level + slope (x - mean)) */
static void channel_gradient(const struct layer_pass *pass, struct channel at, float mean,
                             float gain, float level, float slope)
{
    for (int i = 0; i < at.rows; i++) {
        size_t first = at.first + (size_t)i * at.stride;
        const float *x = pass->x + first, *gy = pass->gy + first;
        float *gx = pass->gx + first, k = (float)columns_behind(pass, i);
        for (int p = 0; p < at.pixels; p++) {
            float g = gain * gy[p] - k * (level + slope * (x[p] - mean));
            gx[p] = pass->adds_gx ? gx[p] + g : g;
        }
    }
}

static double numbers_behind(const struct layer_pass *pass, struct channel at)
{
    const struct slots *merged = pass->merged;
    double columns = merged ? (double)merged->n_groups * merged->batch : pass->batch;
    return columns * at.pixels;
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    int channels = layer->in.dim[0];
    for (int c = 0; c < channels; c++) {
        struct channel at = channel_of(layer, pass, c);
        float mean, scale;
        statistics_of(layer, pass, c, &mean, &scale);
        double sum = 0, product = 0; /* of gy, of gy (x - mean) */
        for (int i = 0; i < at.rows; i++) {
            size_t first = at.first + (size_t)i * at.stride;
            sum += sum_of(pass->gy + first, at.pixels);
            product += product_of(pass->x + first, (double)mean, pass->gy + first, at.pixels);
        }
        if (layer->n_tensors) {
            pass->grads[c] += (float)((double)scale * product);
            pass->grads[channels + c] += (float)sum;
        }
        if (!pass->gx)
            continue;
        double m = numbers_behind(pass, at);
        double gain = (double)scale * (layer->n_tensors ? (double)pass->params[c] : 1);
        double through = pass->is_training ? gain / m : 0; /* the statistics */
        channel_gradient(pass, at, mean, (float)gain, (float)(through * sum),
                         (float)(through * (double)scale * (double)scale * product));
    }
}

const struct layer_ops layer_batch_norm = {
    .name = "batch_norm",
    .help = "mean 0 and variance 1 within each channel of a batch",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .backward_reads_input = true,
    .setup = setup,
    .init = layer_init_ones_and_zeros,
    .reset_buffers = reset_buffers,
    .forward = forward,
    .backward = backward,
};
