/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A window that slides over images: the geometry of convolutions and pools, and the patch matrix that turns
 * a convolution into a matrix product. Inside models/.
 */
#ifndef MODELS_WINDOW_H
#define MODELS_WINDOW_H

#include "base/err.h"
#include "models/shape.h"

/* Along one axis, in pixels. */
struct window_axis {
    int kernel, stride;
    int padding;  /* zeros on either side */
    int dilation; /* from one place of the kernel to the next */
};

struct window {
    int channels, height, width; /* of the input */
    struct window_axis y, x;
    /* floor((height + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, likewise */
    int out_height, out_width;
};

/* Limits of the arguments, for the rows of the kinds. */
#define WINDOW_MAX_KERNEL   64
#define WINDOW_MAX_STRIDE   64
#define WINDOW_MAX_PADDING  32
#define WINDOW_MAX_DILATION 64

/* Fails when the input is no image or smaller than the kernel. */
int window_init(struct window *window, const struct shape *in, struct window_axis y,
                struct window_axis x, struct err *err);

/* The same, after it has once not failed. */
struct window window_of(const struct shape *in, struct window_axis y, struct window_axis x);

/*
 * One image x (channels, height, width) to its patches: row (c, ky, kx) of `patches` holds the pixel under
 * that place of the kernel for each output pixel, zeros in the padding. Rows are row_stride floats apart.
 */
void window_gather(const struct window *window, const float *x, float *patches, size_t row_stride);

/* The transpose: adds each patch's number to the pixel it came from. */
void window_scatter_add(const struct window *window, const float *patches, size_t row_stride,
                        float *x);

/* Rows of the patch matrix, columns of it (output pixels). */
int window_patch(const struct window *window);
int window_pixels(const struct window *window);

#endif
