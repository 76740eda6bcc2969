/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The device's round logic: what it answers, when, and what it refuses. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "device-agent/device.h"
#include "tests/data/tiny_idx.h"
#include "tests/link/near.h"

#define BATCH      4
#define FEATURES   3
#define N_PIXELS   784
#define N_WEIGHTS  (FEATURES * N_PIXELS + FEATURES)
#define N_MORE     (FEATURES * 10 + 10) /* of the layer behind */
#define FORWARD_S  0.010
#define BACKWARD_S 0.020
#define UPLINK_BPS (BATCH * FEATURES * 32 / 0.005) /* the activations take 5 ms */

static void set_layer(struct msg_layer *layer, const char *kind, const char *name, double out)
{
    strcpy(layer->kind, kind);
    strcpy(layer->name, name);
    if (out > 0) {
        layer->arguments = mem_zero(1, sizeof *layer->arguments);
        layer->n_arguments = 1;
        strcpy(layer->arguments[0].key, "out_features");
        layer->arguments[0].value = out;
    }
}

/* flatten, linear | linear: the cut leaves the first two here. */
static struct msg *make_assignment(void)
{
    struct msg *msg = msg_new(MSG_ASSIGNMENT);
    struct msg_assignment *a = &msg->assignment;
    a->n_devices = 1;
    a->time_scale = 2;
    a->peer_timeout_s = 1;
    a->threads = 1;
    strcpy(a->model_name, "tiny");
    a->n_input_dims = 3;
    a->input_dims[0] = 1;
    a->input_dims[1] = a->input_dims[2] = 28;
    a->layers.n_layers = 3;
    a->layers.layers = mem_zero(3, sizeof *a->layers.layers);
    set_layer(&a->layers.layers[0], "flatten", "", 0);
    set_layer(&a->layers.layers[1], "linear", "front", FEATURES);
    set_layer(&a->layers.layers[2], "linear", "back", 10);
    a->cut = 2;
    a->batch_size = BATCH;
    strcpy(a->optimizer, "sgd");
    a->learning_rate = 0.5;
    a->eps = 1e-8;
    strcpy(a->data_format, "idx");
    a->data_std = 1;

    struct payload *samples = payload_new(10 * sizeof(uint32_t));
    uint32_t *index = payload_memory(samples);
    for (uint32_t i = 0; i < 10; i++)
        index[i] = 7 * i;
    struct payload *weights = payload_new(N_WEIGHTS * sizeof(float));
    memset(payload_memory(weights), 0, N_WEIGHTS * sizeof(float));
    msg_attach(msg, samples);
    msg_attach(msg, weights);
    return msg;
}

static struct msg *make_round(uint32_t round, uint32_t n_shared)
{
    struct msg *msg = msg_new(MSG_ROUND);
    msg->round = (struct msg_round){.round = round,
                                    .n_shared = n_shared,
                                    .forward_s = FORWARD_S,
                                    .backward_s = BACKWARD_S,
                                    .uplink_bps = UPLINK_BPS,
                                    .cut = 2};
    return msg;
}

static struct msg *make_gradient(uint32_t round, uint32_t first, uint32_t n, bool is_shared)
{
    struct msg *msg = msg_new(MSG_GRADIENT);
    msg->gradient = (struct msg_gradient){round, first, n, is_shared};
    struct payload *payload = payload_new(n * FEATURES * sizeof(float));
    float *gradient = payload_memory(payload);
    for (uint32_t k = 0; k < n * FEATURES; k++)
        gradient[k] = 1;
    msg_attach(msg, payload);
    return msg;
}

static void go_to(struct device *device, double now_us)
{
    struct err err = ERR_INIT;
    if (device_advance(device, now_us, &err))
        fail_msg("%s", err.text);
}

/* Hands a message in; the test goes on only if the device takes it. */
static void give(struct device *device, struct msg *msg, double now_us)
{
    struct err err = ERR_INIT;
    if (device_receive(device, &msg, now_us, &err))
        fail_msg("%s", err.text);
    assert_null(msg);
    go_to(device, now_us);
}

static struct msg *take(struct device *device, enum msg_kind kind)
{
    struct msg *msg = device_next(device);
    assert_non_null(msg);
    assert_string_equal(msg_kind_name(msg->kind), msg_kind_name(kind));
    assert_null(device_next(device));
    return msg;
}

static void drop(struct device *device, enum msg_kind kind)
{
    msg_free(take(device, kind));
}

static struct device *make_device(void)
{
    return device_new("pi-0", tiny_idx_dir());
}

static struct device *make_ready_device(void)
{
    struct device *device = make_device();
    drop(device, MSG_HELLO);
    give(device, make_assignment(), 0);
    drop(device, MSG_READY);
    return device;
}

/* The device must refuse, say why to its driver and to the server, and be of no more use. */
static void assert_refuses(struct device *device, struct msg *msg, const char *reason)
{
    struct err err = ERR_INIT;
    assert_int_equal(device_receive(device, &msg, 0, &err), -1);
    assert_null(msg);
    if (!strstr(err.text, reason))
        fail_msg("'%s' is missing in: %s", reason, err.text);
    struct msg *error = take(device, MSG_ERROR);
    assert_string_equal(error->error.reason, err.text);
    msg_free(error);
    device_free(device);
}

