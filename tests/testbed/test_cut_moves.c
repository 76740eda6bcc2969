/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cut moves between rounds, to and fro: training is that of a reference which keeps every party's layers in
 * one whole network and copies or averages them where the rule says (docs/MODEL.md), bit for bit; and every phase takes
 * what the equations say.
 */
#include "edge-server/assignment.h"
#include "models/loss.h"
#include "models/net_range.h"
#include "models/optimizer.h"
#include "tests/testbed/cut_moves.h"
#include "tests/testbed/predicted_round.h"

#define ROUNDS CUT_MOVES_ROUNDS
#define BATCH  8
#define MOVING                                                                                     \
    "training.rounds=9", "training.batch_size=8", "training.evaluate_every=0",                     \
        "data.test_samples=64", "scheduler.gap=0.5", "scheduler.time_limit=0.2 s",                 \
        "training.momentum=0.9", "training.weight_decay=1e-3"
/* One party of the reference: the whole network, of which it uses its part. */
struct party {
    struct net *net;
    struct tape *tape;
    float *state; /* of its optimiser */
};

struct reference {
    const struct line *line;
    struct dataset *train;
    struct sampler samplers[LINE_MAX_DEVICES];
    struct party devices[LINE_MAX_DEVICES], server;
    int n_devices, n_layers, n_planes;
    struct optimizer optimizer;
    double lambda[LINE_MAX_DEVICES];
    double losses[ROUNDS];
};

static struct party make_party(const struct reference *r, int batch)
{
    const struct experiment *e = &r->line->e;
    struct party party = {.net = net_new(&e->model, 0, -1, NULL)};
    size_t n;
    party.tape = tape_new(party.net, batch, NULL);
    net_params(party.net, &n);
    net_init_weights(party.net, e->seed);
    party.state = mem_zero(n * (size_t)r->n_planes, sizeof(float));
    return party;
}

static void free_party(struct party *party)
{
    tape_free(party->tape);
    net_free(party->net);
    free(party->state);
}

static void open_reference(struct reference *r, const struct line *line)
{
    const struct experiment *e = &line->e;
    const struct partition *p = &line->partition;
    *r = (struct reference){.line = line, .n_devices = e->n_devices};
    r->n_layers = (int)e->model.layers.n;
    assert_int_equal(assignment_optimizer(&r->optimizer, e, 1, NULL), 0);
    r->n_planes = (int)optimizer_state_floats(&r->optimizer, 1);
    r->train = dataset_open(e->data.format, e->data.dir, DATASET_TRAIN, NULL);
    dataset_normalize(r->train, e->data.mean, e->data.std);
    r->server = make_party(r, e->n_devices * BATCH);
    for (int i = 0; i < r->n_devices; i++) {
        size_t n = p->first[i + 1] - p->first[i];
        r->devices[i] = make_party(r, BATCH);
        r->lambda[i] = (double)n / (double)p->first[r->n_devices];
        sampler_init(&r->samplers[i], p->index + p->first[i], n, e->seed,
                     RNG_SAMPLER + (uint64_t)i);
    }
}

static void close_reference(struct reference *r)
{
    for (int i = 0; i < r->n_devices; i++) {
        free_party(&r->devices[i]);
        sampler_release(&r->samplers[i]);
    }
    free_party(&r->server);
    dataset_free(r->train);
}

/* Layers [from, to): the t-th step, with this party's optimiser state. */
static void step(const struct reference *r, struct party *party, int from, int to, double rate,
                 uint32_t t)
{
    struct optimizer optimizer = r->optimizer;
    size_t first, n;
    optimizer.learning_rate = rate;
    net_param_range(party->net, from, to, &first, &n);
    float *state = mem_zero(n * (size_t)r->n_planes, sizeof *state);
    net_range_get_planes(party->net, from, to, r->n_planes, party->state, state);
    optimizer_step(&optimizer, net_params(party->net, NULL) + first,
                   net_grads(party->net, NULL) + first, state, n, t);
    net_range_set_planes(party->net, from, to, r->n_planes, party->state, state);
    free(state);
}

