/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device and what the server says to it, for tests of its round logic: flatten and a linear layer of 784 x 3 in
 * front of the cut, another behind it, ten samples of the tiny data set, batches of 4. Rounds take 10 ms forward, 5 ms
 * up and 20 ms backward.
 */
#ifndef TESTS_DEVICE_AGENT_READY_DEVICE_H
#define TESTS_DEVICE_AGENT_READY_DEVICE_H

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
#define LAYERS_BPS (UPLINK_BPS / 2)
#define FRONT_BPS  (UPLINK_BPS / 4)

static inline void set_layer(struct msg_layer *layer, const char *kind, const char *name,
                             double out)
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
static inline struct msg *make_assignment(void)
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

static inline struct msg *make_round(uint32_t round, uint32_t n_shared)
{
    struct msg *msg = msg_new(MSG_ROUND);
    msg->round = (struct msg_round){.round = round,
                                    .n_shared = n_shared,
                                    .forward_s = FORWARD_S,
                                    .backward_s = BACKWARD_S,
                                    .uplink_bps = UPLINK_BPS,
                                    .layers_bps = LAYERS_BPS,
                                    .front_bps = FRONT_BPS,
                                    .cut = 2};
    return msg;
}

/* Of which nothing waits for its modelled time. */
static inline struct msg *make_quick_round(uint32_t round, uint32_t n_shared)
{
    struct msg *msg = make_round(round, n_shared);
    msg->round.forward_s = msg->round.backward_s = msg->round.uplink_bps = 0;
    msg->round.layers_bps = msg->round.front_bps = 0;
    return msg;
}

static inline struct msg *make_gradient(uint32_t round, uint32_t first, uint32_t n, bool is_shared)
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

static inline void go_to(struct device *device, double now_us)
{
    struct err err = ERR_INIT;
    if (device_advance(device, now_us, &err))
        fail_msg("%s", err.text);
}

/* Hands a message in; the test goes on only if the device takes it. */
static inline void give(struct device *device, struct msg *msg, double now_us)
{
    struct err err = ERR_INIT;
    if (device_receive(device, &msg, now_us, &err))
        fail_msg("%s", err.text);
    assert_null(msg);
    go_to(device, now_us);
}

static inline struct msg *take(struct device *device, enum msg_kind kind)
{
    struct msg *msg = device_next(device);
    assert_non_null(msg);
    assert_string_equal(msg_kind_name(msg->kind), msg_kind_name(kind));
    assert_null(device_next(device));
    return msg;
}

static inline void drop(struct device *device, enum msg_kind kind)
{
    msg_free(take(device, kind));
}

static inline struct device *make_device(void)
{
    return device_new("pi-0", tiny_idx_dir());
}

static inline struct device *make_greeted_device(void)
{
    struct device *device = make_device();
    drop(device, MSG_HELLO);
    return device;
}

static inline struct device *make_ready_device(void)
{
    struct device *device = make_greeted_device();
    give(device, make_assignment(), 0);
    drop(device, MSG_READY);
    return device;
}

/* The device must refuse, say why to its driver and to the server, and be of no more use. */
static inline void assert_refuses(struct device *device, struct msg *msg, const char *reason)
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

static inline int remove_data(void **state)
{
    (void)state;
    tiny_idx_remove();
    return 0;
}

#endif