static void it_says_hello_with_name_and_version(void **state)
{
    (void)state;
    struct device *device = make_device();
    struct msg *hello = take(device, MSG_HELLO);
    assert_string_equal(hello->hello.name, "pi-0");
    assert_int_equal(hello->hello.protocol_version, PROTOCOL_VERSION);
    assert_true(device_time_scale(device) == 1);
    msg_free(hello);
    device_free(device);
}

static void it_gets_ready_with_what_it_was_assigned(void **state)
{
    (void)state;
    struct device *device = make_device();
    drop(device, MSG_HELLO);
    give(device, make_assignment(), 0);
    struct msg *ready = take(device, MSG_READY);
    assert_int_equal(ready->ready.n_train_samples, 10);
    assert_int_equal(ready->ready.n_test_samples, TINY_IDX_N_TEST);
    assert_true(device_time_scale(device) == 2);
    msg_free(ready);
    device_free(device);
}

static void a_round_goes_by_at_its_modelled_pace(void **state)
{
    (void)state;
    const double start_us = 1000, forward_us = start_us + 10000, uplink_us = forward_us + 5000;
    struct device *device = make_ready_device();
    give(device, make_round(1, 0), start_us);
    assert_null(device_next(device));
    assert_near_us(device_wake_us(device), forward_us);
    go_to(device, forward_us - 1);
    assert_near_us(device_wake_us(device), forward_us);
    go_to(device, forward_us);
    assert_null(device_next(device));
    assert_near_us(device_wake_us(device), uplink_us);
    go_to(device, uplink_us);
    struct msg *msg = take(device, MSG_ACTIVATIONS);
    assert_true(fabs(msg->activations.forward_s - FORWARD_S) < 1e-9);
    assert_int_equal(msg->activations.n_samples, BATCH);
    assert_int_equal(payload_bytes(msg->payload[0]), BATCH * FEATURES * sizeof(float));
    assert_int_equal(payload_bytes(msg->payload[1]), BATCH * sizeof(uint32_t));
    msg_free(msg);
    assert_true(isinf(device_wake_us(device)));

    give(device, make_gradient(1, 0, BATCH, false), 50000);
    assert_near_us(device_wake_us(device), 70000);
    go_to(device, 70000);
    msg = take(device, MSG_ROUND_DONE);
    assert_true(fabs(msg->round_done.backward_s - BACKWARD_S) < 1e-9);
    assert_int_equal(msg->round_done.n_overruns, 0);
    assert_int_equal(msg->n_payloads, 0);
    msg_free(msg);
    device_free(device);
}

/* 16000 bytes of activations in 5 ms; labels ride with the last of them. */
static void in_steps_the_activations_go_ahead_of_their_message(void **state)
{
    (void)state;
    struct device *device = make_ready_device();
    device_set_step(device, 1000 * device_time_scale(device));
    give(device, make_round(1, 0), 0);
    go_to(device, 10000);
    size_t total = BATCH * FEATURES * sizeof(float), step = (total + 4) / 5;
    for (size_t i = 0; i < 4; i++) {
        double due_us = 10000 + 5000 * (double)((i + 1) * step) / (double)total;
        assert_near_us(device_wake_us(device), due_us);
        go_to(device, due_us - 1);
        assert_null(device_next(device));
        go_to(device, due_us);
        struct msg *piece = take(device, MSG_PIECE);
        assert_int_equal(piece->piece.kind, MSG_ACTIVATIONS);
        assert_int_equal(piece->piece.payload, 1);
        assert_int_equal(piece->piece.offset, i * step);
        assert_int_equal(piece->piece.total_bytes, total);
        assert_int_equal(payload_bytes(piece->payload[0]), step);
        msg_free(piece);
    }
    assert_near_us(device_wake_us(device), 15000);
    go_to(device, 15000);
    struct msg *msg = take(device, MSG_ACTIVATIONS);
    assert_int_equal(msg->ahead_bytes[0], 4 * step);
    assert_int_equal(payload_bytes(msg->payload[0]), total - 4 * step);
    assert_int_equal(payload_bytes(msg->payload[1]), BATCH * sizeof(uint32_t));
    msg_free(msg);
    device_free(device);
}

static void a_device_woken_late_is_back_on_time_with_the_next_piece(void **state)
{
    (void)state;
    struct device *device = make_ready_device();
    device_set_step(device, 1000 * device_time_scale(device));
    give(device, make_round(1, 0), 0);
    go_to(device, 10000);
    go_to(device, 13500);
    struct msg *piece = take(device, MSG_PIECE);
    size_t total = BATCH * FEATURES * sizeof(float), step = (total + 4) / 5;
    assert_int_equal(payload_bytes(piece->payload[0]), 3 * step);
    msg_free(piece);
    assert_near_us(device_wake_us(device), 10000 + 5000 * (double)(4 * step) / (double)total);
    go_to(device, 15000);
    struct msg *msg = take(device, MSG_ACTIVATIONS);
    assert_int_equal(msg->ahead_bytes[0], 3 * step);
    msg_free(msg);
    device_free(device);
}

