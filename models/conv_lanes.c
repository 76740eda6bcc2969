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

/* Where one product gives the whole sum: floats of results that are transposed at a time. */
#define TILE_FLOATS 16384
#define TILE_PIXELS 1024

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
    int tile_rows, tile_groups,
        tile_channels; /* of `to` computed at a time; channels of one group */
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

/* Of `to`: as much as is computed before it is transposed. */
static void plan_tiles(struct job *job, int band_rows)
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

static size_t tile_floats(const struct job *job)
{
    return (size_t)(job->tile_rows * job->to.width) * (size_t)job->tile_groups *
           (size_t)job->tile_channels * LANES;
}

static size_t taps_in_row(const struct job *job)
{
    return (size_t)job->reduced * (size_t)(job->y.kernel * job->x.kernel);
}

/* Floats that hold the taps of a band, and how many places each row and column reads. */
static size_t tap_floats(const struct job *job)
{
    size_t floats =
        (size_t)job->band_rows *
        (taps_in_row(job) * sizeof(struct lane_tap) / sizeof(float) + (size_t)job->x.div);
    return (floats + LANES - 1) / LANES * LANES;
}

static void plan_bands(struct job *job, int n_parts_wanted)
{
    size_t row_from = (size_t)job->from.channels * (size_t)job->padded * LANES;
    int height = job->to.height, reach = abs(job->y.step) * (job->y.kernel - 1);
    for (int rows = height; rows > 0; rows--) {
        job->n_bands = divide_up(height, rows);
        job->band_rows = divide_up(height, job->n_bands);
        job->from_rows =
            min(job->from.height, ((job->band_rows - 1) * job->y.mul + reach) / job->y.div + 2);
        plan_tiles(job, job->band_rows);
        job->thread_floats = row_from * (size_t)job->from_rows + tile_floats(job) + tap_floats(job);
        if (job->n_bands >= n_parts_wanted && job->thread_floats <= BAND_FLOATS)
            return;
    }
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
    return job;
}

/* What one part works with. */
struct band {
    const struct job *job;
    int sample, n_samples;
    int row, row_end;      /* of `to` */
    int first_row, n_rows; /* of `from` */
    int32_t *n_places; /* (rows, columns of one step): places of the kernel that are read there */
    struct lane_tap *taps; /* (rows, taps): of one channel after the other, those of each column */
    float *from, *to;
};

