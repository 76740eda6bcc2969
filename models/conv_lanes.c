/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With 16 samples side by side (models/kernels_lanes.h). A band of rows of 16 samples is transposed into scratch memory,
 * with zeros to its left and right, so that it stays in the cache; products over all places of the kernel make the band
 * of the result in lanes, which is transposed back. Rows of padding are left out, not multiplied.
 *
 * The input gradient is the same with the roles of x and y exchanged: where the forward pass steps through x, it steps
 * through gx, and columns a stride apart see the same places of the kernel. No sum depends on the number of threads.
 */
#include <stdlib.h>
#include <string.h>

#include "models/conv_lanes.h"
#include "models/kernels_lanes.h"
#include "models/parallel.h"

#define LANES KERNEL_LANES

/* Floats of a band of both sides: within a second-level cache; of what one block of pixels reads: within a first's. */
#define BAND_FLOATS  (256 * 1024)
#define BLOCK_FLOATS (6 * 1024)
#define BLOCK_PIXELS 4

/* Batches from which empty lanes cost less than the ways without lanes. */
#define WORTH_SAMPLES 6

/* Along one axis: position d of `to` reads position (d mul + add + k step) / div of `from`, if that is whole. */
struct axis {
    int kernel, mul, add, step, div;
    int n_from, n_to;
};

/* One of the two things that a product reads or writes, `features` floats a sample. */
struct side {
    int channels, height, width;
    size_t features;
};

/* A product of one task: forward or input gradient. */
struct job {
    const struct conv *conv;
    const struct layer_pass *pass;
    const struct lane_kernels *kernels;
    struct side from, to;
    struct axis y, x;
    int left, padded; /* columns of zeros before, columns in all, of a row of `from` in lanes */
    size_t w_to,
        w_from;  /* in the weight: from one channel of `to` to the next, of `from` to the next */
    int reduced; /* channels of `from` summed over at a time */
    int n_bands, band_rows,
        from_rows; /* rows of `to` in a band, at most; of `from` that these read */
    size_t thread_floats;
    const float *source;
    float *target;
    const float *bias;
};

