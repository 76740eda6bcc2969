/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * y = x + other, where y is x's own memory: the end of a composite with two branches. The gradient of x is
 * that of y, in the same place; other's is a copy (pass->gx is other's here), or where layout.h can, in that place as well.
 */
#include <string.h>

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
    kernels()->pointwise->add(end - first, pass->other + first, pass->y + first, false);
}

static void forward_part_then_relu(const struct layer *layer, const struct layer_pass *pass,
                                   size_t first, size_t end)
{
    (void)layer;
    kernels()->pointwise->add(end - first, pass->other + first, pass->y + first, true);
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, n_numbers(layer, pass), forward_part);
}

static void forward_then_relu(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, n_numbers(layer, pass), forward_part_then_relu);
}

static void backward_part(const struct layer *layer, const struct layer_pass *pass, size_t first,
                          size_t end)
{
    (void)layer;
    if (pass->adds_gx)
        kernels()->pointwise->add(end - first, pass->gy + first, pass->gx + first, false);
    else
        memcpy(pass->gx + first, pass->gy + first, (end - first) * sizeof *pass->gx);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, n_numbers(layer, pass), backward_part);
}

const struct layer_ops layer_add = {
    .name = "add",
    .help = "sum of two branches",
    .shares_storage = true,
    .setup = layer_same_shape,
    .forward = forward,
    .backward = backward,
    .forward_then_relu = forward_then_relu,
};
