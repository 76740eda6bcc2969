/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y = tanh(x). */
#include <math.h>

#include "models/pointwise.h"

static inline float value(float x, float arg)
{
    (void)arg;
    return tanhf(x);
}

static inline float slope(float x, float arg)
{
    (void)arg;
    float t = tanhf(x);
    return 1 - t * t;
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    pointwise_forward(layer, pass, value);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    pointwise_backward(layer, pass, slope);
}

const struct layer_ops layer_tanh = {
    .name = "tanh",
    .help = "into (-1, 1)",
    .backward_reads_input = true,
    .setup = layer_same_shape,
    .forward = forward,
    .backward = backward,
};
