/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How large the layers of a network are, at each place where it may be cut: enough to know what would travel
 * without a network to compute with. Used by device and server, which then need not keep the spec.
 */
#ifndef MODELS_NET_SIZES_H
#define MODELS_NET_SIZES_H

#include "models/net_spec.h"

/* Of boundary l, 0 to n_layers: between layers l - 1 and l. */
struct net_sizes {
    int n_layers;
    size_t *features; /* floats of one sample there */
    size_t *params;   /* floats of all parameters before it */
    size_t *weights;  /* the same with buffers (models/net_range.h) */
};

int net_sizes_make(struct net_sizes *sizes, const struct net_spec *spec, struct err *err);
void net_sizes_release(struct net_sizes *sizes); /* zeroed is fine */

/* Of layers [from, to). */
static inline size_t net_sizes_weights(const struct net_sizes *sizes, int from, int to)
{
    return sizes->weights[to] - sizes->weights[from];
}

static inline size_t net_sizes_params(const struct net_sizes *sizes, int from, int to)
{
    return sizes->params[to] - sizes->params[from];
}

#endif
