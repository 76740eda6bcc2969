/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y = x, or negative_slope x where x is negative (torch.nn.LeakyReLU). */
#include "base/mem.h"
#include "models/pointwise.h"

static const struct layer_arg args[] = {
    {"negative_slope", 0, 1, 0.01, false, false, "of the line below 0", NULL},
};

static inline float value(float x, float arg)
{
    return x > 0 ? x : arg * x;
}

static inline float slope(float x, float arg)
{
    return x > 0 ? 1 : arg;
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    pointwise_forward(layer, pass, value);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    pointwise_backward(layer, pass, slope);
}

const struct layer_ops layer_leaky_relu = {
    .name = "leaky_relu",
    .help = "negative numbers are made smaller",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .backward_reads_input = true,
    .setup = layer_same_shape,
    .forward = forward,
    .backward = backward,
};
