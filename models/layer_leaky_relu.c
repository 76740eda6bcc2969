/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y = x, or negative_slope x where x is negative (torch.nn.LeakyReLU). */
#include "base/mem.h"
#include "models/kernels.h"
#include "models/kernels_pointwise.h"
#include "models/layer.h"

static const struct layer_arg args[] = {
    {"negative_slope", 0, 1, 0.01, false, false, "of the line below 0", NULL},
};

static size_t n_numbers(const struct layer *layer, const struct layer_pass *pass)
{
    return (size_t)pass->batch * shape_features(&layer->in);
}

static void forward_part(const struct layer *layer, const struct layer_pass *pass, size_t first,
                         size_t end)
{
    kernels()->pointwise->rectify(end - first, (float)layer->args[0], pass->x + first,
                                  pass->y + first);
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, n_numbers(layer, pass), forward_part);
}

static void backward_part(const struct layer *layer, const struct layer_pass *pass, size_t first,
                          size_t end)
{
    kernels()->pointwise->rectify_gradient(end - first, (float)layer->args[0], pass->x + first,
                                           pass->gy + first, pass->gx + first, pass->adds_gx);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    layer_in_parts(layer, pass, n_numbers(layer, pass), backward_part);
}

const struct layer_ops layer_leaky_relu = {
    .name = "leaky_relu",
    .help = "negative numbers are made smaller",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .backward_reads_input = true,
    .overwrites_input = true,
    .overwrites_gradient = true,
    .setup = layer_same_shape,
    .forward = forward,
    .backward = backward,
};