static void it_tells_its_time_and_stamps_what_it_sends_with_it(void **state)
{
    (void)state;
    struct device *device = make_ready_device();
    struct msg *clock = msg_new(MSG_CLOCK);
    clock->clock.server_sent_s = 7.25;
    give(device, clock, 1500);
    clock = take(device, MSG_CLOCK);
    assert_true(clock->clock.server_sent_s == 7.25);
    assert_near_us(clock->clock.device_received_s * 1e6, 1500);
    assert_near_us(clock->clock.device_sent_s * 1e6, 1500);
    msg_free(clock);
    give(device, make_round(1, 0), 2000);
    go_to(device, 12000);
    go_to(device, 17000);
    struct msg *msg = take(device, MSG_ACTIVATIONS);
    assert_near_us(msg->activations.forward_start_s * 1e6, 2000);
    msg_free(msg);
    give(device, make_gradient(1, 0, BATCH, false), 20000);
    go_to(device, 40000);
    msg = take(device, MSG_ROUND_DONE);
    assert_near_us(msg->round_done.backward_start_s * 1e6, 20000);
    msg_free(msg);
    device_free(device);
}

static void a_pass_that_computes_longer_than_modelled_is_an_overrun(void **state)
{
    (void)state;
    struct device *device = make_ready_device();
    struct err err = ERR_INIT;
    struct msg *round = make_round(1, 0);
    assert_int_equal(device_receive(device, &round, 0, &err), 0);
    go_to(device, 15000); /* the first look at the clock: 15 ms of computing, 10 modelled */
    go_to(device, 20000);
    struct msg *msg = take(device, MSG_ACTIVATIONS);
    assert_true(fabs(msg->activations.forward_s - 0.015) < 1e-9);
    assert_true(fabs(msg->activations.forward_busy_s - 0.015) < 1e-9);
    msg_free(msg);
    give(device, make_gradient(1, 0, BATCH, false), 30000);
    go_to(device, 50000);
    msg = take(device, MSG_ROUND_DONE);
    assert_int_equal(msg->round_done.n_overruns, 1);
    msg_free(msg);
    device_free(device);
}

static void without_a_pace_nothing_waits(void **state)
{
    (void)state;
    struct device *device = make_ready_device();
    struct msg *round = make_round(1, 0);
    round->round.forward_s = round->round.backward_s = round->round.uplink_bps = 0;
    give(device, round, 5);
    drop(device, MSG_ACTIVATIONS);
    give(device, make_gradient(1, 0, BATCH, false), 6);
    drop(device, MSG_ROUND_DONE);
    device_free(device);
}

/* A gradient of ones on every output: the bias of each output moves by -rate * batch. */
static void a_step_moves_the_weights_and_a_front_is_handed_back_when_asked_for(void **state)
{
    (void)state;
    struct device *device = make_ready_device();
    struct msg *round = make_round(1, 2);
    round->round.returns_front = true;
    round->round.forward_s = round->round.backward_s = round->round.uplink_bps = 0;
    give(device, round, 0);
    drop(device, MSG_ACTIVATIONS);
    give(device, make_gradient(1, 0, 2, true), 0);
    assert_null(device_next(device));
    give(device, make_gradient(1, 2, 2, false), 0);
    struct msg *done = take(device, MSG_ROUND_DONE);
    assert_int_equal(msg_payload_bytes(done), N_WEIGHTS * sizeof(float));
    const float *weights = payload_data(done->payload[0]);
    for (int i = 0; i < FEATURES; i++)
        assert_true(weights[N_WEIGHTS - FEATURES + i] == -0.5f * BATCH);
    msg_free(done);
    device_free(device);
}

static void a_front_is_taken_over_with_a_round(void **state)
{
    (void)state;
    struct device *device = make_ready_device();
    struct msg *round = make_round(1, 0);
    struct payload *weights = payload_new(N_WEIGHTS * sizeof(float));
    float *values = payload_memory(weights);
    for (int i = 0; i < N_WEIGHTS; i++)
        values[i] = i >= N_WEIGHTS - FEATURES ? 3.5f : 0.0f;
    msg_attach(round, weights);
    round->round.forward_s = round->round.uplink_bps = 0;
    give(device, round, 0);
    struct msg *msg = take(device, MSG_ACTIVATIONS);
    const float *activations = payload_data(msg->payload[0]);
    for (int k = 0; k < BATCH * FEATURES; k++)
        assert_true(activations[k] == 3.5f);
    msg_free(msg);
    device_free(device);
}

