/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cut, and layers that change sides. */
#include <stdlib.h>

#include "base/mem.h"
#include "edge-server/back_impl.h"
#include "models/net_range.h"

int back_settle_cut(struct back *back, int cut, struct err *err)
{
    const struct net_sizes *sizes = &back->sizes;
    back->cut = cut;
    back->end = sizes->n_layers;
    back->last = back->end - 1;
    back->features = sizes->features[cut];
    back->n_classes = (int)sizes->features[back->end];
    if (!back->learns) {
        payload_drop(back->zeros);
        back->zeros = payload_zeros((size_t)back->batch * back->features * sizeof(float));
        return 0;
    }
    tape_free(back->tape);
    int max_batch = back->max_groups * back->batch;
    back->tape = back->aggregates ? tape_new_aggregating(back->net, max_batch, err)
                                  : tape_new(back->net, max_batch, err);
    return back->tape ? 0 : -1;
}

int back_cut(const struct back *back)
{
    return back->cut;
}

/* Floats of optimiser state for each parameter. */
static int n_planes(const struct back *back)
{
    return (int)optimizer_state_floats(&back->optimizer, 1);
}

int back_move_cut(struct back *back, int cut, struct err *err)
{
    if (!back->learns)
        return back_settle_cut(back, cut, err);
    float *moments;
    struct net *net = net_range_moved(back->net, back->moments, n_planes(back), back->spec, cut,
                                      back->end, &moments, err);
    if (!net)
        return -1;
    net_free(back->net);
    free(back->moments);
    back->net = net;
    back->moments = moments;
    return back_settle_cut(back, cut, err);
}

size_t back_weights_floats(const struct back *back, int from, int to)
{
    return net_sizes_weights(&back->sizes, from, to);
}

size_t back_optimizer_floats(const struct back *back, int from, int to)
{
    return net_sizes_params(&back->sizes, from, to) * (size_t)n_planes(back);
}

static struct payload *room_for(const struct back *back, size_t n_floats)
{
    return (back->learns ? payload_new : payload_zeros)(n_floats * sizeof(float));
}

struct payload *back_get_weights(const struct back *back, int from, int to)
{
    struct payload *weights = room_for(back, back_weights_floats(back, from, to));
    if (back->learns)
        net_range_get(back->net, from, to, payload_memory(weights));
    return weights;
}

struct payload *back_get_optimizer(const struct back *back, int from, int to)
{
    struct payload *state = room_for(back, back_optimizer_floats(back, from, to));
    if (back->learns)
        net_range_get_planes(back->net, from, to, n_planes(back), back->moments,
                             payload_memory(state));
    return state;
}

static float *mean_of(const float *const *parts, int n_parts, const double *lambda, size_t n)
{
    float *mean = mem_zero(n, sizeof *mean);
    for (size_t k = 0; k < n; k++) {
        double sum = 0;
        for (int i = 0; i < n_parts; i++)
            sum += lambda[i] * (double)parts[i][k];
        mean[k] = (float)sum;
    }
    return mean;
}

void back_set_weights(struct back *back, int from, int to, int n, const double *lambda,
                      const float *const *weights)
{
    if (!back->learns)
        return;
    float *mean = mean_of(weights, n, lambda, back_weights_floats(back, from, to));
    net_range_set(back->net, from, to, mean);
    free(mean);
}

void back_set_optimizer(struct back *back, int from, int to, int n, const double *lambda,
                        const float *const *states)
{
    if (!back->learns)
        return;
    float *mean = mean_of(states, n, lambda, back_optimizer_floats(back, from, to));
    net_range_set_planes(back->net, from, to, n_planes(back), back->moments, mean);
    free(mean);
}
