/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Convolutions with 16 samples side by side as the lanes of a vector, the inner loops of conv_lanes.c. What is one number
 * elsewhere is 16 here, so that no kernel size, stride, dilation or number of channels has pixels or channels left over.
 * All such memory is aligned to 64 bytes; distances are in floats, so a pixel's neighbour is KERNEL_LANES away.
 */
#ifndef MODELS_KERNELS_LANES_H
#define MODELS_KERNELS_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* n numbers of each of up to 16 samples, in rows of `width`, to and from lanes. */
struct lane_rows {
    const float *from;  /* pack: of the first sample */
    float *to;          /* unpack: of the first sample */
    size_t sample_step; /* from one sample to the next */
    int n_samples;      /* the lanes of those missing are zeros */
    int n, width;
    float *lanes;    /* 16 per number */
    size_t row_step; /* from one row to the next in lanes */
};

/* One place of the kernel in one channel: where its pixels and its weights are from where a product begins. */
struct lane_tap {
    int32_t x, w;
};

/* y[o][p] = start + sum over taps of w[tap + o w_step] x[tap + p x_step], and each of these a vector but w. */
struct lane_product {
    const struct lane_tap *taps;
    int n_taps;
    int n_channels, n_pixels;
    const float *x, *w;
    float *y;
    size_t x_step, w_step; /* pixels of x, channels of w */
    size_t y_step, y_channel;
    const float *bias; /* by channel; NULL: zeros */
    bool adds;         /* start is what y holds; else bias */
};

/* w[o w_step + t] += sum over rows, columns and lanes of y[o] x[tap t], for t in [0, n_taps). */
struct lane_correlation {
    const int32_t *taps;
    int n_taps;
    int n_channels, n_rows, n_columns;
    const float *x, *y;
    float *w;
    size_t x_step, x_row; /* columns and rows of y in x */
    size_t y_row, y_channel;
    size_t w_step;
};

struct lane_kernels {
    void (*pack)(const struct lane_rows *rows);
    /* Rows are one behind the other in lanes. Writes to the samples, or adds to them. */
    void (*unpack)(const struct lane_rows *rows, bool adds);
    void (*product)(const struct lane_product *product);
    void (*correlate)(const struct lane_correlation *correlation);
    /* Of n vectors. */
    float (*sum)(const float *lanes, int n);
};

#endif