/* What a device draws in its first rounds, as labels. */
static void draw_labels(uint32_t device_index, uint32_t labels[3 * BATCH])
{
    struct device *device = make_device();
    drop(device, MSG_HELLO);
    struct msg *assignment = make_assignment();
    assignment->assignment.n_devices = 2;
    assignment->assignment.device_index = device_index;
    give(device, assignment, 0);
    drop(device, MSG_READY);
    for (uint32_t i = 0; i < 3; i++) {
        struct msg *round = make_round(i + 1, 0);
        round->round.forward_s = round->round.backward_s = round->round.uplink_bps = 0;
        give(device, round, 0);
        struct msg *msg = take(device, MSG_ACTIVATIONS);
        memcpy(labels + i * BATCH, payload_data(msg->payload[1]), BATCH * sizeof *labels);
        msg_free(msg);
        give(device, make_gradient(i + 1, 0, BATCH, false), 0);
        drop(device, MSG_ROUND_DONE);
    }
    device_free(device);
}

static void devices_draw_in_orders_of_their_own_that_repeat(void **state)
{
    (void)state;
    uint32_t first[3 * BATCH], again[3 * BATCH], second[3 * BATCH];
    draw_labels(0, first);
    draw_labels(0, again);
    draw_labels(1, second);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, second, sizeof first);
}

static void an_evaluation_is_answered_at_once(void **state)
{
    (void)state;
    struct device *device = make_ready_device();
    struct msg *msg = msg_new(MSG_EVALUATE);
    msg->evaluate =
        (struct msg_evaluate){.evaluation = 1, .first = 3, .stride = 50, .n_samples = 4};
    give(device, msg, 0);
    msg = take(device, MSG_EVALUATION);
    assert_int_equal(msg->evaluation.first, 3);
    assert_int_equal(msg->evaluation.n_samples, 4);
    assert_int_equal(payload_bytes(msg->payload[1]), 4 * sizeof(uint32_t));
    msg_free(msg);
    device_free(device);
}

static void a_stop_ends_it(void **state)
{
    (void)state;
    struct device *device = make_ready_device();
    give(device, msg_reason(MSG_STOP, "over"), 0);
    assert_true(device_is_done(device));
    device_free(device);
}

static void the_servers_error_is_passed_on_and_not_answered(void **state)
{
    (void)state;
    struct device *device = make_ready_device();
    struct err err = ERR_INIT;
    struct msg *error = msg_reason(MSG_ERROR, "no seat");
    assert_int_equal(device_receive(device, &error, 0, &err), -1);
    assert_string_equal(err.text, "the server ended it: no seat");
    assert_null(device_next(device));
    device_free(device);
}

/* A device that is ready with flatten, a linear layer of 784 x 3 and one behind it, in front of another. */
static struct device *make_deep_device_on(const char *dir, uint32_t cut)
{
    struct device *device = device_new("pi-0", dir);
    drop(device, MSG_HELLO);
    struct msg *msg = make_assignment();
    struct msg_assignment *a = &msg->assignment;
    struct msg_layer *longer = mem_zero(4, sizeof *longer);
    memcpy(longer, a->layers.layers, 3 * sizeof *longer);
    free(a->layers.layers);
    a->layers.layers = longer;
    a->layers.n_layers = 4;
    set_layer(&longer[3], "linear", "more", 2);
    a->momentum = 0.5;
    a->cut = cut;
    size_t n = cut == 3 ? N_WEIGHTS + N_MORE : N_WEIGHTS;
    struct payload *weights = payload_new(n * sizeof(float));
    for (size_t i = 0; i < n; i++)
        ((float *)payload_memory(weights))[i] = i >= N_WEIGHTS ? (float)(i - N_WEIGHTS) : 0;
    payload_drop(msg->payload[1]);
    msg->payload[1] = weights;
    give(device, msg, 0);
    drop(device, MSG_READY);
    return device;
}

static struct device *make_deep_device(uint32_t cut)
{
    return make_deep_device_on(tiny_idx_dir(), cut);
}

static struct msg *make_move(uint32_t cut)
{
    struct msg *msg = make_round(1, 0);
    msg->round.cut = cut;
    msg->round.returns_layers = msg->round.returns_optimizer = cut < 3;
    return msg;
}

static void attach_zeros(struct msg *msg, size_t n)
{
    struct payload *payload = payload_new(n * sizeof(float));
    memset(payload_memory(payload), 0, n * sizeof(float));
    msg_attach(msg, payload);
}

static void layers_given_up_go_up_first_and_take_their_time(void **state)
{
    (void)state;
    /* Weights and as many of momentum. */
    const double handed_us = 8e6 * 2 * N_MORE * sizeof(float) / UPLINK_BPS;
    struct device *device = make_deep_device(3);
    give(device, make_move(2), 0);
    assert_null(device_next(device));
    assert_near_us(device_wake_us(device), handed_us);
    go_to(device, handed_us);
    struct msg *msg = take(device, MSG_LAYERS);
    assert_int_equal(msg->layers.round, 1);
    assert_int_equal(payload_bytes(msg->payload[0]), N_MORE * sizeof(float));
    assert_int_equal(payload_bytes(msg->payload[1]), N_MORE * sizeof(float));
    for (int i = 0; i < N_MORE; i++)
        assert_true(((const float *)payload_data(msg->payload[0]))[i] == (float)i);
    msg_free(msg);
    assert_true(device_wake_us(device) <= handed_us);
    go_to(device, handed_us); /* the forward pass begins */
    go_to(device, handed_us); /* and is looked at */
    assert_near_us(device_wake_us(device), handed_us + FORWARD_S * 1e6);
    go_to(device, handed_us + 1000000);
    go_to(device, handed_us + 2000000);
    msg = take(device, MSG_ACTIVATIONS);
    assert_int_equal(payload_bytes(msg->payload[0]), BATCH * FEATURES * sizeof(float));
    msg_free(msg);
    device_free(device);
}

