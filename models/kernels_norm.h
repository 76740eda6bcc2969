/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loops of the norms: sums in double precision, and what is done to each number with them. A channel of a batch is
 * rows of pixels with other channels in between; a group or a sample is one row. Inside models/; found through
 * kernels().
 *
 * Sums are made in lanes of double in a fixed order, whatever the number of threads.
 */
#ifndef MODELS_KERNELS_NORM_H
#define MODELS_KERNELS_NORM_H

#include <stdbool.h>
#include <stddef.h>

struct norm_rows {
    int rows, pixels;
    size_t stride; /* floats from one row to the next */
};

/* y = gain (x - mean) + bias, and where `relu` is set 0 in place of what is negative. */
struct norm_line {
    float mean, gain, bias;
    bool relu;
};

/* gx = gain g - (level + slope (x - mean)) */
struct norm_slope {
    float gain, level, slope;
    bool adds; /* to gx */
};

struct norm_kernels {
    /* The mean of x, and the sum of (x - mean)^2. */
    void (*moments)(struct norm_rows at, const float *x, double *mean, double *squares);
    void (*apply)(struct norm_rows at, struct norm_line line, const float *x, float *y);
    /*
     * With g = gy, but 0 where line.relu is set and y was not above 0 (which is found again from x): the sums of g and
     * of g (x - mean), and gx. gx may be gy.
     */
    void (*sums)(struct norm_rows at, struct norm_line line, const float *x, const float *gy,
                 double *sum, double *product);
    void (*gradient)(struct norm_rows at, struct norm_line line, struct norm_slope slope,
                     const float *x, const float *gy, float *gx);
};

#endif
