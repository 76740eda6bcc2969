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
#include "models/kernels.h"
#include "models/kernels_norm.h"
#include "models/layer.h"

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

/* Channel c over the batch, from *first on. */
static struct norm_rows rows_of(const struct layer *layer, const struct layer_pass *pass, size_t c,
                                size_t *first)
{
    int pixels = layer->in.n_dims == 3 ? layer->in.dim[1] * layer->in.dim[2] : 1;
    *first = c * (size_t)pixels;
    return (struct norm_rows){pass->batch, pixels, shape_features(&layer->in)};
}

/* The batch's statistics into saved[c] and saved[channels + c], the running ones moved. */
static void take_statistics(const struct layer *layer, const struct layer_pass *pass, size_t c)
{
    size_t channels = (size_t)layer->in.dim[0], first;
    struct norm_rows at = rows_of(layer, pass, c, &first);
    double m = (double)at.rows * at.pixels, mean, squares;
    kernels()->norm->moments(at, pass->x + first, &mean, &squares);
    pass->saved[c] = (float)mean;
    pass->saved[channels + c] = (float)(1 / sqrt(squares / m + layer->args[EPS]));

    double momentum = layer->args[MOMENTUM], unbiased = squares / (m > 1 ? m - 1 : 1);
    float *running = pass->buffers;
    running[c] = (float)((1 - momentum) * (double)running[c] + momentum * mean);
    running[channels + c] =
        (float)((1 - momentum) * (double)running[channels + c] + momentum * unbiased);
}

/* What channel c is normalised with; *scale is 1/sqrt(variance + eps). */
static struct norm_line line_of(const struct layer *layer, const struct layer_pass *pass, size_t c,
                                bool relu, float *scale)
{
    size_t channels = (size_t)layer->in.dim[0];
    *scale = pass->is_training
                 ? pass->saved[channels + c]
                 : (float)(1 / sqrt((double)pass->buffers[channels + c] + layer->args[EPS]));
    return (struct norm_line){
        .mean = pass->is_training ? pass->saved[c] : pass->buffers[c],
        .gain = layer->n_tensors ? pass->params[c] * *scale : *scale,
        .bias = layer->n_tensors ? pass->params[channels + c] : 0,
        .relu = relu,
    };
}

static bool is_new_batch(const struct layer_pass *pass)
{
    return pass->is_training && !pass->merged;
}

static void forward_channels(const struct layer *layer, const struct layer_pass *pass,
                             size_t first_channel, size_t end, bool relu)
{
    for (size_t c = first_channel; c < end; c++) {
        size_t first;
        float scale;
        struct norm_rows at = rows_of(layer, pass, c, &first);
        if (is_new_batch(pass))
            take_statistics(layer, pass, c);
        kernels()->norm->apply(at, line_of(layer, pass, c, relu, &scale), pass->x + first,
                               pass->y + first);
    }
}

/* Columns that went forward for each of the batch. */
static double numbers_behind(const struct layer_pass *pass, struct norm_rows at)
{
    const struct slots *merged = pass->merged;
    double columns = merged ? (double)merged->n_groups * merged->batch : pass->batch;
    return columns * at.pixels;
}

/* gx; the first columns, when merged, take k times what flows through the statistics. */
static void channel_gradient(const struct layer_pass *pass, struct norm_rows at, size_t first,
                             struct norm_line line, struct norm_slope slope)
{
    int n_merged = pass->merged ? pass->merged->n_slots : 0;
    struct norm_rows merged = at;
    merged.rows = n_merged < at.rows ? n_merged : at.rows;
    if (merged.rows > 0) {
        float k = (float)pass->merged->n_groups;
        struct norm_slope steeper = {slope.gain, k * slope.level, k * slope.slope, slope.adds};
        kernels()->norm->gradient(merged, line, steeper, pass->x + first, pass->gy + first,
                                  pass->gx + first);
    }
    first += (size_t)merged.rows * at.stride;
    at.rows -= merged.rows;
    kernels()->norm->gradient(at, line, slope, pass->x + first, pass->gy + first, pass->gx + first);
}

static void backward_channels(const struct layer *layer, const struct layer_pass *pass,
                              size_t first_channel, size_t end, bool relu)
{
    size_t channels = (size_t)layer->in.dim[0];
    for (size_t c = first_channel; c < end; c++) {
        size_t first;
        float scale;
        struct norm_rows at = rows_of(layer, pass, c, &first);
        struct norm_line line = line_of(layer, pass, c, relu, &scale);
        double sum, product; /* of gy, of gy (x - mean) */
        kernels()->norm->sums(at, line, pass->x + first, pass->gy + first, &sum, &product);
        if (layer->n_tensors) {
            float *grads = pass->grads;
            grads[c] = (pass->adds_grads ? grads[c] : 0) + (float)((double)scale * product);
            grads[channels + c] = (pass->adds_grads ? grads[channels + c] : 0) + (float)sum;
        }
        if (!pass->gx)
            continue;
        double gain = (double)scale * (layer->n_tensors ? (double)pass->params[c] : 1);
        double through = pass->is_training ? gain / numbers_behind(pass, at) : 0; /* statistics */
        struct norm_slope slope = {
            .gain = (float)gain,
            .level = (float)(through * sum),
            .slope = (float)(through * (double)scale * (double)scale * product),
            .adds = pass->adds_gx,
        };
        channel_gradient(pass, at, first, line, slope);
    }
}

static void forward_plain(const struct layer *layer, const struct layer_pass *pass, size_t first,
                          size_t end)
{
    forward_channels(layer, pass, first, end, false);
}

static void forward_relu(const struct layer *layer, const struct layer_pass *pass, size_t first,
                         size_t end)
{
    forward_channels(layer, pass, first, end, true);
}

static void backward_plain(const struct layer *layer, const struct layer_pass *pass, size_t first,
                           size_t end)
{
    backward_channels(layer, pass, first, end, false);
}

static void backward_relu(const struct layer *layer, const struct layer_pass *pass, size_t first,
                          size_t end)
{
    backward_channels(layer, pass, first, end, true);
}

static void run_forward(const struct layer *layer, const struct layer_pass *pass, layer_part *part)
{
    size_t channels = (size_t)layer->in.dim[0];
    layer_in_parts(layer, pass, channels, part);
    if (is_new_batch(pass))
        pass->buffers[2 * channels] += 1;
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    run_forward(layer, pass, forward_plain);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, (size_t)layer->in.dim[0], backward_plain);
}

static void forward_then_relu(const struct layer *layer, const struct layer_pass *pass)
{
    run_forward(layer, pass, forward_relu);
}

static void backward_then_relu(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, (size_t)layer->in.dim[0], backward_relu);
}

const struct layer_ops layer_batch_norm = {
    .name = "batch_norm",
    .help = "mean 0 and variance 1 within each channel of a batch",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .backward_reads_input = true,
    .overwrites_gradient = true,
    .writes_grads = true,
    .setup = setup,
    .init = layer_init_ones_and_zeros,
    .reset_buffers = reset_buffers,
    .forward = forward,
    .backward = backward,
    .forward_then_relu = forward_then_relu,
    .backward_then_relu = backward_then_relu,
};
