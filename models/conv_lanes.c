/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With 16 samples side by side (models/kernels_lanes.h). A band of rows of 16 samples is transposed into scratch memory,
 * with zeros to its left and right, so that it stays in the cache; products over all places of the kernel make the band
 * of the result in lanes, which is transposed back. Rows of padding are left out, not multiplied.
 *
 * The input gradient is the same with the roles of x and y exchanged: where the forward pass steps through x, it steps
 * through gx, and columns a stride apart see the same places of the kernel. No sum depends on the number of threads.
 */
#include <string.h>

#include "models/conv_lanes.h"
#include "models/conv_lanes_job.h"
#include "models/parallel.h"

/* Batches from which empty lanes cost less than the ways without lanes. */
#define WORTH_SAMPLES 6

/* What one part works with. */
struct band {
    const struct lane_job *job;
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

static void clear_margins(const struct lane_job *job, float *lanes, size_t n_rows)
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
    const struct lane_job *job = band->job;
    const struct lane_side *from = &job->from;
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
    const struct lane_job *job = band->job;
    const struct lane_side *to = &job->to;
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

/* Taps of all channels summed over for a row and the columns that are `column` plus multiples of the stride. */
static int list_taps(const struct band *band, int row, int column, struct lane_tap *tap)
{
    const struct lane_job *job = band->job;
    int from_row, from_column, n = 0;
    for (int ky = 0; ky < job->y.kernel; ky++) {
        if (!lane_axis_reads(&job->y, row, ky, &from_row) || from_row < 0 ||
            from_row >= job->y.n_from)
            continue;
        for (int kx = 0; kx < job->x.kernel; kx++) {
            if (!lane_axis_reads(&job->x, column, kx, &from_column))
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
    const struct lane_job *job = band->job;
    int32_t *n_places = band->n_places;
    for (int row = band->row; row < band->row_end; row++) {
        struct lane_tap *tap = band->taps + (size_t)(row - band->row) * lane_job_taps_in_row(job);
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
    const struct lane_job *job = band->job;
    int groups = job->conv->groups, width = job->to.width, n_columns = min(job->x.div, width);
    int from_channels = job->from.channels / groups, to_channels = job->to.channels / groups;
    const int32_t *n_places = band->n_places + (row - band->row) * job->x.div;
    size_t channel = (size_t)(tile->row_end - tile->row) * (size_t)width * LANES;
    struct lane_product a = {
        .taps = band->taps + (size_t)(row - band->row) * lane_job_taps_in_row(job),
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
    const struct lane_job *job = band->job;
    int channels = job->from.channels / job->conv->groups;
    for (int c = 0; c < channels; c += job->reduced) {
        for (int row = tile->row; row < tile->row_end; row++)
            multiply_row(band, tile, row, c, min(job->reduced, channels - c));
    }
    unpack_tile(band, tile);
}

static void run_tiles(const struct band *band)
{
    const struct lane_job *job = band->job;
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
    const struct lane_job *job = context;
    float *scratch = job->pass->scratch + (size_t)thread * job->thread_floats;
    int part = i % job->n_bands, end;
    struct band band = {
        .job = job,
        .sample = i / job->n_bands * LANES,
        .row = part * job->band_rows,
        .row_end = min((part + 1) * job->band_rows, job->to.height),
        .to = scratch,
        .from = scratch + lane_job_tile_floats(job),
    };
    if (band.row >= band.row_end)
        return;
    lane_job_rows_read(job, band.row, band.row_end, &band.first_row, &end);
    band.n_rows = end - band.first_row;
    band.n_samples = min(job->pass->batch - band.sample, LANES);
    size_t from_floats = (size_t)(job->from.channels * band.n_rows * job->padded) * LANES;
    band.taps = (struct lane_tap *)(void *)(band.from + from_floats);
    band.n_places = (int32_t *)(band.taps + (size_t)job->band_rows * lane_job_taps_in_row(job));
    list_band_taps(&band);
    pack_band(&band);
    run_tiles(&band);
}

static void run_job(struct lane_job *job, const struct layer_pass *pass)
{
    job->pass = pass;
    parallel_for(divide_up(pass->batch, LANES) * job->n_bands, run_part, job);
}

static void forward(const struct conv *conv, const struct layer_pass *pass)
{
    struct lane_job job = lane_job_of(conv, true, pass->batch, parallel_threads());
    job.source = pass->x;
    job.target = pass->y;
    job.bias = conv_bias(conv, pass);
    run_job(&job, pass);
}

static void input_gradient(const struct conv *conv, const struct layer_pass *pass)
{
    struct lane_job job = lane_job_of(conv, false, pass->batch, parallel_threads());
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
    struct lane_job job = lane_job_of(conv, task == CONV_FORWARD, max_batch, n_threads);
    return (double)job.thread_floats * n_threads;
}

const struct conv_algorithm conv_lanes = {
    .name = "lanes",
    .fits = fits,
    .suits = suits,
    .scratch = scratch,
    .run = {forward, input_gradient, conv_lanes_weight_gradient},
};
