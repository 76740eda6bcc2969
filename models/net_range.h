/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state of a range of layers, out of a network and into another: what travels when the cut of a split
 * network moves and layers change sides. Used by device and server alike, so that both lay it out the same.
 *
 * The range's weights are its parameters, then its buffers: net_state() of a net of just these layers. An
 * optimiser's state is planes of as many floats as the net has parameters, one plane behind the other (a velocity;
 * Adam's m, then v); a range's is the same with the range's parameters.
 */
#ifndef MODELS_NET_RANGE_H
#define MODELS_NET_RANGE_H

#include "models/net.h"

/* Floats of the weights, and of them the parameters, of any layers [from, to) of the whole network. */
size_t net_range_weights(const struct net *net, int from, int to);
size_t net_range_params(const struct net *net, int from, int to);

/* Layers [from, to) that the net holds: all their weights out to, or in from, net_range_weights() floats. */
void net_range_get(const struct net *net, int from, int to, float *weights);
void net_range_set(struct net *net, int from, int to, const float *weights);

/*
 * The same for an optimiser's state of the net's parameters, n_planes x (parameters of the net), out to or in
 * from n_planes x net_range_params() floats. Both may be NULL when there are none.
 */
void net_range_get_planes(const struct net *net, int from, int to, int n_planes,
                          const float *planes, float *range);
void net_range_set_planes(const struct net *net, int from, int to, int n_planes, float *planes,
                          const float *range);

/*
 * Layers [from, to) of `spec`, the network that `old` is a range of: with the weights of those layers that `old` holds
 * too, the others as in a new net. *planes becomes an optimiser's state in the same way, to be freed; NULL when
 * n_planes is 0. `old` and its planes stay as they are.
 */
struct net *net_range_moved(const struct net *old, const float *old_planes, int n_planes,
                            const struct net_spec *spec, int from, int to, float **planes,
                            struct err *err);

#endif
