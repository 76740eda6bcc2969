/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The insides of struct net and struct tape, shared by net.c, tape.c and net_run.c. */
#ifndef MODELS_NET_IMPL_H
#define MODELS_NET_IMPL_H

#include "models/float_arena.h"
#include "models/net.h"
#include "models/program.h"

struct net {
    struct program program; /* of the whole network; only nodes of [from, to) have memory */
    int from, to;
    size_t first_param; /* of layer `from` in the whole network's parameters */
    size_t first_buffer, first_saved;
    size_t n_params, n_buffer_floats;
    struct float_arena state; /* parameters, then buffers */
    struct float_arena grads;
    struct net_weight *weights, *buffers;
    size_t n_weights, n_buffers;
};

struct tape {
    const struct net *net;
    int max_batch;
    int n_threads; /* that scratch is enough for */
    struct float_arena activations, gradients, scratch;
    struct float_arena saved; /* by node: what forward leaves for backward besides activations */
    float **activation;       /* by storage; NULL outside the net's range */
    float **gradient;         /* by storage; several share a place, see tape.c */
    bool *mark; /* by storage; working memory of net_backward() and tape_aggregate() */

    bool is_training;
    uint64_t seed, step;
    bool is_merged; /* by tape_aggregate(), since the batch went forward */
    struct slots merged;
    double *merged_weights; /* max_batch; merged.weights */
};

/* Nodes [*first, *end) are layers [from, to). Asserts that the net holds these. */
void net_nodes(const struct net *net, int from, int to, size_t *first, size_t *end);

static inline float *net_node_params(const struct net *net, const struct program_node *node)
{
    return net->state.at + (node->first_param - net->first_param);
}

static inline float *net_node_buffers(const struct net *net, const struct program_node *node)
{
    return net->state.at + net->n_params + (node->first_buffer - net->first_buffer);
}

static inline int net_boundary_storage(const struct net *net, int boundary)
{
    return program_storage(&net->program, net->program.boundary[boundary]);
}

#endif
