/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A front and a back net, the gradient passed across, train as the whole does, bit for bit, at every cut. */
#ifndef TESTS_MODELS_SPLIT_TRAINING_H
#define TESTS_MODELS_SPLIT_TRAINING_H

#include "tests/models/spec_from_text.h"

#include "models/loss.h"
#include "models/optimizer.h"

enum { STEPS = 3, MAX_BATCH = 16 };

/* One party: a net over a range of layers, with its optimiser. */
struct part {
    struct net *net;
    struct tape *tape;
    struct optimizer optimizer;
    float *params, *moments;
    size_t n;
};

static struct part part_new(const struct net_spec *spec, int from, int to, int batch,
                            const char *optimizer)
{
    struct part part = {.net = net_new(spec, from, to, NULL)};
    part.tape = tape_new(part.net, batch, NULL);
    net_init_weights(part.net, 9);
    part.params = net_params(part.net, &part.n);
    tape_set_training(part.tape, true, 4, 1);
    assert_int_equal(optimizer_init(&part.optimizer, optimizer, NULL), 0);
    part.optimizer.learning_rate = 0.01;
    part.optimizer.momentum = 0.9;
    part.optimizer.weight_decay = 1e-3;
    part.moments = calloc(optimizer_state_floats(&part.optimizer, part.n) + 1, sizeof(float));
    return part;
}

static void part_free(struct part *part)
{
    tape_free(part->tape);
    net_free(part->net);
    free(part->moments);
}

static void part_forward(struct part *part, int batch)
{
    net_forward(part->net, part->tape, net_from(part->net), net_to(part->net), batch);
}

/* The step-th update, from 0. */
static void part_learn(struct part *part, int step, int batch, bool wants_input)
{
    net_zero_grads(part->net);
    net_backward(part->net, part->tape, net_from(part->net), net_to(part->net), batch, wants_input);
    optimizer_step(&part->optimizer, part->params, net_grads(part->net, NULL), part->moments,
                   part->n, (uint64_t)step + 1);
}

static void put_input(struct part *part, int step, int batch)
{
    struct shape shape = net_shape(part->net, 0);
    fill_normal(tape_activation(part->tape, 0), (size_t)batch * shape_features(&shape),
                (uint64_t)step);
}

static double part_loss(struct part *part, int step, int batch)
{
    uint32_t labels[MAX_BATCH];
    int end = net_to(part->net);
    struct shape shape = net_shape(part->net, end);
    int n_classes = (int)shape_features(&shape);
    for (int i = 0; i < batch; i++)
        labels[i] = (uint32_t)((i * 7 + step) % n_classes);
    float *gradient = tape_gradient(part->tape, end);
    double sum = loss_softmax_cross_entropy(tape_activation(part->tape, end), labels, batch,
                                            n_classes, gradient)
                     .sum;
    for (int i = 0; i < batch * n_classes; i++)
        gradient[i] /= (float)batch;
    return sum;
}

static void train_whole(struct part *whole, int batch, double losses[STEPS])
{
    for (int step = 0; step < STEPS; step++) {
        put_input(whole, step, batch);
        part_forward(whole, batch);
        losses[step] = part_loss(whole, step, batch);
        part_learn(whole, step, batch, false);
    }
}

static void train_split(struct part *front, struct part *back, int cut, int batch,
                        double losses[STEPS])
{
    struct shape shape = net_shape(front->net, cut);
    size_t bytes = (size_t)batch * shape_features(&shape) * sizeof(float);
    for (int step = 0; step < STEPS; step++) {
        put_input(front, step, batch);
        part_forward(front, batch);
        memcpy(tape_activation(back->tape, cut), tape_activation(front->tape, cut), bytes);
        part_forward(back, batch);
        losses[step] = part_loss(back, step, batch);
        part_learn(back, step, batch, true);
        memcpy(tape_gradient(front->tape, cut), tape_gradient(back->tape, cut), bytes);
        part_learn(front, step, batch, false);
    }
}

/* Weights, and buffers behind them. */
static void assert_same_state(const struct part *front, const struct part *back,
                              const struct part *whole, int cut)
{
    const struct net *parts[] = {front->net, back->net};
    const float *params = whole->params, *buffers = net_buffers(whole->net, NULL);
    for (int i = 0; i < 2; i++) {
        size_t n, n_buffers;
        const float *own = net_params(parts[i], &n);
        const float *own_buffers = net_buffers(parts[i], &n_buffers);
        if (memcmp(own, params, n * sizeof *own) != 0 ||
            memcmp(own_buffers, buffers, n_buffers * sizeof *own) != 0)
            fail_msg("cut at %d: the %s is not the whole's", cut, i ? "back" : "front");
        params += n;
        buffers += n_buffers;
    }
}

static MAYBE void every_cut_equals_the_whole(const struct net_spec *spec, int batch,
                                             const char *optimizer)
{
    double losses[STEPS], split_losses[STEPS];
    assert_true(batch <= MAX_BATCH);
    struct part whole = part_new(spec, 0, -1, batch, optimizer);
    float *start = malloc(whole.n * sizeof(float));
    memcpy(start, whole.params, whole.n * sizeof(float));
    train_whole(&whole, batch, losses);
    assert_true(losses[0] > 0 && losses[0] != losses[1]);
    assert_memory_not_equal(start, whole.params, whole.n * sizeof(float));
    for (int cut = 1; cut < (int)spec->layers.n; cut++) {
        struct part front = part_new(spec, 0, cut, batch, optimizer);
        struct part back = part_new(spec, cut, -1, batch, optimizer);
        assert_int_equal(front.n + back.n, whole.n);
        assert_memory_equal(front.params, start, front.n * sizeof(float));
        assert_memory_equal(back.params, start + front.n, back.n * sizeof(float));
        train_split(&front, &back, cut, batch, split_losses);
        if (memcmp(losses, split_losses, sizeof losses) != 0)
            fail_msg("cut at %d: last loss %.17g, whole %.17g", cut, split_losses[STEPS - 1],
                     losses[STEPS - 1]);
        assert_same_state(&front, &back, &whole, cut);
        part_free(&front);
        part_free(&back);
    }
    free(start);
    part_free(&whole);
}

#endif
