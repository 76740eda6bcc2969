/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/net_range.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/net_impl.h"

/* Parameters and buffers of the whole network before a layer. */
struct place {
    size_t param, buffer;
};

static struct place place_of(const struct net *net, int layer)
{
    const struct program *program = &net->program;
    assert(layer >= 0 && layer <= program->n_layers);
    size_t node = program->first_node[layer];
    if (node == program->n_nodes)
        return (struct place){program->n_params, program->n_buffer_floats};
    return (struct place){program->nodes[node].first_param, program->nodes[node].first_buffer};
}

size_t net_range_weights(const struct net *net, int from, int to)
{
    struct place start = place_of(net, from), end = place_of(net, to);
    return end.param - start.param + end.buffer - start.buffer;
}

size_t net_range_params(const struct net *net, int from, int to)
{
    return place_of(net, to).param - place_of(net, from).param;
}

/* Where the range lies in the net's parameters and in its buffers, and how much it is. */
struct range {
    float *params, *buffers;
    size_t n_params, n_buffers;
};

static struct range range_of(const struct net *net, int from, int to)
{
    assert(net_from(net) <= from && from <= to && to <= net_to(net));
    struct place start = place_of(net, from), end = place_of(net, to);
    return (struct range){
        .params = net_params(net, NULL) + (start.param - net->first_param),
        .buffers = net_buffers(net, NULL) + (start.buffer - net->first_buffer),
        .n_params = end.param - start.param,
        .n_buffers = end.buffer - start.buffer,
    };
}

static void copy(float *to, const float *from, size_t n)
{
    if (n > 0) /* an empty range may have no memory at all */
        memcpy(to, from, n * sizeof *to);
}

void net_range_get(const struct net *net, int from, int to, float *weights)
{
    struct range range = range_of(net, from, to);
    copy(weights, range.params, range.n_params);
    copy(weights + range.n_params, range.buffers, range.n_buffers);
}

void net_range_set(struct net *net, int from, int to, const float *weights)
{
    struct range range = range_of(net, from, to);
    copy(range.params, weights, range.n_params);
    copy(range.buffers, weights + range.n_params, range.n_buffers);
}

void net_range_get_planes(const struct net *net, int from, int to, int n_planes,
                          const float *planes, float *range)
{
    size_t first, n, n_all;
    net_param_range(net, from, to, &first, &n);
    net_params(net, &n_all);
    for (size_t k = 0; n > 0 && k < (size_t)n_planes; k++)
        copy(range + k * n, planes + k * n_all + first, n);
}

void net_range_set_planes(const struct net *net, int from, int to, int n_planes, float *planes,
                          const float *range)
{
    size_t first, n, n_all;
    net_param_range(net, from, to, &first, &n);
    net_params(net, &n_all);
    for (size_t k = 0; n > 0 && k < (size_t)n_planes; k++)
        copy(planes + k * n_all + first, range + k * n, n);
}

/* What both hold, from one to the other. */
static void take_over(struct net *net, float *planes, const struct net *old,
                      const float *old_planes, int n_planes)
{
    int from = net->from > old->from ? net->from : old->from;
    int to = net->to < old->to ? net->to : old->to;
    if (from >= to)
        return;
    size_t n_weights = net_range_weights(net, from, to);
    size_t n_state = net_range_params(net, from, to) * (size_t)n_planes;
    float *range = mem_zero(n_weights > n_state ? n_weights : n_state, sizeof *range);
    net_range_get(old, from, to, range);
    net_range_set(net, from, to, range);
    net_range_get_planes(old, from, to, n_planes, old_planes, range);
    net_range_set_planes(net, from, to, n_planes, planes, range);
    free(range);
}

struct net *net_range_moved(const struct net *old, const float *old_planes, int n_planes,
                            const struct net_spec *spec, int from, int to, float **planes,
                            struct err *err)
{
    size_t n_params;
    struct net *net = net_new(spec, from, to, err);
    *planes = NULL;
    if (!net)
        return NULL;
    net_params(net, &n_params);
    if (n_planes > 0)
        *planes = mem_zero(n_params * (size_t)n_planes, sizeof **planes);
    take_over(net, *planes, old, old_planes, n_planes);
    return net;
}