static void draw(struct reference *r, int device, struct tape *tape, uint32_t *labels)
{
    uint32_t index[BATCH];
    sampler_draw(&r->samplers[device], index, BATCH);
    dataset_batch(r->train, index, BATCH, tape_activation(tape, 0), labels);
}

/* Gradient of the mean loss times lambda, where the tape's end is; returns the mean loss. */
static double loss_of(const struct net *net, struct tape *tape, int first, const uint32_t *labels,
                      double lambda)
{
    int end = net_to(net);
    struct shape shape = net_shape(net, end);
    size_t classes = shape_features(&shape), offset = (size_t)first * classes;
    float *gradient = tape_gradient(tape, end) + offset;
    struct loss loss = loss_softmax_cross_entropy(tape_activation(tape, end) + offset, labels,
                                                  BATCH, (int)classes, gradient);
    for (size_t k = 0; k < BATCH * classes; k++)
        gradient[k] *= (float)(lambda / BATCH);
    return loss.sum / BATCH;
}

/* One after the other on one network; each device's optimiser steps below the cut, the server's above. */
static void take_turns(struct reference *r, uint32_t round, int cut)
{
    const struct experiment *e = &r->line->e;
    for (int i = 0; i < r->n_devices; i++) {
        struct party *one = &r->server;
        struct party below = {one->net, one->tape, r->devices[i].state};
        uint32_t labels[BATCH];
        draw(r, i, one->tape, labels);
        tape_set_training(one->tape, true, e->seed, round - 1);
        net_forward(one->net, one->tape, 0, r->n_layers, BATCH);
        net_zero_grads(one->net);
        r->losses[round - 1] += r->lambda[i] * loss_of(one->net, one->tape, 0, labels, 1);
        net_backward(one->net, one->tape, 0, r->n_layers, BATCH, false);
        step(r, &below, 0, cut, e->training.device_learning_rate, round);
        step(r, one, cut, r->n_layers, e->training.server_learning_rate,
             (round - 1) * (uint32_t)r->n_devices + (uint32_t)i + 1);
    }
}

static size_t copy_features(const struct net *net, int boundary)
{
    struct shape shape = net_shape(net, boundary);
    return BATCH * shape_features(&shape);
}

/* Parallel split learning: all at once, every device with its own layers below the cut. */
static void in_parallel(struct reference *r, uint32_t round, int cut)
{
    const struct experiment *e = &r->line->e;
    struct party *server = &r->server;
    uint32_t labels[LINE_MAX_DEVICES][BATCH];
    size_t n = copy_features(server->net, cut);
    for (int i = 0; i < r->n_devices; i++) {
        struct party *device = &r->devices[i];
        draw(r, i, device->tape, labels[i]);
        tape_set_training(device->tape, true, e->seed + (uint64_t)i, round - 1);
        net_forward(device->net, device->tape, 0, cut, BATCH);
        memcpy(tape_activation(server->tape, cut) + (size_t)i * n,
               tape_activation(device->tape, cut), n * sizeof(float));
    }
    tape_set_training(server->tape, true, e->seed, round - 1);
    net_forward(server->net, server->tape, cut, r->n_layers, r->n_devices * BATCH);
    net_zero_grads(server->net);
    for (int i = 0; i < r->n_devices; i++)
        r->losses[round - 1] +=
            r->lambda[i] * loss_of(server->net, server->tape, i * BATCH, labels[i], r->lambda[i]);
    net_backward(server->net, server->tape, cut, r->n_layers, r->n_devices * BATCH, true);
    for (int i = 0; i < r->n_devices; i++) {
        struct party *device = &r->devices[i];
        float *gradient = tape_gradient(device->tape, cut);
        for (size_t k = 0; k < n; k++) {
            float own = tape_gradient(server->tape, cut)[(size_t)i * n + k];
            gradient[k] = r->lambda[i] == 1 ? own : own * (float)(1 / r->lambda[i]);
        }
        net_zero_grads(device->net);
        net_backward(device->net, device->tape, 0, cut, BATCH, false);
        step(r, device, 0, cut, e->training.device_learning_rate, round);
    }
    step(r, server, cut, r->n_layers, e->training.server_learning_rate, round);
}

