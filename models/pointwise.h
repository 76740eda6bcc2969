/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loops of the activation functions: y = f(x) number by number, gx = f'(x) gy. Inline, so that the function,
 * a constant at each call, is compiled into the loop. Inside models/.
 */
#ifndef MODELS_POINTWISE_H
#define MODELS_POINTWISE_H

#include "models/layer.h"

/* `arg`: the layer's first argument. */
typedef float pointwise_function(float x, float arg);

static inline void pointwise_forward(const struct layer *layer, const struct layer_pass *pass,
                                     pointwise_function *f)
{
    size_t n = (size_t)pass->batch * shape_features(&layer->in);
    float arg = (float)layer->args[0];
    const float *restrict x = pass->x;
    float *restrict y = pass->y;
    for (size_t i = 0; i < n; i++)
        y[i] = f(x[i], arg);
}

static inline void pointwise_backward(const struct layer *layer, const struct layer_pass *pass,
                                      pointwise_function *slope)
{
    size_t n = (size_t)pass->batch * shape_features(&layer->in);
    float arg = (float)layer->args[0];
    const float *restrict x = pass->x, *restrict gy = pass->gy;
    float *restrict gx = pass->gx;
    if (pass->adds_gx) {
        for (size_t i = 0; i < n; i++)
            gx[i] += slope(x[i], arg) * gy[i];
    } else {
        for (size_t i = 0; i < n; i++)
            gx[i] = slope(x[i], arg) * gy[i];
    }
}

#endif
