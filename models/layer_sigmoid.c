/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y = 1 / (1 + exp(-x)). */
#include <math.h>

#include "models/pointwise.h"

static inline float logistic(float x)
{
    return 1 / (1 + expf(-x));
}

static inline float value(float x)
{
    return logistic(x);
}

static inline float slope(float x)
{
    float s = logistic(x);
    return s * (1 - s);
}

static void forward_part(const struct layer *layer, const struct layer_pass *pass, size_t first,
                         size_t end)
{
    (void)layer;
    pointwise_forward(pass, first, end, value);
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, pointwise_n(layer, pass), forward_part);
}

static void backward_part(const struct layer *layer, const struct layer_pass *pass, size_t first,
                          size_t end)
{
    (void)layer;
    pointwise_backward(pass, first, end, slope);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, pointwise_n(layer, pass), backward_part);
}

const struct layer_ops layer_sigmoid = {
    .name = "sigmoid",
    .help = "into (0, 1)",
    .backward_reads_input = true,
    .overwrites_gradient = true,
    .setup = layer_same_shape,
    .forward = forward,
    .backward = backward,
};
