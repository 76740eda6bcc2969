/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rounds whose plan moves the cut: layers given up, layers gained, and plans that do not fit. */
#include "tests/device-agent/ready_device.h"

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
    set_layer(&longer[3], "linear", "more", 10);
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
    const double handed_us = 8e6 * 2 * N_MORE * sizeof(float) / LAYERS_BPS;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_given_up_go_up_first_and_take_their_time),
        cmocka_unit_test(samples_that_cannot_be_read_end_the_device_behind_a_hand_over),
        cmocka_unit_test(layers_gained_are_used_at_once),
        cmocka_unit_test(plans_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, remove_data);
}
