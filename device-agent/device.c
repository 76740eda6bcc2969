/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "device-agent/device.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "device-agent/front.h"
#include "device-agent/round_plan.h"
#include "link/pass.h"
#include "link/shaper.h"
#include "wire/piece.h"

#define SOFTWARE     "splitbed-agent 0.1"
#define MAX_OUTGOING 8

/* docs/PROTOCOL.md names the same states. */
enum state {
    WAITING_FOR_ASSIGNMENT,
    READY,                 /* for a round, an evaluation, or the end */
    HANDING_UP,            /* layers given up are on the uplink */
    FORWARD,               /* computed; letting the modelled time pass */
    WAITING_FOR_GRADIENTS, /* activations are on the uplink or have gone */
    BACKWARD,              /* computed; letting the modelled time pass */
    DONE,
    FAILED
};

static const char *const state_names[] = {"waiting for an assignment",
                                          "ready",
                                          "handing layers up",
                                          "in the forward pass",
                                          "waiting for gradients",
                                          "in the backward pass",
                                          "finished",
                                          "failed"};

struct device {
    char *name, *data_dir;
    enum state state;
    double time_scale;
    double step_wall_us; /* of a piece; INFINITY: messages go whole */
    struct front *front;
    struct shaper *uplink;
    struct msg_round round; /* the current one, as asked */
    uint32_t last_round;
    uint32_t n_slots_covered; /* of this round's gradient */
    uint32_t n_overruns;      /* in this round */
    struct pass pass;
    struct msg *result; /* of the pass: goes out when it is over */
    struct msg *outgoing[MAX_OUTGOING];
    int n_outgoing;
};

static void send_now(struct device *device, struct msg *msg)
{
    assert(device->n_outgoing < MAX_OUTGOING); /* lock-step: an answer, its pieces, one error */
    device->outgoing[device->n_outgoing++] = msg;
}

struct device *device_new(const char *name, const char *data_dir)
{
    struct device *device = mem_zero(1, sizeof *device);
    device->name = mem_string(name);
    device->data_dir = mem_string(data_dir);
    device->time_scale = 1;
    device->step_wall_us = HUGE_VAL;
    device->uplink = shaper_new(HUGE_VAL);
    struct msg *hello = msg_new(MSG_HELLO);
    hello->hello.protocol_version = PROTOCOL_VERSION;
    snprintf(hello->hello.software, sizeof hello->hello.software, "%s", SOFTWARE);
    snprintf(hello->hello.name, sizeof hello->hello.name, "%s", name);
    send_now(device, hello);
    return device;
}

void device_free(struct device *device)
{
    if (!device)
        return;
    struct msg *msg;
    while ((msg = device_next(device)) || (msg = shaper_pop(device->uplink, HUGE_VAL)))
        msg_free(msg);
    msg_free(device->result);
    shaper_free(device->uplink);
    front_free(device->front);
    free(device->name);
    free(device->data_dir);
    free(device);
}

void device_set_step(struct device *device, double step_us)
{
    device->step_wall_us = step_us;
}

static int on_assignment(struct device *device, struct msg *msg, struct err *err)
{
    if (device->state != WAITING_FOR_ASSIGNMENT)
        return err_set(err, "an assignment came while %s", state_names[device->state]);
    if (msg->n_payloads != 2)
        return err_set(err, "an assignment carries sample indices and front weights");
    device->front =
        front_new(&msg->assignment, msg->payload[0], msg->payload[1], device->data_dir, err);
    if (!device->front)
        return -1;
    device->time_scale = msg->assignment.time_scale;
    device->state = READY;
    struct msg *ready = msg_new(MSG_READY);
    ready->ready.n_train_samples = front_n_train(device->front);
    ready->ready.n_test_samples = front_n_test(device->front);
    send_now(device, ready);
    return 0;
}

/* Activations and labels are lent: the tape holds them until the server has answered. */
static void attach_activations(struct device *device, struct msg *msg, const float *activations,
                               const uint32_t *labels, size_t n_samples)
{
    size_t features = front_cut_features(device->front);
    msg_attach(msg,
               payload_lend(activations, n_samples * features * sizeof *activations, NULL, NULL));
    msg_attach(msg, payload_lend(labels, n_samples * sizeof *labels, NULL, NULL));
}