/* Weights and optimiser state of layers [from, to) as one array. */
static float *copy_layers(const struct reference *r, const struct party *party, int from, int to,
                          size_t *n)
{
    size_t n_weights = net_range_weights(party->net, from, to);
    *n = n_weights + net_range_params(party->net, from, to) * (size_t)r->n_planes;
    float *copy = mem_zero(*n, sizeof *copy);
    net_range_get(party->net, from, to, copy);
    net_range_get_planes(party->net, from, to, r->n_planes, party->state, copy + n_weights);
    return copy;
}

static void set_layers(const struct reference *r, struct party *party, int from, int to,
                       const float *copy)
{
    net_range_set(party->net, from, to, copy);
    net_range_set_planes(party->net, from, to, r->n_planes, party->state,
                         copy + net_range_weights(party->net, from, to));
}

/* The server's layers [from, to) become the devices' lambda-weighted mean. */
static void average_layers(struct reference *r, int from, int to)
{
    size_t n;
    float *mean = copy_layers(r, &r->server, from, to, &n);
    double *sum = mem_zero(n, sizeof *sum);
    for (int i = 0; i < r->n_devices; i++) {
        float *layers = copy_layers(r, &r->devices[i], from, to, &n);
        for (size_t k = 0; k < n; k++)
            sum[k] += r->lambda[i] * (double)layers[k];
        free(layers);
    }
    for (size_t k = 0; k < n; k++)
        mean[k] = (float)sum[k];
    set_layers(r, &r->server, from, to, mean);
    free(mean);
    free(sum);
}

static void move_in_parallel(struct reference *r, int before, int cut)
{
    if (cut < before) {
        average_layers(r, cut, before);
        return;
    }
    size_t n;
    float *layers = copy_layers(r, &r->server, before, cut, &n);
    for (int i = 0; i < r->n_devices; i++)
        set_layers(r, &r->devices[i], before, cut, layers);
    free(layers);
}

static void copy_state(const struct reference *r, struct party *to, const struct party *from,
                       int first, int end)
{
    size_t n = net_range_params(to->net, first, end) * (size_t)r->n_planes;
    float *state = mem_zero(n, sizeof *state);
    net_range_get_planes(from->net, first, end, r->n_planes, from->state, state);
    net_range_set_planes(to->net, first, end, r->n_planes, to->state, state);
    free(state);
}

/* There is one set of weights: only optimiser state changes hands. */
static void move_in_turn(struct reference *r, int before, int cut)
{
    if (cut < before)
        copy_state(r, &r->server, &r->devices[0], cut, before);
    for (int i = 0; cut > before && i < r->n_devices; i++)
        copy_state(r, &r->devices[i], &r->server, before, cut);
}

enum way { UNSPLIT, IN_TURN, IN_PARALLEL };

static void train_reference(struct reference *r, enum way way)
{
    int before = cut_moves[0] + 1;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        int cut = cut_moves[round - 1] + 1;
        if (way == IN_PARALLEL && cut != before)
            move_in_parallel(r, before, cut);
        if (way == IN_TURN && cut != before)
            move_in_turn(r, before, cut);
        if (way == IN_PARALLEL)
            in_parallel(r, round, cut);
        else
            take_turns(r, round, way == UNSPLIT ? 0 : cut);
        before = cut;
    }
}

