/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loops over arrays of numbers, one at a time: the rectifiers, the sum of two branches, the optimisers. All are bound by
 * memory, so each reads and writes every number once. Inside models/; found through kernels().
 *
 * Arrays have n floats. One that is written may be one that is read, but must not overlap it otherwise.
 */
#ifndef MODELS_KERNELS_POINTWISE_H
#define MODELS_KERNELS_POINTWISE_H

#include <stdbool.h>
#include <stddef.h>

struct adamw_rates {
    float keep1, take1, keep2, take2; /* beta1, 1 - beta1, beta2, 1 - beta2 */
    float shrink;                     /* 1 - learning_rate weight_decay */
    float size;                       /* learning_rate / (1 - beta1^t) */
    float correction;                 /* 1 / sqrt(1 - beta2^t) */
    float eps;
};

struct pointwise_kernels {
    /* y = x, or slope x where x < 0; NaN stays NaN. slope >= 0; 0 is ReLU. */
    void (*rectify)(size_t n, float slope, const float *x, float *y);
    /* gx = gy, or slope gy where x is not above 0; added to gx when `adds`. x may be the rectified output. */
    void (*rectify_gradient)(size_t n, float slope, const float *x, const float *gy, float *gx,
                             bool adds);
    /* y += x; rectified when `relu`. */
    void (*add)(size_t n, const float *x, float *y, bool relu);
    /* v = momentum v + (g + decay w); w -= rate v. v NULL: momentum is 0. */
    void (*sgd)(size_t n, float rate, float momentum, float decay, const float *g, float *w,
                float *v);
    void (*adamw)(size_t n, struct adamw_rates rates, const float *g, float *w, float *m, float *v);
};

#endif
