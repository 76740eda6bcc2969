/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cut, and layers that change sides. */
#include <stdlib.h>

#include "device-agent/front_impl.h"
#include "models/net_range.h"

int front_check_cut(const struct front *front, int64_t cut, struct err *err)
{
    int64_t n = front->sizes.n_layers;
    if (cut < 1 || cut >= n)
        return err_set(err, "cut %lld of a model of %lld layers: allowed are 1 to %lld",
                       (long long)cut, (long long)n, (long long)n - 1);
    return 0;
}

/* Front weights and a batch at the cut are the largest messages. */
static size_t most_floats(const struct front *front)
{
    size_t batch = (size_t)front->batch * front->cut_features;
    size_t weights = net_sizes_weights(&front->sizes, 0, front->cut);
    return batch > weights ? batch : weights;
}

int front_settle_cut(struct front *front, int cut, struct err *err)
{
    size_t features = front->sizes.features[cut];
    if (features > PAYLOAD_MAX_BYTES / sizeof(float) / (size_t)front->batch)
        return err_set(err, "batch size %d: too large to be sent at cut %d", front->batch, cut);
    front->cut = cut;
    front->cut_features = features;
    if (front->learns) {
        tape_free(front->tape);
        front->tape = tape_new(front->net, front->batch, err);
        return front->tape ? 0 : -1;
    }
    if (most_floats(front) > PAYLOAD_MAX_BYTES / sizeof(float))
        return err_set(err, "cut %d: the front weights are too large to be sent", cut);
    payload_drop(front->zeros);
    front->zeros = payload_zeros(most_floats(front) * sizeof(float));
    return 0;
}

int front_cut(const struct front *front)
{
    return front->cut;
}

/* Floats of optimiser state for each parameter. */
static int n_planes(const struct front *front)
{
    return (int)optimizer_state_floats(&front->optimizer, 1);
}

int front_move_cut(struct front *front, int cut, struct err *err)
{
    if (cut == front->cut)
        return 0;
    if (front_check_cut(front, cut, err))
        return -1;
    if (!front->learns)
        return front_settle_cut(front, cut, err);
    tape_free(front->tape); /* first: there may be no memory for two */
    front->tape = NULL;
    float *moments;
    struct net *net = net_range_moved(front->net, front->moments, n_planes(front), &front->spec, 0,
                                      cut, &moments, err);
    if (!net)
        return -1;
    net_free(front->net);
    free(front->moments);
    front->net = net;
    front->moments = moments;
    return front_settle_cut(front, cut, err);
}

static struct payload *room_for(const struct front *front, size_t n_floats, int from, int to,
                                struct err *err)
{
    if (n_floats <= PAYLOAD_MAX_BYTES / sizeof(float))
        return (front->learns ? payload_new : payload_zeros)(n_floats * sizeof(float));
    err_set(err, "layers [%d, %d): too large to be sent", from, to);
    return NULL;
}

struct payload *front_get_weights(const struct front *front, int from, int to, struct err *err)
{
    struct payload *weights =
        room_for(front, net_sizes_weights(&front->sizes, from, to), from, to, err);
    if (weights && front->learns)
        net_range_get(front->net, from, to, payload_memory(weights));
    return weights;
}

static size_t state_floats(const struct front *front, int from, int to)
{
    return net_sizes_params(&front->sizes, from, to) * (size_t)n_planes(front);
}

struct payload *front_get_optimizer(const struct front *front, int from, int to, struct err *err)
{
    struct payload *state = room_for(front, state_floats(front, from, to), from, to, err);
    if (state && front->learns)
        net_range_get_planes(front->net, from, to, n_planes(front), front->moments,
                             payload_memory(state));
    return state;
}

int front_set_weights(struct front *front, int from, int to, const struct payload *weights,
                      struct err *err)
{
    size_t wanted = net_sizes_weights(&front->sizes, from, to) * sizeof(float);
    if (payload_bytes(weights) != wanted)
        return err_set(err, "%zu bytes of weights for layers [%d, %d), which have %zu",
                       payload_bytes(weights), from, to, wanted);
    if (front->learns)
        net_range_set(front->net, from, to, payload_data(weights));
    return 0;
}

int front_set_optimizer(struct front *front, int from, int to, const struct payload *state,
                        struct err *err)
{
    size_t n = state_floats(front, from, to);
    if (payload_bytes(state) != n * sizeof(float))
        return err_set(err, "%zu bytes of optimiser state for layers [%d, %d), which have %zu",
                       payload_bytes(state), from, to, n * sizeof(float));
    if (front->learns)
        net_range_set_planes(front->net, from, to, n_planes(front), front->moments,
                             payload_data(state));
    return 0;
}
