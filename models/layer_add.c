/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * y = x + other, where y is x's own memory: the end of a composite with two branches. The gradient of x is
 * that of y, in the same place; other's is a copy (pass->gx is other's here).
 */
#include <string.h>

#include "models/layer.h"

static int setup(struct layer *layer, struct err *err)
{
    (void)err;
    layer->out = layer->in;
    return 0;
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    size_t n = (size_t)pass->batch * shape_features(&layer->in);
    const float *restrict other = pass->other;
    float *restrict y = pass->y;
    for (size_t i = 0; i < n; i++)
        y[i] += other[i];
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    size_t n = (size_t)pass->batch * shape_features(&layer->in);
    const float *restrict gy = pass->gy;
    float *restrict gx = pass->gx;
    if (!pass->adds_gx) {
        memcpy(gx, gy, n * sizeof *gx);
        return;
    }
    for (size_t i = 0; i < n; i++)
        gx[i] += gy[i];
}

const struct layer_ops layer_add = {
    .name = "add",
    .help = "sum of two branches",
    .shares_storage = true,
    .setup = setup,
    .forward = forward,
    .backward = backward,
};