/* A line whose cut moves as cut_moves says. */
static struct line run_moving_from(const char *const *sets, int first)
{
    struct line line;
    line_open(&line, sets);
    line.first = first;
    line_move_cut(&line, cut_moves);
    line_start(&line);
    line_run(&line);
    line_assert_done(&line);
    for (size_t i = 0; i < ROUNDS; i++)
        assert_int_equal(line.rounds[i].cut, cut_moves[i] + 1);
    return line;
}

static struct line run_moving(const char *const *sets)
{
    return run_moving_from(sets, 0);
}

static void assert_learns_as(const char *const *sets, enum way way)
{
    struct line line = run_moving(sets);
    struct reference reference;
    open_reference(&reference, &line);
    train_reference(&reference, way);
    for (size_t i = 0; i < ROUNDS; i++)
        if (memcmp(&line.rounds[i].loss, &reference.losses[i], sizeof(double)) != 0)
            fail_msg("round %zu, cut %d: loss %.17g, the reference's %.17g", i + 1,
                     line.rounds[i].cut, line.rounds[i].loss, reference.losses[i]);
    assert_true(reference.losses[ROUNDS - 1] != reference.losses[0]);
    close_reference(&reference);
    line_close(&line);
}

static void one_device_learns_as_the_unsplit_network_does(void **state)
{
    (void)state;
    static const char *const frameworks[] = {"training.framework=sl", "training.framework=psl",
                                             "training.framework=epsl"};
    for (size_t i = 0; i < ARRAY_LEN(frameworks); i++) {
        const char *const sets[] = {MOVING, CUT_MOVES("-dropout"), frameworks[i],
                                    "devices.0.count=1", NULL};
        assert_learns_as(sets, UNSPLIT);
    }
}

static void with_no_momentum_and_with_adamw_one_device_learns_so_too(void **state)
{
    (void)state;
    static const char *const plain[] = {MOVING, CUT_MOVES("-dropout"), "training.momentum=0",
                                        "devices.0.count=1", NULL};
    static const char *const adamw[] = {MOVING,
                                        CUT_MOVES("-dropout"),
                                        "training.optimizer=adamw",
                                        "training.device_learning_rate=0.01",
                                        "training.server_learning_rate=0.01",
                                        "devices.0.count=1",
                                        NULL};
    assert_learns_as(plain, UNSPLIT);
    assert_learns_as(adamw, UNSPLIT);
}

static void devices_in_turn_without_momentum_learn_as_the_unsplit_network_does(void **state)
{
    (void)state;
    static const char *const sets[] = {MOVING, CUT_MOVES(""), "training.framework=sl",
                                       "training.momentum=0", NULL};
    assert_learns_as(sets, UNSPLIT);
}

static void devices_in_turn_learn_as_the_reference_does(void **state)
{
    (void)state;
    static const char *const sets[] = {MOVING, CUT_MOVES(""), "training.framework=sl",
                                       "training.server_learning_rate=0.03", NULL};
    assert_learns_as(sets, IN_TURN);
}

static void devices_in_parallel_learn_as_the_reference_does(void **state)
{
    (void)state;
    static const char *const shares[] = {"data.partition=iid", "data.partition=dirichlet",
                                         "training.optimizer=adamw"};
    for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
        const char *const sets[] = {MOVING,
                                    CUT_MOVES("-dropout"),
                                    "training.framework=psl",
                                    shares[i],
                                    "training.server_learning_rate=0.03",
                                    NULL};
        assert_learns_as(sets, IN_PARALLEL);
    }
}

static void epsl_without_aggregation_learns_as_psl_does(void **state)
{
    (void)state;
    static const char *const sets[] = {MOVING, CUT_MOVES("-dropout"),
                                       "training.aggregation_ratio=0", NULL};
    assert_learns_as(sets, IN_PARALLEL);
}

