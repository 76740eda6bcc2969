/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y = 1 / (1 + exp(-x)). */
#include <math.h>

#include "models/pointwise.h"

static inline float logistic(float x)
{
    return 1 / (1 + expf(-x));
}

static inline float value(float x, float arg)
{
    (void)arg;
    return logistic(x);
}

static inline float slope(float x, float arg)
{
    (void)arg;
    float s = logistic(x);
    return s * (1 - s);
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    pointwise_forward(layer, pass, value);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    pointwise_backward(layer, pass, slope);
}

const struct layer_ops layer_sigmoid = {
    .name = "sigmoid",
    .help = "into (0, 1)",
    .backward_reads_input = true,
    .setup = layer_same_shape,
    .forward = forward,
    .backward = backward,
};
