/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/net.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>

#include "base/mem.h"
#include "models/net_impl.h"

void net_nodes(const struct net *net, int from, int to, size_t *first, size_t *end)
{
    assert(net->from <= from && from <= to && to <= net->to);
    *first = net->program.first_node[from];
    *end = net->program.first_node[to];
}

static size_t param_before(const struct program *program, size_t node)
{
    return node < program->n_nodes ? program->nodes[node].first_param : program->n_params;
}

static void list_weights(struct net *net)
{
    size_t first, end;
    net_nodes(net, net->from, net->to, &first, &end);
    net->weights = mem_zero((end - first) * LAYER_MAX_TENSORS, sizeof *net->weights);
    for (size_t i = first; i < end; i++) {
        const struct program_node *node = &net->program.nodes[i];
        size_t at = node->first_param - net->first_param;
        for (int t = 0; t < node->layer.n_tensors; t++) {
            const struct layer_tensor *tensor = &node->layer.tensors[t];
            struct net_weight *weight = &net->weights[net->n_weights++];
            snprintf(weight->name, sizeof weight->name, "%s.%s", node->name, tensor->suffix);
            weight->n_dims = tensor->n_dims;
            memcpy(weight->dim, tensor->dim, sizeof weight->dim);
            weight->first = at;
            weight->n = tensor->n;
            at += tensor->n;
        }
    }
}

static int allocate(struct net *net, int from, int to, struct err *err)
{
    int n_layers = net->program.n_layers;
    if (to < 0)
        to = n_layers;
    if (from < 0 || from > to || to > n_layers)
        return err_set(err, "layers [%d, %d) of a network of %d layers", from, to, n_layers);
    net->from = from;
    net->to = to;
    net->first_param = param_before(&net->program, net->program.first_node[from]);
    size_t n = param_before(&net->program, net->program.first_node[to]) - net->first_param;
    if (float_arena_init(&net->params, n, "parameters", err) ||
        float_arena_init(&net->grads, n, "parameter gradients", err))
        return -1;
    list_weights(net);
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
    float_arena_release(&net->params);
    float_arena_release(&net->grads);
    free(net->weights);
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
            float *params = net->params.at + (node->first_param - net->first_param);
            if (node->layer.ops->init)
                node->layer.ops->init(&node->layer, params, &rng);
        }
    }
}

float *net_params(const struct net *net, size_t *n)
{
    if (n)
        *n = net->params.n;
    return net->params.at;
}

float *net_grads(const struct net *net, size_t *n)
{
    if (n)
        *n = net->grads.n;
    return net->grads.at;
}

void net_zero_grads(struct net *net)
{
    memset(net->grads.at, 0, net->grads.n * sizeof(float));
}

void net_param_range(const struct net *net, int from, int to, size_t *first, size_t *n)
{
    size_t first_node, end_node;
    net_nodes(net, from, to, &first_node, &end_node);
    size_t start = param_before(&net->program, first_node);
    *first = start - net->first_param;
    *n = param_before(&net->program, end_node) - start;
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

void net_set_threads(int n)
{
    openblas_set_num_threads(n);
}
