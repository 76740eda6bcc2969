/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/net.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>

#include "base/mem.h"
#include "models/net_impl.h"
#include "models/parallel.h"

void net_nodes(const struct net *net, int from, int to, size_t *first, size_t *end)
{
    assert(net->from <= from && from <= to && to <= net->to);
    *first = net->program.first_node[from];
    *end = net->program.first_node[to];
}

/* Where a node's parameters, buffers and saved numbers begin; past the last node, where they end. */
struct places {
    size_t param, buffer, saved;
};

static struct places places_before(const struct program *program, size_t node)
{
    if (node == program->n_nodes)
        return (struct places){program->n_params, program->n_buffer_floats, program->n_saved};
    const struct program_node *at = &program->nodes[node];
    return (struct places){at->first_param, at->first_buffer, at->first_saved};
}

struct net_sizes net_sizes_of(const struct program *program, int from, int to)
{
    struct places start = places_before(program, program->first_node[from]);
    struct places end = places_before(program, program->first_node[to]);
    return (struct net_sizes){end.param - start.param, end.buffer - start.buffer};
}

size_t net_state_room(const struct net_sizes *sizes)
{
    return float_arena_round(sizes->n_params + sizes->n_buffer_floats);
}

/* Tensors of one layer, one behind the other from `first`; returns how many. */
static size_t list_tensors(const struct program_node *node, const struct layer_tensor *tensors,
                           int n_tensors, size_t first, struct net_weight *weights)
{
    for (int t = 0; t < n_tensors; t++) {
        const struct layer_tensor *tensor = &tensors[t];
        struct net_weight *weight = &weights[t];
        snprintf(weight->name, sizeof weight->name, "%s.%s", node->name, tensor->suffix);
        weight->n_dims = tensor->n_dims;
        memcpy(weight->dim, tensor->dim, sizeof weight->dim);
        weight->is_count = tensor->is_count;
        weight->first = first;
        weight->n = tensor->n;
        first += tensor->n;
    }
    return (size_t)n_tensors;
}

static void list_weights(struct net *net)
{
    size_t first, end;
    net_nodes(net, net->from, net->to, &first, &end);
    net->weights = mem_zero((end - first) * LAYER_MAX_TENSORS, sizeof *net->weights);
    net->buffers = mem_zero((end - first) * LAYER_MAX_BUFFERS, sizeof *net->buffers);
    for (size_t i = first; i < end; i++) {
        const struct program_node *node = &net->program.nodes[i];
        const struct layer *layer = &node->layer;
        net->n_weights +=
            list_tensors(node, layer->tensors, layer->n_tensors,
                         node->first_param - net->first_param, net->weights + net->n_weights);
        net->n_buffers +=
            list_tensors(node, layer->buffers, layer->n_buffers,
                         node->first_buffer - net->first_buffer, net->buffers + net->n_buffers);
    }
}

static void reset_buffers(struct net *net)
{
    size_t first, end;
    net_nodes(net, net->from, net->to, &first, &end);
    for (size_t i = first; i < end; i++) {
        const struct program_node *node = &net->program.nodes[i];
        if (node->layer.ops->reset_buffers)
            node->layer.ops->reset_buffers(&node->layer, net_node_buffers(net, node));
    }
}

static int allocate(struct net *net, int from, int to, struct err *err)
{
    if (to < 0)
        to = net->program.n_layers;
    if (program_check_range(&net->program, from, to, err))
        return -1;
    net->from = from;
    net->to = to;
    struct places start = places_before(&net->program, net->program.first_node[from]);
    struct net_sizes sizes = net_sizes_of(&net->program, from, to);
    net->first_param = start.param;
    net->first_buffer = start.buffer;
    net->first_saved = start.saved;
    net->n_params = sizes.n_params;
    net->n_buffer_floats = sizes.n_buffer_floats;
    size_t n_state = net_state_room(&sizes);
    if (float_arena_init(&net->arena, n_state + net->n_params, "parameters", err))
        return -1;
    net->state = net->arena.at;
    net->grads = net->arena.at + n_state;
    net->is_zeroed = mem_zero(net->program.n_nodes, sizeof *net->is_zeroed);
    list_weights(net);
    reset_buffers(net);
    return 0;
}

