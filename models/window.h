/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A square window that slides over images: the geometry of convolutions and pools, and the patch matrix
 * that turns a convolution into a matrix product. Inside models/.
 */
#ifndef MODELS_WINDOW_H
#define MODELS_WINDOW_H

#include "base/err.h"
#include "models/shape.h"

struct window {
    int channels, height, width; /* of the input */
    int kernel, stride, padding; /* in pixels, alike for both axes; padding on every side */
    int out_height, out_width;   /* floor((height + 2 padding - kernel) / stride) + 1, likewise */
};

/* Limits of the arguments, for the rows of the kinds. */
#define WINDOW_MAX_KERNEL  64
#define WINDOW_MAX_STRIDE  64
#define WINDOW_MAX_PADDING 32

/* Fails when the input is no image or smaller than the kernel. */
int window_init(struct window *window, const struct shape *in, int kernel, int stride, int padding,
                struct err *err);

/* The same, after it has once not failed. */
struct window window_of(const struct shape *in, int kernel, int stride, int padding);

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