static int start_forward(struct device *device, double now_us, struct err *err)
{
    device->state = FORWARD;
    pass_start(&device->pass, now_us, device->round.forward_s);
    const uint32_t *labels;
    const float *activations = front_forward(device->front, &labels);
    if (front_check(device->front, err))
        return -1;
    device->result = msg_new(MSG_ACTIVATIONS);
    device->result->activations.round = device->round.round;
    device->result->activations.n_samples = (uint32_t)front_batch_size(device->front);
    attach_activations(device, device->result, activations, labels,
                       (size_t)front_batch_size(device->front));
    return 0;
}

/* Onto the uplink at a pace of its own; 0: it does not wait. */
static void push(struct device *device, double now_us, double rate_bps, double bits,
                 struct msg *msg)
{
    shaper_set_rate(device->uplink, rate_bps > 0 ? rate_bps : HUGE_VAL);
    shaper_push(device->uplink, now_us, bits, msg);
}

static int on_round(struct device *device, struct msg *msg, double now_us, struct err *err)
{
    if (device->state != READY)
        return err_set(err, "round %u came while %s", msg->round.round, state_names[device->state]);
    if (msg->round.round <= device->last_round)
        return err_set(err, "round %u came after round %u", msg->round.round, device->last_round);
    if (msg->round.n_shared > (uint32_t)front_batch_size(device->front))
        return err_set(err, "round %u: %u shared slots in a batch of %d", msg->round.round,
                       msg->round.n_shared, front_batch_size(device->front));
    struct msg *layers = NULL;
    if (round_plan_take(device->front, msg, &layers, err))
        return err_prefix(err, "round %u", msg->round.round);
    device->round = msg->round;
    device->last_round = msg->round.round;
    device->n_slots_covered = 0;
    device->n_overruns = 0;
    if (!layers)
        return start_forward(device, now_us, err);
    device->state = HANDING_UP;
    push(device, now_us, msg->round.layers_bps, 8.0 * (double)msg_payload_bytes(layers), layers);
    return 0;
}

static int check_gradient(const struct device *device, const struct msg *msg, struct err *err)
{
    const struct msg_gradient *g = &msg->gradient;
    uint32_t batch = (uint32_t)front_batch_size(device->front);
    size_t slot_bytes = front_cut_features(device->front) * sizeof(float);
    if (g->round != device->round.round)
        return err_set(err, "a gradient of round %u in round %u", g->round, device->round.round);
    if (g->first_slot != device->n_slots_covered || g->n_slots < 1 ||
        g->n_slots > batch - device->n_slots_covered)
        return err_set(err, "a gradient of %u slots from slot %u: slots %u to %u are missing",
                       g->n_slots, g->first_slot, device->n_slots_covered, batch - 1);
    if (g->is_shared != (g->first_slot < device->round.n_shared) ||
        (g->is_shared && g->n_slots != device->round.n_shared))
        return err_set(err, "a gradient of %u slots from slot %u is %s: the first %u are shared",
                       g->n_slots, g->first_slot, g->is_shared ? "shared" : "not shared",
                       device->round.n_shared);
    if (payload_bytes(msg->payload[0]) != g->n_slots * slot_bytes)
        return err_set(err, "a gradient of %zu bytes for %u slots of %zu",
                       payload_bytes(msg->payload[0]), g->n_slots, slot_bytes);
    return 0;
}

static int on_gradient(struct device *device, struct msg *msg, double now_us, struct err *err)
{
    if (device->state != WAITING_FOR_GRADIENTS)
        return err_set(err, "a gradient came while %s", state_names[device->state]);
    if (check_gradient(device, msg, err))
        return -1;
    front_put_gradient(device->front, msg->gradient.first_slot, msg->payload[0]);
    device->n_slots_covered += msg->gradient.n_slots;
    if (device->n_slots_covered < (uint32_t)front_batch_size(device->front))
        return 0;

    device->state = BACKWARD;
    pass_start(&device->pass, now_us, device->round.backward_s);
    front_backward(device->front);
    device->result = msg_new(MSG_ROUND_DONE);
    device->result->round_done.round = device->round.round;
    if (device->round.returns_front) {
        size_t n;
        const float *weights = front_weights(device->front, &n);
        msg_attach(device->result, payload_lend(weights, n * sizeof *weights, NULL, NULL));
    }
    return 0;
}