struct net *net_new(const struct net_spec *spec, int from, int to, struct err *err)
{
    struct net *net = mem_zero(1, sizeof *net);
    if (program_init(&net->program, spec, err) || allocate(net, from, to, err)) {
        net_free(net);
        return NULL;
    }
    return net;
}

void net_free(struct net *net)
{
    if (!net)
        return;
    program_release(&net->program);
    float_arena_release(&net->arena);
    free(net->is_zeroed);
    free(net->weights);
    free(net->buffers);
    free(net);
}

int net_from(const struct net *net)
{
    return net->from;
}

int net_to(const struct net *net)
{
    return net->to;
}

struct shape net_shape(const struct net *net, int boundary)
{
    assert(net->from <= boundary && boundary <= net->to);
    return net->program.buffers[net->program.boundary[boundary]].shape;
}

/* One random stream a layer of the list, so that parts of a network draw what the whole would. */
void net_init_weights(struct net *net, uint64_t seed)
{
    for (int layer = net->from; layer < net->to; layer++) {
        struct rng rng;
        rng_seed(&rng, seed, RNG_WEIGHTS + (uint64_t)layer);
        size_t first, end;
        net_nodes(net, layer, layer + 1, &first, &end);
        for (size_t i = first; i < end; i++) {
            const struct program_node *node = &net->program.nodes[i];
            if (node->layer.ops->init)
                node->layer.ops->init(&node->layer, net_node_params(net, node), &rng);
        }
    }
}

float *net_params(const struct net *net, size_t *n)
{
    if (n)
        *n = net->n_params;
    return net->state;
}

float *net_buffers(const struct net *net, size_t *n)
{
    if (n)
        *n = net->n_buffer_floats;
    return net->state + net->n_params;
}

float *net_state(const struct net *net, size_t *n)
{
    if (n)
        *n = net->n_params + net->n_buffer_floats;
    return net->state;
}

void net_clear_grads(const struct net *net, size_t node)
{
    const struct program_node *at = &net->program.nodes[node];
    if (net->is_zeroed[node])
        memset(net->grads + (at->first_param - net->first_param), 0,
               layer_n_params(&at->layer) * sizeof *net->grads);
    net->is_zeroed[node] = false;
}

float *net_grads(const struct net *net, size_t *n)
{
    size_t first, end;
    net_nodes(net, net->from, net->to, &first, &end);
    for (size_t i = first; i < end; i++)
        net_clear_grads(net, i);
    if (n)
        *n = net->n_params;
    return net->grads;
}

void net_zero_grads(struct net *net)
{
    memset(net->is_zeroed, true, net->program.n_nodes * sizeof *net->is_zeroed);
}

size_t net_bytes(const struct net *net)
{
    return net->arena.n * sizeof(float);
}

void net_param_range(const struct net *net, int from, int to, size_t *first, size_t *n)
{
    size_t first_node, end_node;
    net_nodes(net, from, to, &first_node, &end_node);
    size_t start = places_before(&net->program, first_node).param;
    *first = start - net->first_param;
    *n = places_before(&net->program, end_node).param - start;
}

size_t net_n_weights(const struct net *net)
{
    return net->n_weights;
}

const struct net_weight *net_weight(const struct net *net, size_t i)
{
    assert(i < net->n_weights);
    return &net->weights[i];
}

size_t net_n_buffers(const struct net *net)
{
    return net->n_buffers;
}

const struct net_weight *net_buffer(const struct net *net, size_t i)
{
    assert(i < net->n_buffers);
    return &net->buffers[i];
}

void net_set_threads(int n)
{
    openblas_set_num_threads(1); /* products are shared out by models/gemm.c */
    parallel_set_threads(n);
}
