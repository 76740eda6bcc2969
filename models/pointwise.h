/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loops of the smooth activation functions: y = f(x) number by number, gx = f'(x) gy. Inline, so that the function,
 * a constant at each call, is compiled into the loop. Each is one part of a batch, for layer_in_parts(). Inside models/.
 */
#ifndef MODELS_POINTWISE_H
#define MODELS_POINTWISE_H

#include "models/layer.h"

typedef float pointwise_function(float x);

/* Numbers [first, end) of the batch. */
static inline void pointwise_forward(const struct layer_pass *pass, size_t first, size_t end,
                                     pointwise_function *f)
{
    const float *restrict x = pass->x;
    float *restrict y = pass->y;
    for (size_t i = first; i < end; i++)
        y[i] = f(x[i]);
}

static inline void pointwise_backward(const struct layer_pass *pass, size_t first, size_t end,
                                      pointwise_function *slope)
{
    const float *x = pass->x, *gy = pass->gy;
    float *gx = pass->gx;
    for (size_t i = first; i < end; i++) {
        float g = slope(x[i]) * gy[i];
        gx[i] = pass->adds_gx ? gx[i] + g : g;
    }
}

static inline size_t pointwise_n(const struct layer *layer, const struct layer_pass *pass)
{
    return (size_t)pass->batch * shape_features(&layer->in);
}

#endif