/* What is computed and then transposed. */
struct tile {
    int row, row_end, group, n_groups;
    int channel, n_channels; /* of each group */
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

static void unpack_tile(const struct band *band, const struct tile *tile)
{
    const struct job *job = band->job;
    const struct side *to = &job->to;
    int n = (tile->row_end - tile->row) * to->width;
    int first = tile->group * (to->channels / job->conv->groups) + tile->channel;
    bool adds = job->target == job->pass->gx && job->pass->adds_gx;
    for (int c = 0; c < tile->n_groups * tile->n_channels; c++) {
        struct lane_rows rows = {
            .to = job->target + (size_t)band->sample * to->features +
                  (size_t)(((first + c) * to->height + tile->row) * to->width),
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

/* Taps of all channels summed over for a row and the columns that are `column` plus multiples of the stride. */
static int list_taps(const struct band *band, int row, int column, struct lane_tap *tap)
{
    const struct job *job = band->job;
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
    for (int c = 1; c < job->reduced; c++) {
        for (int i = 0; i < n_places; i++)
            tap[n++] = (struct lane_tap){tap[i].x + c * channel, tap[i].w + c * (int)job->w_from};
    }
    return n_places;
}

static void list_band_taps(const struct band *band)
{
    const struct job *job = band->job;
    int32_t *n_places = band->n_places;
    for (int row = band->row; row < band->row_end; row++) {
        struct lane_tap *tap = band->taps + (size_t)(row - band->row) * taps_in_row(job);
        for (int column = 0; column < job->x.div; column++) {
            *n_places = list_taps(band, row, column, tap);
            tap += *n_places++ * job->reduced;
        }
    }
}

/* One row of a tile; channels [c, c + n_reduced) of each group's `from`. */
static void multiply_row(const struct band *band, const struct tile *tile, int row, int c,
                         int n_reduced)
{
    const struct job *job = band->job;
    int groups = job->conv->groups, width = job->to.width, n_columns = min(job->x.div, width);
    int from_channels = job->from.channels / groups, to_channels = job->to.channels / groups;
    const int32_t *n_places = band->n_places + (row - band->row) * job->x.div;
    size_t channel = (size_t)(tile->row_end - tile->row) * (size_t)width * LANES;
    struct lane_product a = {
        .taps = band->taps + (size_t)(row - band->row) * taps_in_row(job),
        .n_channels = tile->n_channels,
        .x_step = (size_t)job->x.mul * LANES,
        .w_step = job->w_to,
        .y_step = (size_t)job->x.div * LANES,
        .y_channel = channel,
        .adds = c > 0,
    };
    for (int column = 0; column < n_columns; column++) {
        a.n_taps = n_places[column] * n_reduced;
        a.n_pixels = divide_up(width - column, job->x.div);
        float *y = band->to + (size_t)((row - tile->row) * width + column) * LANES;
        for (int g = 0; g < tile->n_groups; g++) {
            int group = tile->group + g, from = group * from_channels + c;
            size_t w = (size_t)group * (conv_n_weights(job->conv) / (size_t)groups);
            a.x = band->from + (size_t)(from * band->n_rows) * (size_t)job->padded * LANES;
            a.w =
                job->pass->params + w + (size_t)c * job->w_from + (size_t)tile->channel * job->w_to;
            a.y = y + (size_t)(g * tile->n_channels) * channel;
            a.bias = job->bias ? job->bias + group * to_channels + tile->channel : NULL;
            job->kernels->product(&a);
        }
        a.taps += n_places[column] * job->reduced;
    }
}

static void run_tile(const struct band *band, const struct tile *tile)
{
    const struct job *job = band->job;
    int channels = job->from.channels / job->conv->groups;
    for (int c = 0; c < channels; c += job->reduced) {
        for (int row = tile->row; row < tile->row_end; row++)
            multiply_row(band, tile, row, c, min(job->reduced, channels - c));
    }
    unpack_tile(band, tile);
}

static void run_tiles(const struct band *band)
{
    const struct job *job = band->job;
    int groups = job->conv->groups, channels = job->to.channels / groups;
    struct tile tile;
    for (tile.row = band->row; tile.row < band->row_end; tile.row = tile.row_end) {
        tile.row_end = min(tile.row + job->tile_rows, band->row_end);
        for (tile.group = 0; tile.group < groups; tile.group += tile.n_groups) {
            tile.n_groups = min(job->tile_groups, groups - tile.group);
            for (tile.channel = 0; tile.channel < channels; tile.channel += tile.n_channels) {
                tile.n_channels = min(job->tile_channels, channels - tile.channel);
                run_tile(band, &tile);
            }
        }
    }
}

static void run_part(void *context, int i, int thread)
{
    const struct job *job = context;
    float *scratch = job->pass->scratch + (size_t)thread * job->thread_floats;
    int part = i % job->n_bands, end;
    struct band band = {
        .job = job,
        .sample = i / job->n_bands * LANES,
        .row = part * job->band_rows,
        .row_end = min((part + 1) * job->band_rows, job->to.height),
        .to = scratch,
        .from = scratch + tile_floats(job),
    };
    if (band.row >= band.row_end)
        return;
    rows_read(job, band.row, band.row_end, &band.first_row, &end);
    band.n_rows = end - band.first_row;
    band.n_samples = min(job->pass->batch - band.sample, LANES);
    size_t from_floats = (size_t)(job->from.channels * band.n_rows * job->padded) * LANES;
    band.taps = (struct lane_tap *)(void *)(band.from + from_floats);
    band.n_places = (int32_t *)(band.taps + (size_t)job->band_rows * taps_in_row(job));
    list_band_taps(&band);
    pack_band(&band);
    run_tiles(&band);
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

/* As measured by `make bench-conv`: OpenBLAS is ahead where each number read or written has little to do in lanes. */
static bool suits(const struct conv *conv, enum conv_task task, int batch)
{
    int depth = conv->patch / conv->groups, places = conv->window.y.kernel * conv->window.x.kernel;
    if (batch < WORTH_SAMPLES)
        return false;
    if (task == CONV_WEIGHT_GRADIENT && conv->groups == 1)
        return conv->pixels >= 256 || (depth < 1024 && places > 1);
    return conv->groups > 1 || places > 1;
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
