/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The insides of struct net and struct tape, shared by net.c, tape.c and net_run.c. */
#ifndef MODELS_NET_IMPL_H
#define MODELS_NET_IMPL_H

#include "models/float_arena.h"
#include "models/net.h"
#include "models/layout.h"

struct net {
    struct program program; /* of the whole network; only nodes of [from, to) have memory */
    int from, to;
    size_t first_param; /* of layer `from` in the whole network's parameters */
    size_t first_buffer, first_saved;
    size_t n_params, n_buffer_floats;
    struct float_arena arena; /* parameters, buffers, gradients */
    float *state, *grads;     /* in it: parameters, then buffers; gradients */
    bool *is_zeroed;          /* by node of the program: its gradients are 0, whatever lies there */
    struct net_weight *weights, *buffers;
    size_t n_weights, n_buffers;
};

struct tape {
    const struct net *net;
    int max_batch;
    int n_threads;     /* that scratch is enough for */
    bool keeps_inputs; /* so that they can be aggregated */
    struct layout layout;
    struct float_arena arena;
    float **
        activation; /* by storage; NULL outside the net's range; several share a place, see layout.h */
    float **gradient; /* likewise */
    bool *mark;       /* by storage; working memory of net_backward() and tape_aggregate() */

    bool is_training;
    uint64_t seed, step;
    bool is_merged; /* by tape_aggregate(), since the batch went forward */
    struct slots merged;
    double *merged_weights; /* max_batch; merged.weights */
};

/* What a net of layers [from, to) holds, and the floats its state has room in, gradients coming behind. */
struct net_sizes {
    size_t n_params, n_buffer_floats;
};
struct net_sizes net_sizes_of(const struct program *program, int from, int to);
size_t net_state_room(const struct net_sizes *sizes);

/* Nodes [*first, *end) are layers [from, to). Asserts that the net holds these. */
void net_nodes(const struct net *net, int from, int to, size_t *first, size_t *end);

/* Writes the zeros of a node that is_zeroed. */
void net_clear_grads(const struct net *net, size_t node);

static inline float *net_node_params(const struct net *net, const struct program_node *node)
{
    return net->state + (node->first_param - net->first_param);
}

static inline float *net_node_buffers(const struct net *net, const struct program_node *node)
{
    return net->state + net->n_params + (node->first_buffer - net->first_buffer);
}

static inline int net_boundary_storage(const struct net *net, int boundary)
{
    return program_storage(&net->program, net->program.boundary[boundary]);
}

#endif
