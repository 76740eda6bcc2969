/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A band of rows of 16 samples of x and of gy is transposed into scratch memory, x with its padding; then each place of
 * the kernel is the correlation of the two. Threads share the transposing by channels and the correlating by weights, so
 * each weight is summed in one order whatever their number.
 */
#include <string.h>

#include "models/conv_lanes.h"
#include "models/kernels_lanes.h"
#include "models/parallel.h"

#define LANES KERNEL_LANES

/* Floats of a band of both sides, within a second-level cache; of whole images, if they fit at all. */
#define BAND_FLOATS  (256 * 1024)
#define IMAGE_FLOATS (448 * 1024)

/* Pixels correlated at a time: of a few channels, they stay in a first-level cache. */
#define CHUNK_PIXELS 64

/* Weights of one part: channels out, and a multiple of taps. */
#define PART_CHANNELS 6
#define PART_TAPS     4

struct job {
    const struct conv *conv;
    const struct layer_pass *pass;
    int rows_in, padded;              /* of a channel of x in lanes */
    int band_rows;                    /* of gy, at most */
    int sample, n_samples, row, rows; /* the band at hand */
    int taps_of_group;
    int parts_of_group, channel_parts, part_channels, tap_parts, part_taps;
    size_t channel_in, channel_out; /* floats of a channel in lanes */
    int32_t *taps;                  /* of the first channels in of a group */
    float *x, *gy;
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

static int rows_read(const struct window_axis *axis, int rows)
{
    return (rows - 1) * axis->stride + axis->dilation * (axis->kernel - 1) + 1;
}

static size_t tap_floats(const struct job *job)
{
    return (size_t)divide_up(job->taps_of_group, LANES) * LANES;
}

static size_t band_floats(const struct job *job)
{
    return (size_t)job->conv->window.channels * job->channel_in +
           (size_t)job->conv->out_channels * job->channel_out;
}

static void plan_rows(struct job *job, int rows)
{
    const struct window *window = &job->conv->window;
    job->band_rows = divide_up(window->out_height, divide_up(window->out_height, rows));
    job->rows_in = rows_read(&window->y, job->band_rows);
    job->channel_in = (size_t)(job->rows_in * job->padded) * LANES;
    job->channel_out = (size_t)(job->band_rows * window->out_width) * LANES;
}

static struct job job_of(const struct conv *conv)
{
    const struct window *window = &conv->window;
    struct job job = {.conv = conv, .taps_of_group = conv->patch / conv->groups};
    job.padded = max(window->x.padding + window->width, rows_read(&window->x, window->out_width));
    for (int rows = window->out_height; rows > 0; rows--) {
        plan_rows(&job, rows);
        if (band_floats(&job) <= (rows == window->out_height ? IMAGE_FLOATS : BAND_FLOATS))
            break;
    }
    return job;
}

double conv_lanes_weight_scratch(const struct conv *conv)
{
    struct job job = job_of(conv);
    return (double)(tap_floats(&job) + band_floats(&job));
}

/* Where each tap's pixels begin. */
static void list_taps(struct job *job)
{
    const struct window *window = &job->conv->window;
    int32_t *tap = job->taps;
    for (int c = 0; c < window->channels / job->conv->groups; c++) {
        for (int ky = 0; ky < window->y.kernel; ky++) {
            for (int kx = 0; kx < window->x.kernel; kx++) {
                int row = c * job->rows_in + ky * window->y.dilation;
                *tap++ = (row * job->padded + kx * window->x.dilation) * LANES;
            }
        }
    }
}

static void plan_parts(struct job *job, int n_threads)
{
    int channels = job->conv->out_channels / job->conv->groups;
    job->part_channels = divide_up(channels, divide_up(channels, PART_CHANNELS));
    job->channel_parts = divide_up(channels, job->part_channels);
    int wanted =
        n_threads > 1 ? divide_up(4 * n_threads, job->conv->groups * job->channel_parts) : 1;
    job->part_taps = divide_up(divide_up(job->taps_of_group, wanted), PART_TAPS) * PART_TAPS;
    job->tap_parts = divide_up(job->taps_of_group, job->part_taps);
    job->parts_of_group = job->channel_parts * job->tap_parts;
}

/* Rows of the image in the middle, zeros around. */
static void pack_in(const struct job *job, int c)
{
    const struct window *window = &job->conv->window;
    size_t row = (size_t)job->padded * LANES, width = (size_t)window->width;
    size_t left = (size_t)window->x.padding * LANES, right = row - left - width * LANES;
    int top = job->row * window->y.stride - window->y.padding;
    int first = max(0, top), end = min(window->height, top + rows_read(&window->y, job->rows));
    float *lanes = job->x + (size_t)c * job->channel_in;
    if (first >= end) {
        memset(lanes, 0, job->channel_in * sizeof *lanes);
        return;
    }
    float *inside = lanes + (size_t)(first - top) * row;
    memset(lanes, 0, (size_t)(inside - lanes) * sizeof *lanes);
    float *after = inside + (size_t)(end - first) * row;
    memset(after, 0, (job->channel_in - (size_t)(after - lanes)) * sizeof *lanes);
    for (float *at = inside; at < after && left + right > 0; at += row) {
        memset(at, 0, left * sizeof *at);
        memset(at + left + width * LANES, 0, right * sizeof *at);
    }
    size_t features = conv_in_features(job->conv);
    struct lane_rows rows = {
        .from = job->pass->x + (size_t)job->sample * features +
                (size_t)(c * window->height + first) * width,
        .sample_step = features,
        .n_samples = job->n_samples,
        .n = (end - first) * window->width,
        .width = window->width,
        .lanes = inside + left,
        .row_step = row,
    };
    job->conv->kernels->lanes->pack(&rows);
}

static void pack_out(const struct job *job, int o)
{
    const struct window *window = &job->conv->window;
    const struct lane_kernels *kernels = job->conv->kernels->lanes;
    size_t features = conv_out_features(job->conv);
    int n = job->rows * window->out_width;
    struct lane_rows rows = {
        .from = job->pass->gy + (size_t)job->sample * features +
                (size_t)(o * window->out_height + job->row) * (size_t)window->out_width,
        .sample_step = features,
        .n_samples = job->n_samples,
        .n = n,
        .width = n,
        .lanes = job->gy + (size_t)o * job->channel_out,
    };
    kernels->pack(&rows);
    if (job->conv->has_bias)
        job->pass->grads[conv_n_weights(job->conv) + (size_t)o] += kernels->sum(rows.lanes, n);
}

static void pack_part(void *context, int i, int thread)
{
    const struct job *job = context;
    (void)thread;
    if (i < job->conv->window.channels)
        pack_in(job, i);
    else
        pack_out(job, i - job->conv->window.channels);
}

static void correlate_part(void *context, int i, int thread)
{
    const struct job *job = context;
    const struct conv *conv = job->conv;
    const struct window *window = &conv->window;
    (void)thread;
    int groups = conv->groups, group = i / job->parts_of_group, part = i % job->parts_of_group;
    int channels = conv->out_channels / groups, width = window->out_width;
    int o = part / job->tap_parts * job->part_channels;
    int t = part % job->tap_parts * job->part_taps;
    size_t out = (size_t)(group * channels + o);
    size_t in = (size_t)(group * (window->channels / groups)), taps = (size_t)job->taps_of_group;
    struct lane_correlation a = {
        .taps = job->taps + t,
        .n_taps = min(job->part_taps, job->taps_of_group - t),
        .n_channels = min(job->part_channels, channels - o),
        .n_columns = width,
        .w = job->pass->grads + out * taps + t,
        .w_step = taps,
        .x_step = (size_t)window->x.stride * LANES,
        .x_row = (size_t)(window->y.stride * job->padded) * LANES,
        .y_row = (size_t)width * LANES,
        .y_channel = job->channel_out,
    };
    int chunk = max(1, CHUNK_PIXELS / width);
    for (int row = 0; row < job->rows; row += chunk) {
        a.n_rows = min(chunk, job->rows - row);
        a.x = job->x + in * job->channel_in + (size_t)row * a.x_row;
        a.y = job->gy + out * job->channel_out + (size_t)row * a.y_row;
        conv->kernels->lanes->correlate(&a);
    }
}

void conv_lanes_weight_gradient(const struct conv *conv, const struct layer_pass *pass)
{
    struct job job = job_of(conv);
    int height = conv->window.out_height;
    job.pass = pass;
    job.taps = (int32_t *)(void *)pass->scratch;
    job.x = pass->scratch + tap_floats(&job);
    job.gy = job.x + (size_t)conv->window.channels * job.channel_in;
    list_taps(&job);
    plan_parts(&job, parallel_threads());
    for (job.sample = 0; job.sample < pass->batch; job.sample += LANES) {
        job.n_samples = min(LANES, pass->batch - job.sample);
        for (job.row = 0; job.row < height; job.row += job.band_rows) {
            job.rows = min(job.band_rows, height - job.row);
            parallel_for(conv->window.channels + conv->out_channels, pack_part, &job);
            parallel_for(conv->groups * job.parts_of_group, correlate_part, &job);
        }
    }
}
