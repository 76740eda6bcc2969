/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "edge-server/back_impl.h"

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

static void start_learning(struct back *back)
{
    size_t n_params;
    net_init_weights(back->net, back->seed);
    net_params(back->net, &n_params);
    back->moments =
        mem_zero(optimizer_state_floats(&back->optimizer, n_params), sizeof *back->moments);
    back->labels = mem_zero((size_t)back->max_groups * (size_t)back->batch, sizeof *back->labels);
}

struct back *back_new(const struct net_spec *spec, const struct back_options *options,
                      struct err *err)
{
    struct back *back = mem_zero(1, sizeof *back);
    size_t groups = (size_t)options->max_groups;
    back->spec = spec;
    back->max_groups = options->max_groups;
    back->batch = options->batch;
    back->learns = !options->is_without_learning;
    back->aggregates = options->aggregates;
    if (net_sizes_make(&back->sizes, spec, err) ||
        (back->learns && !(back->net = net_new(spec, options->cut, -1, err))) ||
        back_settle_cut(back, options->cut, err)) {
        back_free(back);
        return NULL;
    }
    back->optimizer = options->optimizer;
    back->loss = options->loss;
    back->label_smoothing = options->label_smoothing;
    back->seed = options->seed;
    if (back->learns)
        start_learning(back);
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
    net_sizes_release(&back->sizes);
    payload_drop(back->zeros);
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
    if (!back->learns)
        return;
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
    if (!back->learns)
        return;
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
    if (!back->learns)
        return;
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
    size_t features = back->sizes.features[back->last];
    bool merges_at_cut = aggregation == AGGREGATE_BROADCAST_GRADIENT && back->last > back->cut;
    back->n_slots = n_slots;
    if (!merges_at_cut)
        back->columns = slots_columns(&means);
    if (!back->learns)
        return;
    if (merges_at_cut) {
        spread_common_gradient(back, n_slots, features);
        return; /* the columns are merged by back_backward_rest() */
    }
    slots_aggregate(&sums, tape_gradient(back->tape, back->last), features);
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
    if (!back->learns)
        return;
    if (back->last > back->cut)
        net_backward(back->net, back->tape, back->cut, back->last, back->columns, true);
    finish_cut_gradient(back);
}

void back_update(struct back *back)
{
    if (!back->learns)
        return;
    size_t n;
    float *params = net_params(back->net, &n);
    optimizer_step(&back->optimizer, params, net_grads(back->net, &n), back->moments, n,
                   back->step);
}

static const float *cut_gradient(const struct back *back, size_t column)
{
    if (!back->learns)
        return payload_data(back->zeros);
    return tape_gradient(back->tape, back->cut) + column * back->features;
}

const float *back_shared_gradient(const struct back *back)
{
    return back->n_slots ? cut_gradient(back, 0) : NULL;
}

const float *back_own_gradient(const struct back *back, int group)
{
    size_t own = (size_t)(back->batch - back->n_slots);
    return own ? cut_gradient(back, (size_t)back->n_slots + (size_t)group * own) : NULL;
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
