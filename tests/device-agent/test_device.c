/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The device's round logic: what it answers, when, and what it refuses. */
#include "tests/device-agent/ready_device.h"

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
    struct device *device = make_greeted_device();
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
    give(device, make_quick_round(1, 0), 5);
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
    struct msg *round = make_quick_round(1, 2);
    round->round.returns_front = true;
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

static void messages_out_of_turn_are_refused(void **state)
{
    (void)state;
    struct device *device = make_greeted_device();
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
        cmocka_unit_test(an_evaluation_is_answered_at_once),
        cmocka_unit_test(a_stop_ends_it),
        cmocka_unit_test(the_servers_error_is_passed_on_and_not_answered),
        cmocka_unit_test(messages_out_of_turn_are_refused),
        cmocka_unit_test(gradients_that_do_not_fit_are_refused),
        cmocka_unit_test(front_weights_are_given_when_asked_for),
        cmocka_unit_test(assignments_that_do_not_fit_are_refused),
        cmocka_unit_test(images_that_cannot_be_read_any_more_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, remove_data);
}
