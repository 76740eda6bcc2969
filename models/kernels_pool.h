/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pools that networks really use, over n planes (height, width), one behind the other. What is larger is said as in
 * layer_max_pool2d.c: ties go to the first in reading order, NaN wins. Inside models/; found through kernels().
 */
#ifndef MODELS_KERNELS_POOL_H
#define MODELS_KERNELS_POOL_H

#include <stddef.h>

#define POOL_MAX3_WIDTH 512 /* pixels: max3's rows lie on the stack */

struct pool_kernels {
    /* Windows of 2x2, stride 2, no padding: y (height / 2, width / 2), rounded down. gx is written, all of it. */
    void (*max2)(size_t n, int height, int width, const float *x, float *y);
    void (*max2_gradient)(size_t n, int height, int width, const float *x, const float *gy,
                          float *gx);
    /*
     * Windows of 3x3, stride 2, padding 0 or 1, width <= POOL_MAX3_WIDTH: y ((height + 2 padding - 3) / 2 + 1, likewise).
     * gy is added to gx.
     */
    void (*max3)(size_t n, int height, int width, int padding, const float *x, float *y);
    void (*max3_gradient)(size_t n, int height, int width, int padding, const float *x,
                          const float *gy, float *gx);
    /* y[i] is the mean of the i-th `pixels` floats of x. */
    void (*mean)(size_t n, int pixels, const float *x, float *y);
};

#endif