static int on_evaluate(struct device *device, const struct msg *msg, struct err *err)
{
    const struct msg_evaluate *e = &msg->evaluate;
    if (device->state != READY)
        return err_set(err, "an evaluation came while %s", state_names[device->state]);
    size_t n_test = front_n_test(device->front);
    if (e->n_samples < 1 || e->n_samples > (uint32_t)front_batch_size(device->front) ||
        e->first + (uint64_t)(e->n_samples - 1) * e->stride >= n_test)
        return err_set(err,
                       "an evaluation of %u samples from %u by %u: there are %zu, %d at a time",
                       e->n_samples, e->first, e->stride, n_test, front_batch_size(device->front));
    const uint32_t *labels;
    const float *activations =
        front_evaluate(device->front, e->first, e->stride, (int)e->n_samples, &labels);
    if (front_check(device->front, err))
        return -1;
    struct msg *answer = msg_new(MSG_EVALUATION);
    answer->evaluation.evaluation = e->evaluation;
    answer->evaluation.first = e->first;
    answer->evaluation.n_samples = e->n_samples;
    attach_activations(device, answer, activations, labels, e->n_samples);
    send_now(device, answer);
    return 0;
}

/* The front weights as they are, at once: lent, the server answers with the end or another round. */
static int on_collect(struct device *device, struct err *err)
{
    if (device->state != READY)
        return err_set(err, "the front weights were asked for while %s",
                       state_names[device->state]);
    size_t n;
    const float *weights = front_weights(device->front, &n);
    struct msg *answer = msg_new(MSG_FRONT);
    msg_attach(answer, payload_lend(weights, n * sizeof *weights, NULL, NULL));
    send_now(device, answer);
    return 0;
}

/* Answered at once, while nothing else is on its way. */
static int on_clock(struct device *device, const struct msg_clock *asked, double now_us,
                    struct err *err)
{
    if (device->state != READY)
        return err_set(err, "the time was asked for while %s", state_names[device->state]);
    struct msg *answer = msg_new(MSG_CLOCK);
    answer->clock = (struct msg_clock){asked->server_sent_s, now_us * 1e-6, now_us * 1e-6};
    send_now(device, answer);
    return 0;
}

static int handle(struct device *device, struct msg *msg, double now_us, struct err *err)
{
    switch (msg->kind) {
    case MSG_ASSIGNMENT:
        return on_assignment(device, msg, err);
    case MSG_ROUND:
        return on_round(device, msg, now_us, err);
    case MSG_GRADIENT:
        return on_gradient(device, msg, now_us, err);
    case MSG_EVALUATE:
        return on_evaluate(device, msg, err);
    case MSG_COLLECT:
        return on_collect(device, err);
    case MSG_CLOCK:
        return on_clock(device, &msg->clock, now_us, err);
    case MSG_STOP:
        device->state = DONE;
        return 0;
    case MSG_ERROR:
        device->state = FAILED;
        return err_set(err, "the server ended it: %s", msg->error.reason);
    case MSG_HELLO:
    case MSG_READY:
    case MSG_ACTIVATIONS:
    case MSG_ROUND_DONE:
    case MSG_EVALUATION:
    case MSG_FRONT:
    case MSG_LAYERS:
    case MSG_PIECE:
    case MSG_N_KINDS:
        break;
    }
    return err_set(err, "the server sent %s, which only devices send", msg_kind_name(msg->kind));
}

/* The server hears why, unless it was the one to give up. */
static int fail(struct device *device, const struct err *reason, struct err *err)
{
    if (device->state != FAILED)
        send_now(device, msg_reason(MSG_ERROR, "%s", reason->text));
    device->state = FAILED;
    return err_set(err, "%s", reason->text);
}

int device_receive(struct device *device, struct msg **msg, double now_us, struct err *err)
{
    struct err reason = ERR_INIT;
    int status = handle(device, *msg, now_us, &reason);
    msg_free(*msg);
    *msg = NULL;
    return status ? fail(device, &reason, err) : 0;
}