static int min(int a, int b)
{
    return a < b ? a : b;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

static int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

static int divide_down(int a, int b)
{
    return a >= 0 ? a / b : -divide_up(-a, b);
}

static struct axis axis_of(struct window_axis axis, int in, int out, bool is_forward)
{
    if (is_forward)
        return (struct axis){axis.kernel, axis.stride, -axis.padding, axis.dilation, 1, in, out};
    return (struct axis){axis.kernel, 1, axis.padding, -axis.dilation, axis.stride, out, in};
}

/* The least and greatest position read by positions [0, n) from `first`, inside or not. */
static int lowest(const struct axis *axis, int first)
{
    return divide_down(first * axis->mul + axis->add + min(0, axis->step * (axis->kernel - 1)),
                       axis->div);
}

static int highest(const struct axis *axis, int last)
{
    return divide_down(last * axis->mul + axis->add + max(0, axis->step * (axis->kernel - 1)),
                       axis->div);
}

/* Rows [*first, *end) of `from` that rows [row, row_end) of `to` read. */
static void rows_read(const struct job *job, int row, int row_end, int *first, int *end)
{
    *first = max(0, lowest(&job->y, row));
    *end = min(job->y.n_from, highest(&job->y, row_end - 1) + 1);
    *end = max(*first, *end);
}

static void plan_bands(struct job *job, int n_parts_wanted)
{
    size_t row_from = (size_t)job->from.channels * (size_t)job->padded * LANES;
    size_t row_to = (size_t)job->to.channels * (size_t)job->to.width * LANES;
    int height = job->to.height, rows = height, reach = abs(job->y.step) * (job->y.kernel - 1);
    for (;; rows--) {
        job->n_bands = divide_up(height, rows);
        job->band_rows = divide_up(height, job->n_bands);
        job->from_rows =
            min(job->from.height, ((job->band_rows - 1) * job->y.mul + reach) / job->y.div + 2);
        if (rows == 1 ||
            (job->n_bands >= n_parts_wanted &&
             row_from * (size_t)job->from_rows + row_to * (size_t)job->band_rows <= BAND_FLOATS))
            break;
    }
    job->thread_floats = row_from * (size_t)job->from_rows + row_to * (size_t)job->band_rows;
}

/* Floats that hold the table of taps. */
static size_t tap_floats(const struct job *job)
{
    size_t n = (size_t)job->reduced * (size_t)(job->y.kernel * job->x.kernel);
    return (n * sizeof(struct lane_tap) / sizeof(float) + LANES - 1) / LANES * LANES;
}

static void plan_reduction(struct job *job)
{
    int columns =
        ((BLOCK_PIXELS - 1) * job->x.mul + abs(job->x.step) * (job->x.kernel - 1)) / job->x.div + 1;
    int rows = divide_up(job->y.kernel, job->y.div);
    int channels = job->from.channels / job->conv->groups;
    int most = max(1, min(BLOCK_FLOATS / LANES / columns / rows, 4096));
    job->reduced = divide_up(channels, divide_up(channels, most));
}

static struct job job_of(const struct conv *conv, bool is_forward, int batch, int n_threads)
{
    const struct window *window = &conv->window;
    struct side x = {window->channels, window->height, window->width, conv_in_features(conv)};
    struct side y = {conv->out_channels, window->out_height, window->out_width,
                     conv_out_features(conv)};
    size_t place = (size_t)(window->y.kernel * window->x.kernel);
    size_t row = (size_t)(conv->patch / conv->groups);
    struct job job = {
        .conv = conv,
        .kernels = conv->kernels->lanes,
        .from = is_forward ? x : y,
        .to = is_forward ? y : x,
        .y = axis_of(window->y, x.height, y.height, is_forward),
        .x = axis_of(window->x, x.width, y.width, is_forward),
        .w_to = is_forward ? row : place,
        .w_from = is_forward ? place : row,
    };
    job.left = max(0, -lowest(&job.x, 0));
    job.padded = job.left + max(job.from.width, highest(&job.x, job.to.width - 1) + 1);
    plan_reduction(&job);
    plan_bands(&job, divide_up(n_threads, divide_up(batch, LANES)));
    job.thread_floats += tap_floats(&job);
    return job;
}

/* What one part works with. */
struct band {
    const struct job *job;
    int sample, n_samples;
    int row, row_end;      /* of `to` */
    int first_row, n_rows; /* of `from` */
    struct lane_tap *taps;
    float *from, *to;
};

static void clear_margins(const struct job *job, float *lanes, size_t n_rows)
{
    size_t left = (size_t)job->left * LANES, width = (size_t)job->from.width * LANES;
    size_t row = (size_t)job->padded * LANES;
    for (size_t i = 0; i < n_rows && row > width; i++, lanes += row) {
        memset(lanes, 0, left * sizeof *lanes);
        memset(lanes + left + width, 0, (row - left - width) * sizeof *lanes);
    }
}

static void pack_band(const struct band *band)
{
    const struct job *job = band->job;
    const struct side *from = &job->from;
    size_t row = (size_t)job->padded * LANES, channel = (size_t)band->n_rows * row;
    clear_margins(job, band->from, (size_t)(from->channels * band->n_rows));
    for (int c = 0; c < from->channels; c++) {
        const float *samples = job->source + (size_t)band->sample * from->features +
                               (size_t)((c * from->height + band->first_row) * from->width);
        struct lane_rows rows = {
            .from = samples,
            .sample_step = from->features,
            .n_samples = band->n_samples,
            .n = band->n_rows * from->width,
            .width = from->width,
            .lanes = band->from + (size_t)c * channel + (size_t)job->left * LANES,
            .row_step = row,
        };
        job->kernels->pack(&rows);
    }
}

static void unpack_band(const struct band *band)
{
    const struct job *job = band->job;
    const struct side *to = &job->to;
    int n = (band->row_end - band->row) * to->width;
    bool adds = job->target == job->pass->gx && job->pass->adds_gx;
    for (int c = 0; c < to->channels; c++) {
        struct lane_rows rows = {
            .to = job->target + (size_t)band->sample * to->features +
                  (size_t)((c * to->height + band->row) * to->width),
            .sample_step = to->features,
            .n_samples = band->n_samples,
            .n = n,
            .lanes = band->to + (size_t)c * (size_t)n * LANES,
        };
        job->kernels->unpack(&rows, adds);
    }
}

/* Position k of the kernel at position d of `to`; false: between the pixels of `from`. */
static bool reads(const struct axis *axis, int d, int k, int *from)
{
    int at = d * axis->mul + axis->add + k * axis->step;
    *from = divide_down(at, axis->div);
    return *from * axis->div == at;
}

/* Taps of `n_channels` channels for `row` and the columns that are `column` plus multiples of the stride. */
static int list_taps(const struct band *band, int row, int column, int n_channels)
{
    const struct job *job = band->job;
    struct lane_tap *tap = band->taps;
    int from_row, from_column, n = 0;
    for (int ky = 0; ky < job->y.kernel; ky++) {
        if (!reads(&job->y, row, ky, &from_row) || from_row < 0 || from_row >= job->y.n_from)
            continue;
        for (int kx = 0; kx < job->x.kernel; kx++) {
            if (!reads(&job->x, column, kx, &from_column))
                continue;
            int at = (from_row - band->first_row) * job->padded + from_column + job->left;
            tap[n++] = (struct lane_tap){at * LANES, ky * job->x.kernel + kx};
        }
    }
    int n_places = n, channel = band->n_rows * job->padded * LANES;
    for (int c = 1; c < n_channels; c++) {
        for (int i = 0; i < n_places; i++)
            tap[n++] = (struct lane_tap){tap[i].x + c * channel, tap[i].w + c * (int)job->w_from};
    }
    return n;
}

/* One row of all groups, of columns that see the same places; channels [c, c + n_reduced) of each group's `from`. */
static void multiply_columns(const struct band *band, int row, int column, int c, int n_reduced)
{
    const struct job *job = band->job;
    int groups = job->conv->groups, to_channels = job->to.channels / groups;
    int from_channels = job->from.channels / groups;
    size_t channel = (size_t)(band->row_end - band->row) * (size_t)job->to.width * LANES;
    size_t place = (size_t)(row - band->row) * (size_t)job->to.width + (size_t)column;
    struct lane_product product = {
        .taps = band->taps,
        .n_taps = list_taps(band, row, column, n_reduced),
        .n_channels = to_channels,
        .n_pixels = divide_up(job->to.width - column, job->x.div),
        .x_step = (size_t)job->x.mul * LANES,
        .w_step = job->w_to,
        .y_step = (size_t)job->x.div * LANES,
        .y_channel = channel,
        .adds = c > 0,
    };
    for (int g = 0; g < groups; g++) {
        int from = g * from_channels + c, to = g * to_channels;
        product.x = band->from + (size_t)(from * band->n_rows) * (size_t)job->padded * LANES;
        product.w = job->pass->params + (size_t)g * conv_n_weights(job->conv) / (size_t)groups +
                    (size_t)c * job->w_from;
        product.y = band->to + (size_t)to * channel + place * LANES;
        product.bias = job->bias ? job->bias + to : NULL;
        job->kernels->product(&product);
    }
}

static void multiply_band(const struct band *band)
{
    const struct job *job = band->job;
    int channels = job->from.channels / job->conv->groups;
    for (int c = 0; c < channels; c += job->reduced) {
        int n = min(job->reduced, channels - c);
        for (int row = band->row; row < band->row_end; row++) {
            for (int column = 0; column < min(job->x.div, job->to.width); column++)
                multiply_columns(band, row, column, c, n);
        }
    }
}

static void run_part(void *context, int i, int thread)
{
    const struct job *job = context;
    float *scratch = job->pass->scratch + (size_t)thread * job->thread_floats;
    int part = i % job->n_bands;
    struct band band = {
        .job = job,
        .sample = i / job->n_bands * LANES,
        .row = part * job->band_rows,
        .row_end = min((part + 1) * job->band_rows, job->to.height),
        .taps = (struct lane_tap *)(void *)scratch,
        .from = scratch + tap_floats(job),
    };
    if (band.row >= band.row_end)
        return;
    int end;
    rows_read(job, band.row, band.row_end, &band.first_row, &end);
    band.n_rows = end - band.first_row;
    band.n_samples = min(job->pass->batch - band.sample, LANES);
    band.to = band.from + (size_t)(job->from.channels * band.n_rows * job->padded) * LANES;
    pack_band(&band);
    multiply_band(&band);
    unpack_band(&band);
}

static void run_job(struct job *job, const struct layer_pass *pass)
{
    job->pass = pass;
    parallel_for(divide_up(pass->batch, LANES) * job->n_bands, run_part, job);
}

static void forward(const struct conv *conv, const struct layer_pass *pass)
{
    struct job job = job_of(conv, true, pass->batch, parallel_threads());
    job.source = pass->x;
    job.target = pass->y;
    job.bias = conv_bias(conv, pass);
    run_job(&job, pass);
}

static void input_gradient(const struct conv *conv, const struct layer_pass *pass)
{
    struct job job = job_of(conv, false, pass->batch, parallel_threads());
    job.source = pass->gy;
    job.target = pass->gx;
    run_job(&job, pass);
}

static bool fits(const struct conv *conv)
{
    (void)conv;
    return true;
}

static bool suits(const struct conv *conv, enum conv_task task, int batch)
{
    (void)conv, (void)task;
    return batch >= WORTH_SAMPLES;
}

static double scratch(const struct conv *conv, enum conv_task task, int max_batch, int n_threads)
{
    if (task == CONV_WEIGHT_GRADIENT)
        return conv_lanes_weight_scratch(conv);
    struct job job = job_of(conv, task == CONV_FORWARD, max_batch, n_threads);
    return (double)job.thread_floats * n_threads;
}

const struct conv_algorithm conv_lanes = {
    .name = "lanes",
    .fits = fits,
    .suits = suits,
    .scratch = scratch,
    .run = {forward, input_gradient, conv_lanes_weight_gradient},
};
