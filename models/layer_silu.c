/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y = x / (1 + exp(-x)), also called swish (torch.nn.SiLU). */
#include <math.h>

#include "models/pointwise.h"

static inline float logistic(float x)
{
    return 1 / (1 + expf(-x));
}

static inline float value(float x, float arg)
{
    (void)arg;
    return x * logistic(x);
}

static inline float slope(float x, float arg)
{
    (void)arg;
    float s = logistic(x);
    return s * (1 + x * (1 - s));
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    pointwise_forward(layer, pass, value);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    pointwise_backward(layer, pass, slope);
}

const struct layer_ops layer_silu = {
    .name = "silu",
    .help = "x times sigmoid(x)",
    .backward_reads_input = true,
    .setup = layer_same_shape,
    .forward = forward,
    .backward = backward,
};
