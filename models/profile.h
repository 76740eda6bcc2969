/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each layer of a network costs, per sample: the numbers the latency equations are fed with.
 *
 * Floating-point operations count 2 per multiply-add of convolutions and linear layers; norms, activations
 * and pools count 0, and backward is twice forward, as in the split-learning literature's latency models.
 */
#ifndef MODELS_PROFILE_H
#define MODELS_PROFILE_H

#include "models/net_spec.h"

struct layer_profile {
    char name[NET_MAX_NAME]; /* the layer's name, or "kind<index>" where it has none ("relu2") */
    const char *kind;
    struct shape output; /* of one sample */
    double forward_flop; /* this layer alone, per sample */
    double backward_flop;
    size_t n_params;
    size_t n_buffer_floats; /* not learnt, travel with the parameters: running statistics */
    size_t
        activation_bytes; /* float32 output of one sample: what crosses the link when cut after it */
    /*
     * What forward and backward read and write, counted once each: per sample (inputs, outputs, their gradients) and per
     * batch (parameters twice, their gradients). For a measured rate; what caches make of it is not in it.
     */
    size_t sample_bytes, batch_bytes;
};

struct profile {
    struct layer_profile *layers;
    int n_layers;
};

int profile_make(struct profile *profile, const struct net_spec *spec, struct err *err);
void profile_release(struct profile *profile);

#endif
