/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of layer kinds, and what kinds share. */
#include "models/layer.h"

#include <assert.h>
#include <math.h>

#include "base/mem.h"

static const struct layer_ops *const kinds[] = {
    &layer_conv2d,          &layer_linear,  &layer_relu,       &layer_max_pool2d, &layer_avg_pool2d,
    &layer_global_avg_pool, &layer_flatten, &layer_group_norm, &layer_residual,
};

const struct layer_ops *layer_kind_at(size_t i)
{
    return i < ARRAY_LEN(kinds) ? kinds[i] : NULL;
}

const char *layer_kind_name(const struct layer_ops *kind)
{
    return kind->name;
}

const char *layer_kind_help(const struct layer_ops *kind)
{
    return kind->help;
}

const struct layer_arg *layer_kind_args(const struct layer_ops *kind, size_t *n)
{
    assert(kind->n_args <= LAYER_MAX_ARGS);
    *n = kind->n_args;
    return kind->args;
}

const char *layer_kind_branch(const struct layer_ops *kind, size_t i)
{
    return i < LAYER_MAX_BRANCHES ? kind->branches[i] : NULL;
}

int layer_add_tensor(struct layer *layer, const char *suffix, int n_dims, const int dim[4],
                     struct err *err)
{
    assert(layer->n_tensors < LAYER_MAX_TENSORS);
    struct layer_tensor *tensor = &layer->tensors[layer->n_tensors];
    *tensor = (struct layer_tensor){.suffix = suffix, .n_dims = n_dims};
    double n = 1;
    for (int i = 0; i < n_dims; i++)
        n *= tensor->dim[i] = dim[i];
    if (n > NET_MAX_PARAMS)
        return err_set(err, "%s would have %.0f numbers: allowed are at most %u", suffix, n,
                       NET_MAX_PARAMS);
    tensor->n = (size_t)n;
    layer->n_tensors++;
    return 0;
}

size_t layer_n_params(const struct layer *layer)
{
    size_t n = 0;
    for (int i = 0; i < layer->n_tensors; i++)
        n += layer->tensors[i].n;
    return n;
}

void layer_init_uniform(const struct layer *layer, size_t fan_in, float *params, struct rng *rng)
{
    double bound = 1 / sqrt((double)fan_in);
    for (size_t i = 0; i < layer_n_params(layer); i++)
        params[i] = (float)rng_uniform_in(rng, -bound, bound);
}