static void end_forward(struct device *device, double now_us)
{
    struct msg *msg = device->result;
    device->result = NULL;
    device->n_overruns += pass_overran(&device->pass);
    msg->activations.forward_s = pass_elapsed_s(&device->pass, now_us);
    msg->activations.forward_busy_s = pass_busy_s(&device->pass);
    msg->activations.forward_start_s = device->pass.start_us * 1e-6;
    device->state = WAITING_FOR_GRADIENTS;
    /* Labels ride along: the latency equations count the activations alone. */
    push(device, now_us, device->round.uplink_bps, 8.0 * (double)payload_bytes(msg->payload[0]),
         msg);
}

static void end_backward(struct device *device, double now_us)
{
    struct msg *msg = device->result;
    device->result = NULL;
    device->n_overruns += pass_overran(&device->pass);
    msg->round_done.backward_s = pass_elapsed_s(&device->pass, now_us);
    msg->round_done.backward_busy_s = pass_busy_s(&device->pass);
    msg->round_done.backward_start_s = device->pass.start_us * 1e-6;
    msg->round_done.n_overruns = device->n_overruns;
    device->state = READY;
    push(device, now_us, device->round.front_bps, 8.0 * (double)msg_payload_bytes(msg), msg);
}

/* Layers given up have gone, and were given out to be sent: the forward pass does not hold them up. */
static bool has_handed_up(const struct device *device)
{
    return device->state == HANDING_UP && shaper_next_us(device->uplink) == HUGE_VAL;
}

static uint64_t step_bytes(const struct device *device)
{
    return shaper_step_bytes(device->uplink, device->step_wall_us / device->time_scale);
}

/* What is due of a message: ahead of it, or with it the rest. A piece is of one payload. */
static void send_piece(struct device *device, const struct shaper_piece *due)
{
    struct msg *msg = due->cookie;
    size_t offset = due->offset_bytes, end = offset + due->n_bytes;
    if (due->is_last) {
        piece_rest(msg, offset);
        send_now(device, msg);
        return;
    }
    while (offset < end) {
        struct msg *piece = piece_cut(msg, offset, end - offset);
        offset += msg_payload_bytes(piece);
        send_now(device, piece);
    }
}

/* An error still has to find room. */
static void take_from_uplink(struct device *device, double now_us)
{
    struct shaper_piece due;
    while (device->n_outgoing + MSG_MAX_PAYLOADS < MAX_OUTGOING &&
           shaper_take(device->uplink, now_us, step_bytes(device), &due))
        send_piece(device, &due);
}

int device_advance(struct device *device, double now_us, struct err *err)
{
    struct err reason = ERR_INIT;
    int status = 0;
    if (has_handed_up(device))
        status = start_forward(device, now_us, &reason);
    else if (device->state == FORWARD && pass_is_over(&device->pass, now_us))
        end_forward(device, now_us);
    else if (device->state == BACKWARD && pass_is_over(&device->pass, now_us))
        end_backward(device, now_us);
    take_from_uplink(device, now_us);
    return status ? fail(device, &reason, err) : 0;
}

double device_wake_us(const struct device *device)
{
    double wake_us = shaper_step_us(device->uplink, step_bytes(device));
    if ((device->state == FORWARD || device->state == BACKWARD) &&
        pass_wake_us(&device->pass) < wake_us)
        wake_us = pass_wake_us(&device->pass);
    if (has_handed_up(device))
        wake_us = shaper_free_us(device->uplink);
    return wake_us;
}

void device_shift_clock(struct device *device, double by_us)
{
    pass_shift_clock(&device->pass, by_us);
    shaper_shift_clock(device->uplink, by_us);
}

struct msg *device_next(struct device *device)
{
    if (device->n_outgoing == 0)
        return NULL;
    struct msg *msg = device->outgoing[0];
    device->n_outgoing--;
    memmove(device->outgoing, device->outgoing + 1,
            (size_t)device->n_outgoing * sizeof *device->outgoing);
    return msg;
}

bool device_is_done(const struct device *device)
{
    return device->state == DONE;
}

double device_time_scale(const struct device *device)
{
    return device->time_scale;
}