/* The pass begins when the layers have gone, and it is no message then that fails. */
static void samples_that_cannot_be_read_end_the_device_behind_a_hand_over(void **state)
{
    (void)state;
    char dir[] = "/tmp/splitbed-data-XXXXXX";
    struct err err = ERR_INIT;
    assert_non_null(mkdtemp(dir));
    char *copy = mem_format("cp %s/* %s", tiny_idx_dir(), dir),
         *clear = mem_format("rm -r %s", dir);
    char *images = mem_format("%s/train-images-idx3-ubyte", dir);
    assert_int_equal(system(copy), 0);
    struct device *device = make_deep_device_on(dir, 3);
    give(device, make_move(2), 0);
    assert_int_equal(truncate(images, 16), 0);
    go_to(device, device_wake_us(device));
    drop(device, MSG_LAYERS);
    assert_int_equal(device_advance(device, device_wake_us(device), &err), -1);
    assert_non_null(strstr(err.text, "could not be read"));
    struct msg *error = take(device, MSG_ERROR);
    assert_string_equal(error->error.reason, err.text);
    msg_free(error);
    assert_true(isinf(device_wake_us(device)));
    device_free(device);
    assert_int_equal(system(clear), 0);
    free(images);
    free(clear);
    free(copy);
}

static void layers_gained_are_used_at_once(void **state)
{
    (void)state;
    struct device *device = make_deep_device(2);
    struct msg *msg = make_move(3);
    struct payload *weights = payload_new(N_MORE * sizeof(float));
    for (int i = 0; i < N_MORE; i++)
        ((float *)payload_memory(weights))[i] = i >= N_MORE - 10 ? 2.5f : 0;
    msg->round.weights_from = 2;
    msg->round.forward_s = msg->round.uplink_bps = 0;
    msg_attach(msg, weights);
    attach_zeros(msg, N_MORE);
    give(device, msg, 0);
    msg = take(device, MSG_ACTIVATIONS);
    assert_int_equal(payload_bytes(msg->payload[0]), BATCH * 10 * sizeof(float));
    for (int i = 0; i < BATCH * 10; i++)
        assert_true(((const float *)payload_data(msg->payload[0]))[i] == 2.5f);
    msg_free(msg);
    device_free(device);
}

static void plans_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    assert_refuses(make_deep_device(2), make_move(4),
                   "round 1: cut 4 after cut 2 without the layers between");
    struct msg *msg = make_move(4);
    attach_zeros(msg, N_MORE);
    attach_zeros(msg, N_MORE);
    assert_refuses(make_deep_device(2), msg, "round 1: cut 4 of a model of 4 layers: allowed are");
    assert_refuses(make_deep_device(2), make_move(3), "cut 3 after cut 2 without the layers");
    msg = make_move(3);
    msg->round.weights_from = 3;
    attach_zeros(msg, 0);
    attach_zeros(msg, N_MORE);
    assert_refuses(make_deep_device(2), msg,
                   "round 1: weights from layer 3 on, but those from 2 on are missing");
    msg = make_move(3);
    msg->round.weights_from = 2;
    attach_zeros(msg, N_MORE - 1);
    attach_zeros(msg, N_MORE);
    assert_refuses(make_deep_device(2), msg,
                   "round 1: 156 bytes of weights for layers [2, 3), which have 160");
    msg = make_move(3);
    msg->round.weights_from = 2;
    attach_zeros(msg, N_MORE);
    attach_zeros(msg, N_MORE + 1);
    assert_refuses(make_deep_device(2), msg,
                   "round 1: 164 bytes of optimiser state for layers [2, 3), which have 160");
    msg = make_move(2);
    assert_refuses(make_deep_device(2), msg,
                   "round 1: asks for layers given up, but cut 2 follows cut 2");
    msg = make_move(2);
    attach_zeros(msg, N_WEIGHTS);
    attach_zeros(msg, 0);
    assert_refuses(make_deep_device(3), msg,
                   "round 1: optimiser state of layers gained, but cut 2 follows cut 3");
    struct device *device = make_deep_device(3);
    give(device, make_move(2), 0);
    assert_refuses(device, make_round(2, 0), "round 2 came while handing layers up");
}

