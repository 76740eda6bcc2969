/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/back.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/net_range.h"

struct back {
    const struct net_spec *spec;
    struct net *net;
    struct tape *tape;
    struct optimizer optimizer;
    float *moments; /* the optimiser's state */
    const struct loss_kind *loss;
    double label_smoothing;
    uint32_t *labels; /* [max_groups][b] */
    struct loss *losses;
    double *ones;       /* [max_groups]: weights of columns that carry lambda_i already */
    int cut, last, end; /* boundaries: layers [cut, last) and the last layer [last, end) */
    int max_groups, batch, n_classes;
    bool aggregates;
    size_t features;
    uint64_t seed, step; /* of what layers draw at random; training batches so far */

    /* The turn. */
    int n_groups, n_slots, columns;
    const double *lambda;
};

int aggregation_find(const char *name)
{
    static const char *const names[] = {
        [AGGREGATE_CACHED_MEANS] = "cached-means",
        [AGGREGATE_MEAN_ACTIVATIONS] = "mean-activations",
        [AGGREGATE_BROADCAST_GRADIENT] = "broadcast-gradient",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

/* The tape and sizes that belong to back->net. */
static int settle_cut(struct back *back, struct err *err)
{
    back->cut = net_from(back->net);
    back->end = net_to(back->net);
    back->last = back->end - 1;
    struct shape input = net_shape(back->net, back->cut), output = net_shape(back->net, back->end);
    back->features = shape_features(&input);
    back->n_classes = (int)shape_features(&output);
    tape_free(back->tape);
    int max_batch = back->max_groups * back->batch;
    back->tape = back->aggregates ? tape_new_aggregating(back->net, max_batch, err)
                                  : tape_new(back->net, max_batch, err);
    return back->tape ? 0 : -1;
}

struct back *back_new(const struct net_spec *spec, const struct back_options *options,
                      struct err *err)
{
    struct back *back = mem_zero(1, sizeof *back);
    size_t groups = (size_t)options->max_groups;
    back->spec = spec;
    back->max_groups = options->max_groups;
    back->batch = options->batch;
    back->aggregates = options->aggregates;
    back->net = net_new(spec, options->cut, -1, err);
    if (!back->net || settle_cut(back, err)) {
        back_free(back);
        return NULL;
    }
    net_init_weights(back->net, options->seed);
    size_t n_params;
    net_params(back->net, &n_params);
    back->optimizer = options->optimizer;
    back->moments =
        mem_zero(optimizer_state_floats(&back->optimizer, n_params), sizeof *back->moments);
    back->loss = options->loss;
    back->label_smoothing = options->label_smoothing;
    back->seed = options->seed;
    back->labels = mem_zero(groups * (size_t)back->batch, sizeof *back->labels);
    back->losses = mem_zero(groups, sizeof *back->losses);
    back->ones = mem_zero(groups, sizeof *back->ones);
    for (size_t i = 0; i < groups; i++)
        back->ones[i] = 1;
    return back;
}

void back_free(struct back *back)
{
    if (!back)
        return;
    tape_free(back->tape);
    net_free(back->net);
    free(back->moments);
    free(back->labels);
    free(back->losses);
    free(back->ones);
    free(back);
}

size_t back_cut_features(const struct back *back)
{
    return back->features;
}

int back_n_classes(const struct back *back)
{
    return back->n_classes;
}

void back_put(struct back *back, int group, const float *activations, const uint32_t *labels)
{
    size_t first = (size_t)group * (size_t)back->batch, n = (size_t)back->batch;
    memcpy(tape_activation(back->tape, back->cut) + first * back->features, activations,
           n * back->features * sizeof *activations);
    memcpy(back->labels + first, labels, n * sizeof *labels);
}

static void scale(float *values, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++)
        values[i] *= factor;
}

/* Forward and losses; leaves at the network's end the logits' gradient, column (i, j) times lambda_i / b. */
void back_forward(struct back *back, int n_groups, const double *lambda)
{
    assert(n_groups >= 1 && n_groups <= back->max_groups);
    back->n_groups = n_groups;
    back->lambda = lambda;
    back->n_slots = 0;
    back->columns = n_groups * back->batch;
    tape_set_training(back->tape, true, back->seed, back->step++);
    net_forward(back->net, back->tape, back->cut, back->end, back->columns);
    const float *logits = tape_activation(back->tape, back->end);
    float *gradient = tape_gradient(back->tape, back->end);
    size_t group_floats = (size_t)back->batch * (size_t)back->n_classes;
    for (int i = 0; i < n_groups; i++) {
        size_t first = (size_t)i * group_floats;
        back->losses[i] =
            back->loss->of(logits + first, back->labels + (size_t)i * (size_t)back->batch,
                           back->batch, back->n_classes, back->label_smoothing, gradient + first);
        scale(gradient + first, group_floats, (float)(lambda[i] / back->batch));
    }
}

struct loss back_loss(const struct back *back, int group)
{
    return back->losses[group];
}

void back_backward_last(struct back *back)
{
    net_zero_grads(back->net);
    net_backward(back->net, back->tape, back->last, back->end, back->columns, true);
}

/*
 * Every group's first columns become the common gradient, each with its own lambda_i, so that they add up to
 * what one aggregated column would carry.
 */
static void spread_common_gradient(struct back *back, int n_slots, size_t features)
{
    float *columns = tape_gradient(back->tape, back->last);
    size_t stride = (size_t)back->batch * features;
    for (size_t k = 0; k < (size_t)n_slots * features; k++) {
        double sum = 0;
        for (int i = 0; i < back->n_groups; i++)
            sum += (double)columns[(size_t)i * stride + k];
        for (int i = 0; i < back->n_groups; i++)
            columns[(size_t)i * stride + k] = (float)(back->lambda[i] * sum);
    }
}

void back_aggregate(struct back *back, enum aggregation aggregation, int n_slots)
{
    assert(n_slots >= 0 && n_slots <= back->batch);
    if (n_slots == 0)
        return;
    struct slots means = {back->n_groups, back->batch, n_slots, back->lambda};
    struct slots sums = {back->n_groups, back->batch, n_slots, back->ones};
    struct shape shape = net_shape(back->net, back->last);
    size_t features = shape_features(&shape);
    back->n_slots = n_slots;
    if (aggregation == AGGREGATE_BROADCAST_GRADIENT && back->last > back->cut) {
        spread_common_gradient(back, n_slots, features);
        return; /* the columns are merged at the cut, by back_backward_rest() */
    }
    slots_aggregate(&sums, tape_gradient(back->tape, back->last), features);
    back->columns = slots_columns(&means);
    tape_aggregate(back->tape, back->cut, back->last, &means);
    if (aggregation == AGGREGATE_MEAN_ACTIVATIONS)
        net_forward(back->net, back->tape, back->cut, back->last, n_slots);
}

/* Merges what is not merged yet and takes lambda_i out of what is a device's own. */
static void finish_cut_gradient(struct back *back)
{
    float *gradient = tape_gradient(back->tape, back->cut);
    struct slots sums = {back->n_groups, back->batch, back->n_slots, back->ones};
    if (back->columns != slots_columns(&sums))
        slots_aggregate(&sums, gradient, back->features);
    size_t own_floats = (size_t)(back->batch - back->n_slots) * back->features;
    float *own = gradient + (size_t)back->n_slots * back->features;
    for (int i = 0; i < back->n_groups; i++)
        if (back->lambda[i] != 1)
            scale(own + (size_t)i * own_floats, own_floats, (float)(1 / back->lambda[i]));
}

void back_backward_rest(struct back *back)
{
    if (back->last > back->cut)
        net_backward(back->net, back->tape, back->cut, back->last, back->columns, true);
    finish_cut_gradient(back);
}

void back_update(struct back *back)
{
    size_t n;
    float *params = net_params(back->net, &n);
    optimizer_step(&back->optimizer, params, net_grads(back->net, &n), back->moments, n,
                   back->step);
}

const float *back_shared_gradient(const struct back *back)
{
    return back->n_slots ? tape_gradient(back->tape, back->cut) : NULL;
}

const float *back_own_gradient(const struct back *back, int group)
{
    size_t own = (size_t)(back->batch - back->n_slots);
    if (own == 0)
        return NULL;
    return tape_gradient(back->tape, back->cut) +
           ((size_t)back->n_slots + (size_t)group * own) * back->features;
}

int back_columns_below_last(const struct back *back)
{
    return back->columns;
}

const float *back_weights(const struct back *back, size_t *n)
{
    return net_params(back->net, n);
}

struct net *back_net(const struct back *back)
{
    return back->net;
}

struct loss back_evaluate(struct back *back, const float *activations, const uint32_t *labels,
                          int n)
{
    assert(n >= 1 && n <= back->batch);
    memcpy(tape_activation(back->tape, back->cut), activations,
           (size_t)n * back->features * sizeof *activations);
    tape_set_training(back->tape, false, back->seed, back->step);
    net_forward(back->net, back->tape, back->cut, back->end, n);
    return back->loss->of(tape_activation(back->tape, back->end), labels, n, back->n_classes, 0,
                          NULL);
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
    float *moments;
    struct net *net = net_range_moved(back->net, back->moments, n_planes(back), back->spec, cut,
                                      back->end, &moments, err);
    if (!net)
        return -1;
    net_free(back->net);
    free(back->moments);
    back->net = net;
    back->moments = moments;
    return settle_cut(back, err);
}

size_t back_weights_floats(const struct back *back, int from, int to)
{
    return net_range_weights(back->net, from, to);
}

size_t back_optimizer_floats(const struct back *back, int from, int to)
{
    return net_range_params(back->net, from, to) * (size_t)n_planes(back);
}

void back_get_layers(const struct back *back, int from, int to, float *weights, float *optimizer)
{
    net_range_get(back->net, from, to, weights);
    net_range_get_planes(back->net, from, to, n_planes(back), back->moments, optimizer);
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
    float *mean = mean_of(weights, n, lambda, back_weights_floats(back, from, to));
    net_range_set(back->net, from, to, mean);
    free(mean);
}

void back_set_optimizer(struct back *back, int from, int to, int n, const double *lambda,
                        const float *const *states)
{
    float *mean = mean_of(states, n, lambda, back_optimizer_floats(back, from, to));
    net_range_set_planes(back->net, from, to, n_planes(back), back->moments, mean);
    free(mean);
}
