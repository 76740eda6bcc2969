/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y = max(x, 0); the derivative at 0 is 0; NaN stays NaN, so that a diverged run shows. */
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
    const float *restrict x = pass->x;
    float *restrict y = pass->y;
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0 ? 0 : x[i];
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    size_t n = (size_t)pass->batch * shape_features(&layer->in);
    const float *restrict x = pass->x, *restrict gy = pass->gy;
    float *restrict gx = pass->gx;
    if (pass->adds_gx) {
        for (size_t i = 0; i < n; i++)
            gx[i] += x[i] > 0 ? gy[i] : 0;
    } else {
        for (size_t i = 0; i < n; i++)
            gx[i] = x[i] > 0 ? gy[i] : 0;
    }
}

const struct layer_ops layer_relu = {
    .name = "relu",
    .help = "negative numbers become 0",
    .backward_reads_input = true,
    .setup = setup,
    .forward = forward,
    .backward = backward,
};