static void messages_out_of_turn_are_refused(void **state)
{
    (void)state;
    struct device *device = make_device();
    drop(device, MSG_HELLO);
    assert_refuses(device, make_round(1, 0), "round 1 came while waiting for an assignment");
    assert_refuses(make_ready_device(), make_assignment(), "an assignment came while ready");
    assert_refuses(make_ready_device(), make_gradient(1, 0, BATCH, false),
                   "a gradient came while ready");
    assert_refuses(make_ready_device(), msg_new(MSG_HELLO), "the server sent hello");
    device = make_ready_device();
    give(device, make_round(1, 0), 0);
    assert_refuses(device, make_round(2, 0), "round 2 came while in the forward pass");
    device = make_ready_device();
    give(device, make_round(1, 0), 0);
    assert_refuses(device, msg_new(MSG_CLOCK), "the time was asked for while in the forward pass");
    assert_refuses(make_ready_device(), make_round(1, BATCH + 1), "5 shared slots in a batch of 4");
}

static struct device *make_waiting_device(uint32_t n_shared)
{
    struct device *device = make_ready_device();
    struct msg *round = make_round(1, n_shared);
    round->round.forward_s = round->round.uplink_bps = 0;
    give(device, round, 0);
    drop(device, MSG_ACTIVATIONS);
    return device;
}

static void gradients_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    assert_refuses(make_waiting_device(0), make_gradient(2, 0, BATCH, false),
                   "of round 2 in round 1");
    assert_refuses(make_waiting_device(0), make_gradient(1, 1, 3, false),
                   "slots 0 to 3 are missing");
    assert_refuses(make_waiting_device(0), make_gradient(1, 0, BATCH + 1, false), "slots 0 to 3");
    assert_refuses(make_waiting_device(2), make_gradient(1, 0, 2, false), "the first 2 are shared");
    assert_refuses(make_waiting_device(2), make_gradient(1, 0, 3, true), "the first 2 are shared");
    struct msg *thin = make_gradient(1, 0, 2, false);
    thin->gradient.n_slots = BATCH;
    assert_refuses(make_waiting_device(0), thin, "a gradient of 24 bytes for 4 slots of 12");
}

static void front_weights_are_given_when_asked_for(void **state)
{
    (void)state;
    struct device *device = make_ready_device();
    give(device, msg_new(MSG_COLLECT), 0);
    struct msg *front = take(device, MSG_FRONT);
    assert_int_equal(msg_payload_bytes(front), N_WEIGHTS * sizeof(float));
    msg_free(front);
    device_free(device);
    assert_refuses(make_waiting_device(0), msg_new(MSG_COLLECT),
                   "the front weights were asked for while waiting for gradients");
}

/* One round of ones as gradients: where the first weight of the bias is after it. */
static float step_with(struct msg *assignment)
{
    struct device *device = make_device();
    drop(device, MSG_HELLO);
    give(device, assignment, 0);
    drop(device, MSG_READY);
    struct msg *round = make_round(1, 0);
    round->round.forward_s = round->round.backward_s = round->round.uplink_bps = 0;
    round->round.returns_front = true;
    give(device, round, 0);
    drop(device, MSG_ACTIVATIONS);
    give(device, make_gradient(1, 0, BATCH, false), 0);
    struct msg *done = take(device, MSG_ROUND_DONE);
    float bias = ((const float *)payload_data(done->payload[0]))[N_WEIGHTS - 1];
    msg_free(done);
    device_free(device);
    return bias;
}

static void the_assigned_optimizer_steps(void **state)
{
    (void)state;
    struct msg *adamw = make_assignment();
    strcpy(adamw->assignment.optimizer, "adamw");
    adamw->assignment.beta1 = 0.9;
    adamw->assignment.beta2 = 0.999;
    assert_true(step_with(make_assignment()) == -0.5f * BATCH);
    assert_true(fabs((double)step_with(adamw) + 0.5) < 1e-6); /* its first step is the rate */
}

#define N_SEEN (2 * BATCH * FEATURES)

/* The activations of two batches of one and the same image: sums over its left half, by weights that do not move. */
static void see(bool is_augmented, uint32_t device_index, float to[N_SEEN])
{
    struct device *device = make_device();
    drop(device, MSG_HELLO);
    struct msg *assignment = make_assignment();
    assignment->assignment.n_devices = 2;
    assignment->assignment.device_index = device_index;
    assignment->assignment.learning_rate = 0;
    assignment->assignment.crop_padding = is_augmented ? 3 : 0;
    assignment->assignment.flips = is_augmented;
    uint32_t *index = payload_memory(assignment->payload[0]);
    for (int i = 0; i < 10; i++)
        index[i] = 7;
    float *weights = payload_memory(assignment->payload[1]);
    for (int i = 0; i < FEATURES * N_PIXELS; i++)
        weights[i] = i % 28 < 14 ? 1.0f : 0.0f;
    give(device, assignment, 0);
    drop(device, MSG_READY);
    for (uint32_t i = 0; i < 2; i++) {
        struct msg *round = make_round(i + 1, 0);
        round->round.forward_s = round->round.backward_s = round->round.uplink_bps = 0;
        give(device, round, 0);
        struct msg *msg = take(device, MSG_ACTIVATIONS);
        memcpy(to + i * BATCH * FEATURES, payload_data(msg->payload[0]),
               BATCH * FEATURES * sizeof *to);
        msg_free(msg);
        give(device, make_gradient(i + 1, 0, BATCH, false), 0);
        drop(device, MSG_ROUND_DONE);
    }
    device_free(device);
}

