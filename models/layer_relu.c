/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * y = max(x, 0); the derivative at 0 is 0; NaN stays NaN, so that a diverged run shows. y > 0 just where x > 0, so y may
 * take x's place and backward read either.
 */
#include "models/kernels.h"
#include "models/kernels_pointwise.h"
#include "models/layer.h"

static size_t n_numbers(const struct layer *layer, const struct layer_pass *pass)
{
    return (size_t)pass->batch * shape_features(&layer->in);
}

static void forward_part(const struct layer *layer, const struct layer_pass *pass, size_t first,
                         size_t end)
{
    (void)layer;
    kernels()->pointwise->rectify(end - first, 0, pass->x + first, pass->y + first);
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, n_numbers(layer, pass), forward_part);
}

static void backward_part(const struct layer *layer, const struct layer_pass *pass, size_t first,
                          size_t end)
{
    (void)layer;
    kernels()->pointwise->rectify_gradient(end - first, 0, pass->x + first, pass->gy + first,
                                           pass->gx + first, pass->adds_gx);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, n_numbers(layer, pass), backward_part);
}

const struct layer_ops layer_relu = {
    .name = "relu",
    .help = "negative numbers become 0",
    .backward_reads_input = true,
    .overwrites_input = true,
    .overwrites_gradient = true,
    .setup = layer_same_shape,
    .forward = forward,
    .backward = backward,
};
