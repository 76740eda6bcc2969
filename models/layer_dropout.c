/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In training, each number is dropped with probability p and the others are divided by 1 - p (Srivastava et al.,
 * 2014; torch.nn.Dropout); in evaluation y = x. The mask is a function of (seed, layer, step, column) and nothing
 * else, so backward draws it again. A merged column's is the weighted mean of its sources' masks.
 */
#include <string.h>

#include "base/mem.h"
#include "models/layer.h"

enum { P };

static const struct layer_arg args[] = {
    [P] = {"p", 0, 0.999, 0.5, false, false, "probability that a number is dropped", NULL},
};

static size_t scratch(const struct layer *layer, int max_batch, int n_threads)
{
    (void)max_batch;
    (void)n_threads;
    return shape_features(&layer->in);
}

/* Adds weight/(1 - p) where a number of this column is kept. */
static void add_mask(const struct layer *layer, const struct layer_pass *pass, int column,
                     double weight, float *mask)
{
    struct rng rng;
    rng_seed(&rng, pass->seed, RNG_DROPOUT + (uint64_t)layer->index);
    rng_seed(&rng, rng_next(&rng) + pass->step, (uint64_t)column);
    size_t n = shape_features(&layer->in);
    double p = layer->args[P];
    float kept = (float)(weight / (1 - p));
    uint32_t limit = (uint32_t)(p * 0x1p32);
    for (size_t i = 0; i < n; i += 2) {
        uint64_t bits = rng_next(&rng);
        mask[i] += (uint32_t)bits >= limit ? kept : 0;
        if (i + 1 < n)
            mask[i + 1] += (uint32_t)(bits >> 32) >= limit ? kept : 0;
    }
}

static void make_mask(const struct layer *layer, const struct layer_pass *pass, int column)
{
    int n_groups = pass->merged ? pass->merged->n_groups : 1;
    memset(pass->scratch, 0, shape_features(&layer->in) * sizeof *pass->scratch);
    for (int group = 0; group < n_groups; group++) {
        int source;
        double weight = layer_pass_source(pass, column, group, &source);
        if (weight != 0)
            add_mask(layer, pass, source, weight, pass->scratch);
    }
}

static void multiply(const struct layer *layer, const struct layer_pass *pass, const float *from,
                     float *to, bool adds)
{
    size_t n = shape_features(&layer->in);
    for (int column = 0; column < pass->batch; column++) {
        if (pass->is_training)
            make_mask(layer, pass, column);
        for (size_t i = 0; i < n; i++) {
            float value = pass->is_training ? from[i] * pass->scratch[i] : from[i];
            to[i] = adds ? to[i] + value : value;
        }
        from += n;
        to += n;
    }
}

static void forward(const struct layer *layer, const struct layer_pass *pass)
{
    multiply(layer, pass, pass->x, pass->y, false);
}

static void backward(const struct layer *layer, const struct layer_pass *pass)
{
    multiply(layer, pass, pass->gy, pass->gx, pass->adds_gx);
}

const struct layer_ops layer_dropout = {
    .name = "dropout",
    .help = "some numbers, drawn anew each step, become 0 in training",
    .args = args,
    .n_args = ARRAY_LEN(args),
    .overwrites_gradient = true,
    .setup = layer_same_shape,
    .scratch = scratch,
    .forward = forward,
    .backward = backward,
};
