/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/conv_lanes_job.h"

#include <stdlib.h>

/* Floats of a band of both sides: within a second-level cache; of what one block of pixels reads: within a first's. */
#define BAND_FLOATS  (256 * 1024)
#define BLOCK_FLOATS (6 * 1024)
#define BLOCK_PIXELS 4

/* Where one product gives the whole sum: floats of results that are transposed at a time. */
#define TILE_FLOATS 16384
#define TILE_PIXELS 1024

static int max(int a, int b)
{
    return a > b ? a : b;
}

static struct lane_axis axis_of(struct window_axis axis, int in, int out, bool is_forward)
{
    if (is_forward)
        return (struct lane_axis){axis.kernel, axis.stride, -axis.padding, axis.dilation, 1,
                                  in,          out};
    return (struct lane_axis){axis.kernel, 1, axis.padding, -axis.dilation, axis.stride, out, in};
}

/* The least and greatest position read by positions [0, n) from `first`, inside or not. */
static int lowest(const struct lane_axis *axis, int first)
{
    return divide_down(first * axis->mul + axis->add + min(0, axis->step * (axis->kernel - 1)),
                       axis->div);
}

static int highest(const struct lane_axis *axis, int last)
{
    return divide_down(last * axis->mul + axis->add + max(0, axis->step * (axis->kernel - 1)),
                       axis->div);
}

void lane_job_rows_read(const struct lane_job *job, int row, int row_end, int *first, int *end)
{
    *first = max(0, lowest(&job->y, row));
    *end = min(job->y.n_from, highest(&job->y, row_end - 1) + 1);
    *end = max(*first, *end);
}

/* Of `to`: as much as is computed before it is transposed. */
static void plan_tiles(struct lane_job *job, int band_rows)
{
    int groups = job->conv->groups, channels = job->to.channels / groups;
    job->tile_rows = band_rows;
    job->tile_groups = groups;
    job->tile_channels = channels;
    if (job->reduced < job->from.channels / groups)
        return; /* sums are made in several turns, each over the whole band */
    job->tile_rows = min(band_rows, max(1, TILE_PIXELS / job->to.width));
    int most = max(channels > 1 ? 6 : 1, TILE_FLOATS / (job->tile_rows * job->to.width * LANES));
    job->tile_channels = divide_up(channels, divide_up(channels, most));
    job->tile_groups = job->tile_channels < channels ? 1 : min(groups, max(1, most / channels));
}

size_t lane_job_tile_floats(const struct lane_job *job)
{
    return (size_t)(job->tile_rows * job->to.width) * (size_t)job->tile_groups *
           (size_t)job->tile_channels * LANES;
}

size_t lane_job_taps_in_row(const struct lane_job *job)
{
    return (size_t)job->reduced * (size_t)(job->y.kernel * job->x.kernel);
}

/* Floats that hold the taps of a band, and how many places each row and column reads. */
static size_t tap_floats(const struct lane_job *job)
{
    size_t floats =
        (size_t)job->band_rows *
        (lane_job_taps_in_row(job) * sizeof(struct lane_tap) / sizeof(float) + (size_t)job->x.div);
    return (floats + LANES - 1) / LANES * LANES;
}

static void plan_bands(struct lane_job *job, int n_parts_wanted)
{
    size_t row_from = (size_t)job->from.channels * (size_t)job->padded * LANES;
    int height = job->to.height, reach = abs(job->y.step) * (job->y.kernel - 1);
    for (int rows = height; rows > 0; rows--) {
        job->n_bands = divide_up(height, rows);
        job->band_rows = divide_up(height, job->n_bands);
        job->from_rows =
            min(job->from.height, ((job->band_rows - 1) * job->y.mul + reach) / job->y.div + 2);
        plan_tiles(job, job->band_rows);
        job->thread_floats =
            row_from * (size_t)job->from_rows + lane_job_tile_floats(job) + tap_floats(job);
        if (job->n_bands >= n_parts_wanted && job->thread_floats <= BAND_FLOATS)
            return;
    }
}

static void plan_reduction(struct lane_job *job)
{
    int columns =
        ((BLOCK_PIXELS - 1) * job->x.mul + abs(job->x.step) * (job->x.kernel - 1)) / job->x.div + 1;
    int rows = divide_up(job->y.kernel, job->y.div);
    int channels = job->from.channels / job->conv->groups;
    int most = max(1, min(BLOCK_FLOATS / LANES / columns / rows, 4096));
    job->reduced = divide_up(channels, divide_up(channels, most));
}

struct lane_job lane_job_of(const struct conv *conv, bool is_forward, int batch, int n_threads)
{
    const struct window *window = &conv->window;
    struct lane_side x = {window->channels, window->height, window->width, conv_in_features(conv)};
    struct lane_side y = {conv->out_channels, window->out_height, window->out_width,
                          conv_out_features(conv)};
    size_t place = (size_t)(window->y.kernel * window->x.kernel);
    size_t row = (size_t)(conv->patch / conv->groups);
    struct lane_job job = {
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
    return job;
}