static void images_stay_as_they_are_unless_cropped_or_flipped(void **state)
{
    (void)state;
    float seen[N_SEEN];
    see(false, 0, seen);
    for (int i = FEATURES; i < N_SEEN; i++)
        assert_true(seen[i] == seen[i % FEATURES]);
}

static void crops_and_flips_differ_by_sample_step_and_device_and_repeat(void **state)
{
    (void)state;
    const size_t sample = FEATURES * sizeof(float), batch = BATCH * sample;
    float seen[N_SEEN], again[N_SEEN], other[N_SEEN];
    see(true, 0, seen);
    see(true, 0, again);
    see(true, 1, other);
    assert_memory_equal(seen, again, sizeof seen);
    assert_memory_not_equal(seen, seen + FEATURES, sample);
    assert_memory_not_equal(seen, seen + BATCH * FEATURES, batch);
    assert_memory_not_equal(seen, other, batch);
}

static void an_evaluation_sees_images_as_they_are(void **state)
{
    (void)state;
    float seen[2][4 * FEATURES];
    for (int k = 0; k < 2; k++) {
        struct device *device = make_device();
        drop(device, MSG_HELLO);
        struct msg *assignment = make_assignment();
        assignment->assignment.crop_padding = k ? 5 : 0;
        assignment->assignment.flips = k;
        float *weights = payload_memory(assignment->payload[1]);
        for (int i = 0; i < N_WEIGHTS; i++)
            weights[i] = (float)(i % 13);
        give(device, assignment, 0);
        drop(device, MSG_READY);
        struct msg *msg = msg_new(MSG_EVALUATE);
        msg->evaluate = (struct msg_evaluate){1, 0, 1, 4};
        give(device, msg, 0);
        msg = take(device, MSG_EVALUATION);
        memcpy(seen[k], payload_data(msg->payload[0]), sizeof seen[k]);
        msg_free(msg);
        device_free(device);
    }
    assert_memory_equal(seen[0], seen[1], sizeof seen[0]);
}

static void a_device_may_train_on_all_that_it_holds(void **state)
{
    (void)state;
    struct device *device = make_device();
    drop(device, MSG_HELLO);
    struct msg *assignment = make_assignment();
    assignment->assignment.has_own_samples = true;
    payload_drop(assignment->payload[0]);
    assignment->payload[0] = payload_new(0);
    give(device, assignment, 0);
    struct msg *ready = take(device, MSG_READY);
    assert_int_equal(ready->ready.n_train_samples, TINY_IDX_N_TRAIN);
    msg_free(ready);
    device_free(device);
}

static struct msg *without_learning(struct msg *assignment)
{
    assignment->assignment.has_own_samples = assignment->assignment.is_without_learning = true;
    for (size_t i = 0; i < 2; i++) {
        payload_drop(assignment->payload[i]);
        assignment->payload[i] = payload_new(0);
    }
    return assignment;
}

static void assert_zeros(const struct payload *payload, size_t n_bytes)
{
    assert_int_equal(payload_bytes(payload), n_bytes);
    for (size_t i = 0; i < n_bytes; i++)
        assert_int_equal(((const char *)payload_data(payload))[i], 0);
}

static void without_learning_sizes_and_times_are_the_same_and_nothing_is_read(void **state)
{
    (void)state;
    struct device *device = device_new("pi-0", "/nowhere");
    drop(device, MSG_HELLO);
    give(device, without_learning(make_assignment()), 0);
    struct msg *msg = take(device, MSG_READY);
    assert_true(msg->ready.n_train_samples == 0 && msg->ready.n_test_samples == 0);
    msg_free(msg);
    struct msg *round = make_round(1, 0);
    round->round.returns_front = true;
    give(device, round, 0);
    go_to(device, 10000);
    go_to(device, 15001);
    msg = take(device, MSG_ACTIVATIONS);
    assert_zeros(msg->payload[0], BATCH * FEATURES * sizeof(float));
    assert_zeros(msg->payload[1], BATCH * sizeof(uint32_t));
    msg_free(msg);
    give(device, make_gradient(1, 0, BATCH, false), 20000);
    go_to(device, 40000);
    go_to(device, 1e9);
    msg = take(device, MSG_ROUND_DONE);
    assert_zeros(msg->payload[0], N_WEIGHTS * sizeof(float));
    msg_free(msg);
    device_free(device);
}

