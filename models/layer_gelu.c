/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y = x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel, 2016; torch.nn.GELU). */
#include <math.h>

#include "models/pointwise.h"

static inline float phi(float x)
{
    return 0.5f * (1 + erff(x * 0.70710678f)); /* 1/sqrt(2) */
}

static inline float value(float x)
{
    return x * phi(x);
}

static inline float slope(float x)
{
    float density = expf(-0.5f * x * x) * 0.39894228f; /* 1/sqrt(2 pi) */
    return phi(x) + x * density;
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

const struct layer_ops layer_gelu = {
    .name = "gelu",
    .help = "x times the probability that a normal number is below x",
    .backward_reads_input = true,
    .overwrites_gradient = true,
    .setup = layer_same_shape,
    .forward = forward,
    .backward = backward,
};
