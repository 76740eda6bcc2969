/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A network spec compiled: composites expanded into a flat list of primitive layers ("nodes"), each
 * reading one or two buffers and writing a new one, so that forward is a loop over the nodes and backward
 * the same loop in reverse. Inside models/ only; net_spec_check(), profile and net are made from it.
 *
 * A buffer is a shape over a storage; flatten and add give a new buffer over the storage of their input.
 * Storages are what has memory: one activation and one gradient each.
 */
#ifndef MODELS_PROGRAM_H
#define MODELS_PROGRAM_H

#include "models/layer.h"

#define PROGRAM_MAX_NODES 4096

struct program_buffer {
    struct shape shape; /* of one sample */
    int storage;
};

struct program_node {
    struct layer layer;
    char name[NET_MAX_NAME];     /* from the spec; "" for most layers without weights */
    int input, other, output;    /* buffers; other is -1 but for add */
    size_t first_param;          /* in the whole network's parameters */
    size_t first_buffer;         /* likewise in its buffers */
    size_t first_saved;          /* likewise in what a tape saves */
    bool adds_input, adds_other; /* in backward another node has written that gradient before */
};

struct program {
    struct program_node *nodes;
    size_t n_nodes, node_capacity;
    struct program_buffer *buffers;
    size_t n_buffers, buffer_capacity;
    size_t *storage_features; /* floats per sample */
    size_t n_storages, storage_capacity;
    size_t n_params, n_buffer_floats, n_saved;

    int n_layers;       /* entries of the spec's list */
    int *boundary;      /* n_layers + 1: the buffer at each boundary */
    size_t *first_node; /* n_layers + 1: nodes [first_node[i], first_node[i + 1]) are layer i */
    int depth;          /* of composites, while compiling */
};

/* Checks everything net_spec_check() promises. On failure there is nothing to release. */
int program_init(struct program *program, const struct net_spec *spec, struct err *err);
void program_release(struct program *program);

/* Whether there are layers [from, to). */
int program_check_range(const struct program *program, int from, int to, struct err *err);

/*
 * For composites' expand. Each returns the buffer with the result, or -1: a whole list of layers (an empty
 * one returns `input`), or one primitive, whose name is spec->name.
 */
int program_add_list(struct program *program, const struct layer_list *list, int input,
                     struct err *err);
int program_add_node(struct program *program, const struct layer_spec *spec, int input, int other,
                     struct err *err);

static inline int program_storage(const struct program *program, int buffer)
{
    return program->buffers[buffer].storage;
}

#endif
