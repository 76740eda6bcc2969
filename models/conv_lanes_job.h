/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a product of conv_lanes.c reads, writes and how much of it at a time: forward and input gradient are one job, with
 * the roles of x and y exchanged. Planned from sizes alone, before there are numbers. For conv_lanes.c alone.
 */
#ifndef MODELS_CONV_LANES_JOB_H
#define MODELS_CONV_LANES_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "models/conv.h"
#include "models/kernels_lanes.h"

#define LANES KERNEL_LANES

/* Along one axis: position d of `to` reads position (d mul + add + k step) / div of `from`, if that is whole. */
struct lane_axis {
    int kernel, mul, add, step, div;
    int n_from, n_to;
};

/* One of the two things that a product reads or writes, `features` floats a sample. */
struct lane_side {
    int channels, height, width;
    size_t features;
};

/* A product of one task: forward or input gradient; pass, source, target and bias are set when it runs. */
struct lane_job {
    const struct conv *conv;
    const struct layer_pass *pass;
    const struct lane_kernels *kernels;
    struct lane_side from, to;
    struct lane_axis y, x;
    int left, padded;    /* columns of zeros before, columns in all, of a row of `from` in lanes */
    size_t w_to, w_from; /* in the weight: from one channel of `to`, of `from`, to the next */
    int reduced;         /* channels of `from` summed over at a time */
    /* Of `to` computed at a time; channels of one group. */
    int tile_rows, tile_groups, tile_channels;
    /* Rows of `to` in a band, at most; of `from` that these read. */
    int n_bands, band_rows, from_rows;
    size_t thread_floats;
    const float *source;
    float *target;
    const float *bias;
};

/* Of batches of so many samples on so many threads. */
struct lane_job lane_job_of(const struct conv *conv, bool is_forward, int batch, int n_threads);

/* Rows [*first, *end) of `from` that rows [row, row_end) of `to` read. */
void lane_job_rows_read(const struct lane_job *job, int row, int row_end, int *first, int *end);

/* Of the scratch memory of a thread: a tile of the result; the taps of a row of it. */
size_t lane_job_tile_floats(const struct lane_job *job);
size_t lane_job_taps_in_row(const struct lane_job *job);

static inline int min(int a, int b)
{
    return a < b ? a : b;
}

static inline int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

static inline int divide_down(int a, int b)
{
    return a >= 0 ? a / b : -divide_up(-a, b);
}

/* Position k of the kernel at position d of `to`; false: between the pixels of `from`. */
static inline bool lane_axis_reads(const struct lane_axis *axis, int d, int k, int *from)
{
    int at = d * axis->mul + axis->add + k * axis->step;
    *from = divide_down(at, axis->div);
    return *from * axis->div == at;
}

#endif
