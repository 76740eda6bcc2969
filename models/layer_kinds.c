/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of layer kinds, and what kinds share. */
#include "models/layer.h"

#include <assert.h>

#include "base/mem.h"

static const struct layer_ops *const kinds[] = {
    &layer_conv2d,
    &layer_linear,
    &layer_relu,
    &layer_leaky_relu,
    &layer_gelu,
    &layer_silu,
    &layer_sigmoid,
    &layer_tanh,
    &layer_max_pool2d,
    &layer_avg_pool2d,
    &layer_adaptive_avg_pool2d,
    &layer_global_avg_pool,
    &layer_batch_norm,
    &layer_group_norm,
    &layer_layer_norm,
    &layer_dropout,
    &layer_flatten,
    &layer_residual,
    &layer_sequence,
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

static int fill_tensor(struct layer_tensor *tensor, const char *suffix, int n_dims,
                       const int dim[4], struct err *err)
{
    *tensor = (struct layer_tensor){.suffix = suffix, .n_dims = n_dims};
    double n = 1;
    for (int i = 0; i < n_dims; i++)
        n *= tensor->dim[i] = dim[i];
    if (n > NET_MAX_PARAMS)
        return err_set(err, "%s would have %.0f numbers: allowed are at most %u", suffix, n,
                       NET_MAX_PARAMS);
    tensor->n = (size_t)n;
    return 0;
}

int layer_add_tensor(struct layer *layer, const char *suffix, int n_dims, const int dim[4],
                     struct err *err)
{
    assert(layer->n_tensors < LAYER_MAX_TENSORS);
    if (fill_tensor(&layer->tensors[layer->n_tensors], suffix, n_dims, dim, err))
        return -1;
    layer->n_tensors++;
    return 0;
}

int layer_add_buffer(struct layer *layer, const char *suffix, int n_dims, const int dim[4],
                     bool is_count, struct err *err)
{
    assert(layer->n_buffers < LAYER_MAX_BUFFERS);
    struct layer_tensor *buffer = &layer->buffers[layer->n_buffers];
    if (fill_tensor(buffer, suffix, n_dims, dim, err))
        return -1;
    buffer->is_count = is_count;
    layer->n_buffers++;
    return 0;
}

static size_t sum_of_tensors(const struct layer_tensor *tensors, int n_tensors)
{
    size_t n = 0;
    for (int i = 0; i < n_tensors; i++)
        n += tensors[i].n;
    return n;
}

size_t layer_n_params(const struct layer *layer)
{
    return sum_of_tensors(layer->tensors, layer->n_tensors);
}

size_t layer_n_buffer_floats(const struct layer *layer)
{
    return sum_of_tensors(layer->buffers, layer->n_buffers);
}

int layer_same_shape(struct layer *layer, struct err *err)
{
    (void)err;
    layer->out = layer->in;
    return 0;
}

void layer_init_ones_and_zeros(const struct layer *layer, float *params, struct rng *rng)
{
    (void)rng;
    size_t n = layer_n_params(layer);
    for (size_t i = 0; i < n; i++)
        params[i] = i < layer->tensors[0].n ? 1 : 0;
}

double layer_pass_source(const struct layer_pass *pass, int column, int group, int *source)
{
    const struct slots *merged = pass->merged;
    *source = column;
    if (!merged)
        return group == 0 ? 1 : 0;
    if (column < merged->n_slots) {
        *source = group * merged->batch + column;
        return merged->weights[group];
    }
    int kept = merged->batch - merged->n_slots, i = column - merged->n_slots;
    *source = i / kept * merged->batch + merged->n_slots + i % kept;
    return group == 0 ? 1 : 0;
}