static void without_learning_layers_change_sides_as_zeros(void **state)
{
    (void)state;
    struct device *device = device_new("pi-0", "/nowhere");
    struct msg *assignment = without_learning(make_assignment()), *move = make_round(1, 0), *msg;
    drop(device, MSG_HELLO);
    give(device, assignment, 0);
    drop(device, MSG_READY);
    move->round.cut = 1;
    move->round.returns_layers = true;
    give(device, move, 0);
    go_to(device, 1e9);
    msg = take(device, MSG_LAYERS);
    assert_zeros(msg->payload[0], N_WEIGHTS * sizeof(float));
    msg_free(msg);
    go_to(device, 2e9);
    go_to(device, 3e9);
    go_to(device, 4e9);
    msg = take(device, MSG_ACTIVATIONS);
    assert_zeros(msg->payload[0], BATCH * N_PIXELS * sizeof(float)); /* behind flatten */
    msg_free(msg);
    device_free(device);
}

static struct device *make_greeted_device(void)
{
    struct device *device = make_device();
    drop(device, MSG_HELLO);
    return device;
}

static void assignments_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct msg *msg = make_assignment();
    msg->assignment.cut = 3;
    assert_refuses(make_greeted_device(), msg, "cut 3 of a model of 3 layers: allowed are 1 to 2");
    msg = make_assignment();
    msg->assignment.input_dims[1] = 14;
    assert_refuses(make_greeted_device(), msg, "bytes of front weights");
    msg = make_assignment();
    strcpy(msg->assignment.layers.layers[1].kind, "magic");
    assert_refuses(make_greeted_device(), msg, "magic");
    msg = make_assignment();
    strcpy(msg->assignment.data_format, "csv");
    assert_refuses(make_greeted_device(), msg, "csv");
    msg = make_assignment();
    strcpy(msg->assignment.optimizer, "lion");
    assert_refuses(make_greeted_device(), msg, "'lion' is no optimizer: allowed are sgd, adamw");
    msg = make_assignment();
    ((uint32_t *)payload_memory(msg->payload[0]))[3] = TINY_IDX_N_TRAIN;
    assert_refuses(make_greeted_device(), msg, "assigned sample 600");
}

static int remove_data(void **state)
{
    (void)state;
    tiny_idx_remove();
    return 0;
}

/* The last test: it leaves no images for others. */
static void images_that_cannot_be_read_any_more_end_it(void **state)
{
    (void)state;
    struct device *trains = make_ready_device(), *evaluates = make_ready_device();
    static const char *const names[] = {"train-images-idx3-ubyte", "t10k-images-idx3-ubyte"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = mem_format("%s/%s", tiny_idx_dir(), names[i]);
        assert_int_equal(truncate(path, 16), 0);
        free(path);
    }
    struct msg *evaluation = msg_new(MSG_EVALUATE);
    evaluation->evaluate = (struct msg_evaluate){.evaluation = 1, .stride = 1, .n_samples = 1};
    assert_refuses(trains, make_round(1, 0), "could not be read");
    assert_refuses(evaluates, evaluation, "could not be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_hello_with_name_and_version),
        cmocka_unit_test(it_gets_ready_with_what_it_was_assigned),
        cmocka_unit_test(a_round_goes_by_at_its_modelled_pace),
        cmocka_unit_test(in_steps_the_activations_go_ahead_of_their_message),
        cmocka_unit_test(a_device_woken_late_is_back_on_time_with_the_next_piece),
        cmocka_unit_test(it_tells_its_time_and_stamps_what_it_sends_with_it),
        cmocka_unit_test(a_pass_that_computes_longer_than_modelled_is_an_overrun),
        cmocka_unit_test(without_a_pace_nothing_waits),
        cmocka_unit_test(a_step_moves_the_weights_and_a_front_is_handed_back_when_asked_for),
        cmocka_unit_test(a_front_is_taken_over_with_a_round),
        cmocka_unit_test(devices_draw_in_orders_of_their_own_that_repeat),
        cmocka_unit_test(an_evaluation_is_answered_at_once),
        cmocka_unit_test(a_stop_ends_it),
        cmocka_unit_test(the_servers_error_is_passed_on_and_not_answered),
        cmocka_unit_test(layers_given_up_go_up_first_and_take_their_time),
        cmocka_unit_test(samples_that_cannot_be_read_end_the_device_behind_a_hand_over),
        cmocka_unit_test(layers_gained_are_used_at_once),
        cmocka_unit_test(plans_that_do_not_fit_are_refused),
        cmocka_unit_test(messages_out_of_turn_are_refused),
        cmocka_unit_test(gradients_that_do_not_fit_are_refused),
        cmocka_unit_test(front_weights_are_given_when_asked_for),
        cmocka_unit_test(the_assigned_optimizer_steps),
        cmocka_unit_test(images_stay_as_they_are_unless_cropped_or_flipped),
        cmocka_unit_test(crops_and_flips_differ_by_sample_step_and_device_and_repeat),
        cmocka_unit_test(an_evaluation_sees_images_as_they_are),
        cmocka_unit_test(a_device_may_train_on_all_that_it_holds),
        cmocka_unit_test(without_learning_sizes_and_times_are_the_same_and_nothing_is_read),
        cmocka_unit_test(without_learning_layers_change_sides_as_zeros),
        cmocka_unit_test(assignments_that_do_not_fit_are_refused),
        cmocka_unit_test(images_that_cannot_be_read_any_more_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, remove_data);
}