/* Running means and variances of batch norm move with their layer: an evaluation runs on them alone. */
static void one_device_evaluates_as_one_whose_cut_stays(void **state)
{
    (void)state;
    static const char *const frameworks[] = {"training.framework=sl", "training.framework=psl"};
    for (size_t i = 0; i < ARRAY_LEN(frameworks); i++) {
        const char *const sets[] = {
            MOVING, CUT_MOVES(""), frameworks[i], "devices.0.count=1", "training.evaluate_every=1",
            NULL};
        struct line moving = run_moving(sets), still = run_line(sets);
        for (size_t k = 0; k < ROUNDS; k++) {
            assert_true(moving.rounds[k].is_evaluated && still.rounds[k].is_evaluated);
            assert_true(moving.rounds[k].test_loss == still.rounds[k].test_loss);
            assert_true(moving.rounds[k].accuracy == still.rounds[k].accuracy);
        }
        line_close(&moving);
        line_close(&still);
    }
}

static void the_order_of_arrival_changes_nothing(void **state)
{
    (void)state;
    static const char *const sets[] = {MOVING, CUT_MOVES(""), NULL};
    struct line reference = run_moving(sets), line = run_moving_from(sets, 3);
    assert_same_losses(&reference, &line);
    line_close(&line);
    line_close(&reference);
}

static double handover_of(const struct line_round *round)
{
    double most = 0;
    for (int i = 0; i < round->predicted.n_devices; i++)
        most = fmax(most, round->predicted.handover_s[i]);
    return most;
}

static void every_phase_takes_what_is_predicted_also_when_the_cut_moves(void **state)
{
    (void)state;
    static const char *const frameworks[] = {"training.framework=epsl", "training.framework=psl",
                                             "training.framework=sl"};
    for (size_t k = 0; k < ARRAY_LEN(frameworks); k++) {
        bool takes_turns = k == 2;
        const char *const sets[] = {MOVING, CUT_MOVES(""), frameworks[k],
                                    "radio.fading_block=round", NULL};
        struct line line = run_moving(sets);
        for (size_t i = 0; i < ROUNDS; i++) {
            bool moves = i > 0 && cut_moves[i] != cut_moves[i - 1];
            if (!takes_turns)
                assert_int_equal(handover_of(&line.rounds[i]) > 0, moves);
            line_assert_as_predicted(&line.rounds[i]);
        }
        line_close(&line);
    }
}

/* conv1 104, bn1 8 and 9 buffers, block 144 + 8 and 9 buffers, fc1 256 x 24 + 24; a velocity for each parameter. */
static void bytes_that_change_sides_are_counted(void **state)
{
    (void)state;
    const uint64_t bn1 = 8 + 9 + 8, block = 152 + 9 + 152, fc1 = 2 * (256 * 24 + 24);
    const uint64_t floats[ROUNDS] = {
        0, 0, block + fc1, 0, 5 * fc1, 5 * (bn1 + block), bn1 + block + fc1, 0, 5 * (block + fc1)};
    static const char *const sets[] = {MOVING, CUT_MOVES(""), NULL};
    struct line line = run_moving(sets);
    for (size_t i = 0; i < ROUNDS; i++)
        assert_int_equal(line.rounds[i].handover_bytes, 4 * floats[i]);
    line_close(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_device_learns_as_the_unsplit_network_does),
        cmocka_unit_test(with_no_momentum_and_with_adamw_one_device_learns_so_too),
        cmocka_unit_test(devices_in_turn_without_momentum_learn_as_the_unsplit_network_does),
        cmocka_unit_test(devices_in_turn_learn_as_the_reference_does),
        cmocka_unit_test(devices_in_parallel_learn_as_the_reference_does),
        cmocka_unit_test(epsl_without_aggregation_learns_as_psl_does),
        cmocka_unit_test(one_device_evaluates_as_one_whose_cut_stays),
        cmocka_unit_test(the_order_of_arrival_changes_nothing),
        cmocka_unit_test(every_phase_takes_what_is_predicted_also_when_the_cut_moves),
        cmocka_unit_test(bytes_that_change_sides_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, line_remove_data);
}
