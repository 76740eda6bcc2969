/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/codec.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "wire/control_scan.h"
#include "wire/splitbed.pb-c.h"

#define MAX_DEVICES      100000
#define MAX_THREADS      1024
#define MAX_SAMPLES      (1u << 20) /* of a batch, of an evaluation's chunk */
#define MAX_INPUT_VALUES (1u << 28) /* of one sample */
#define MAX_CROP_PADDING 65536u
#define NO_LIMIT         UINT64_MAX

static int whole(const char *field, uint64_t value, uint64_t min, uint64_t max, struct err *err)
{
    if (value >= min && value <= max)
        return 0;
    if (max == NO_LIMIT)
        return err_set(err, "%s is %" PRIu64 "; at least %" PRIu64 " is allowed", field, value,
                       min);
    return err_set(err, "%s is %" PRIu64 "; %" PRIu64 " to %" PRIu64 " is allowed", field, value,
                   min, max);
}

static int is_number(const char *field, double value, struct err *err)
{
    return isfinite(value) ? 0 : err_set(err, "%s is %g; a finite number is wanted", field, value);
}

static int not_negative(const char *field, double value, struct err *err)
{
    return isfinite(value) && value >= 0
               ? 0
               : err_set(err, "%s is %g; a finite number >= 0 is wanted", field, value);
}

static int positive(const char *field, double value, struct err *err)
{
    return isfinite(value) && value > 0
               ? 0
               : err_set(err, "%s is %g; a finite number > 0 is wanted", field, value);
}

static int below_one(const char *field, double value, struct err *err)
{
    return isfinite(value) && value >= 0 && value < 1
               ? 0
               : err_set(err, "%s is %g; a number >= 0 and < 1 is wanted", field, value);
}

static int ascii(const char *field, const char *s, size_t size, struct err *err)
{
    size_t n = strnlen(s, size);
    if (n == size)
        return err_set(err, "%s is longer than %zu characters", field, size - 1);
    for (size_t i = 0; i < n; i++)
        if (s[i] < ' ' || s[i] > '~')
            return err_set(err, "%s: character %zu is not printable ASCII", field, i + 1);
    return 0;
}

static int text(const char *field, const char s[MSG_MAX_NAME], struct err *err)
{
    return ascii(field, s, MSG_MAX_NAME, err);
}

static int name(const char *field, const char s[MSG_MAX_NAME], struct err *err)
{
    return s[0] ? text(field, s, err) : err_set(err, "%s is empty", field);
}

static int hello(const struct msg_hello *m, struct err *err)
{
    return text("software", m->software, err) || name("name", m->name, err) ? -1 : 0;
}

static int layer_list(const struct msg_layer_list *list, int depth, struct err *err);

static int layer(const struct msg_layer *m, int depth, struct err *err)
{
    if (name("kind", m->kind, err) || text("name", m->name, err) ||
        whole("number of arguments", m->n_arguments, 0, MSG_MAX_ARGUMENTS, err) ||
        whole("number of branches", m->n_branches, 0, MSG_MAX_BRANCHES, err))
        return -1;
    for (size_t i = 0; i < m->n_arguments; i++)
        if (name("an argument's key", m->arguments[i].key, err) ||
            is_number(m->arguments[i].key, m->arguments[i].value, err))
            return -1;
    for (size_t i = 0; i < m->n_branches; i++)
        if (name("a branch's key", m->branches[i].key, err) ||
            layer_list(&m->branches[i], depth + 1, err))
            return -1;
    return 0;
}

static int layer_list(const struct msg_layer_list *list, int depth, struct err *err)
{
    if (whole("depth of the list", (uint64_t)depth, 0, MSG_MAX_DEPTH, err) ||
        whole("number of layers", list->n_layers, 0, MSG_MAX_LAYERS, err))
        return -1;
    for (size_t i = 0; i < list->n_layers; i++)
        if (layer(&list->layers[i], depth, err))
            return err_prefix(err, "layer %zu", i);
    return 0;
}

static int input(const struct msg_assignment *m, struct err *err)
{
    uint64_t n_values = 1;
    if (m->n_input_dims != 1 && m->n_input_dims != 3)
        return err_set(err, "input_dims has %" PRIu32 " numbers; 1 or 3 are allowed",
                       m->n_input_dims);
    for (size_t i = 0; i < m->n_input_dims; i++) {
        n_values *= m->input_dims[i];
        if (whole("input_dims", m->input_dims[i], 1, MAX_INPUT_VALUES, err) ||
            whole("product of input_dims", n_values, 1, MAX_INPUT_VALUES, err))
            return -1;
    }
    return 0;
}

static int optimizer(const struct msg_assignment *m, struct err *err)
{
    return name("optimizer", m->optimizer, err) ||
                   not_negative("learning_rate", m->learning_rate, err) ||
                   not_negative("momentum", m->momentum, err) ||
                   not_negative("weight_decay", m->weight_decay, err) ||
                   below_one("beta1", m->beta1, err) || below_one("beta2", m->beta2, err) ||
                   positive("eps", m->eps, err)
               ? -1
               : 0;
}

static int data(const struct msg_assignment *m, struct err *err)
{
    return name("data_format", m->data_format, err) || is_number("data_mean", m->data_mean, err) ||
                   positive("data_std", m->data_std, err) ||
                   whole("crop_padding", m->crop_padding, 0, MAX_CROP_PADDING, err)
               ? -1
               : 0;
}

static int assignment(const struct msg *msg, struct err *err)
{
    const struct msg_assignment *m = &msg->assignment;
    if (m->has_own_samples != (payload_bytes(msg->payload[0]) == 0))
        return err_set(err, "payload 1 is %s and has_own_samples %s",
                       m->has_own_samples ? "not empty" : "empty",
                       m->has_own_samples ? "true" : "false");
    if (m->is_without_learning && msg_payload_bytes(msg) > 0)
        return err_set(err, "%zu bytes of payload and is_without_learning true",
                       msg_payload_bytes(msg));
    return whole("n_devices", m->n_devices, 1, MAX_DEVICES, err) ||
                   whole("device_index", m->device_index, 0, m->n_devices - 1, err) ||
                   positive("time_scale", m->time_scale, err) ||
                   positive("peer_timeout_s", m->peer_timeout_s, err) ||
                   whole("threads", m->threads, 1, MAX_THREADS, err) ||
                   text("model_name", m->model_name, err) || input(m, err) ||
                   text("the list's key", m->layers.key, err) || layer_list(&m->layers, 0, err) ||
                   whole("cut", m->cut, 1, m->layers.n_layers, err) ||
                   whole("batch_size", m->batch_size, 1, MAX_SAMPLES, err) || optimizer(m, err) ||
                   data(m, err)
               ? -1
               : 0;
}

static int begin_round(const struct msg_round *m, struct err *err)
{
    return whole("round", m->round, 1, NO_LIMIT, err) ||
                   whole("n_shared", m->n_shared, 0, MAX_SAMPLES, err) ||
                   not_negative("forward_s", m->forward_s, err) ||
                   not_negative("backward_s", m->backward_s, err) ||
                   not_negative("uplink_bps", m->uplink_bps, err) ||
                   not_negative("layers_bps", m->layers_bps, err) ||
                   not_negative("front_bps", m->front_bps, err) ||
                   whole("cut", m->cut, 1, MSG_MAX_LAYERS, err) ||
                   whole("weights_from", m->weights_from, 0, m->cut, err)
               ? -1
               : 0;
}

/* Of the payload as it will be, joined with what came ahead of it. */
static size_t joined_bytes(const struct msg *msg, int i)
{
    return (size_t)msg->ahead_bytes[i] + payload_bytes(msg->payload[i]);
}

/* Activations and labels of n_samples samples. */
static int samples(const struct msg *msg, uint32_t n_samples, struct err *err)
{
    size_t n_activations = joined_bytes(msg, 0), n_labels = joined_bytes(msg, 1);
    if (whole("n_samples", n_samples, 1, MAX_SAMPLES, err))
        return -1;
    if (n_activations == 0 || n_activations % (4 * (size_t)n_samples))
        return err_set(err,
                       "activations are %zu bytes; a multiple of 4 for each of "
                       "%" PRIu32 " samples is wanted",
                       n_activations, n_samples);
    if (n_labels != 4 * (size_t)n_samples)
        return err_set(err, "labels are %zu bytes; 4 for each of %" PRIu32 " samples are wanted",
                       n_labels, n_samples);
    return 0;
}

static int activations(const struct msg *msg, struct err *err)
{
    const struct msg_activations *m = &msg->activations;
    return whole("round", m->round, 1, NO_LIMIT, err) || samples(msg, m->n_samples, err) ||
                   not_negative("forward_s", m->forward_s, err) ||
                   not_negative("forward_busy_s", m->forward_busy_s, err) ||
                   is_number("forward_start_s", m->forward_start_s, err)
               ? -1
               : 0;
}

static int gradient(const struct msg *msg, struct err *err)
{
    const struct msg_gradient *m = &msg->gradient;
    if (whole("round", m->round, 1, NO_LIMIT, err) ||
        whole("first_slot", m->first_slot, 0, MAX_SAMPLES - 1, err) ||
        whole("n_slots", m->n_slots, 1, MAX_SAMPLES - m->first_slot, err))
        return -1;
    size_t n_bytes = joined_bytes(msg, 0);
    if (n_bytes == 0 || n_bytes % (4 * (size_t)m->n_slots))
        return err_set(
            err, "gradient is %zu bytes; a multiple of 4 for each of %" PRIu32 " slots is wanted",
            n_bytes, m->n_slots);
    return 0;
}

static int round_done(const struct msg_round_done *m, struct err *err)
{
    return whole("round", m->round, 1, NO_LIMIT, err) ||
                   not_negative("backward_s", m->backward_s, err) ||
                   not_negative("backward_busy_s", m->backward_busy_s, err) ||
                   is_number("backward_start_s", m->backward_start_s, err)
               ? -1
               : 0;
}

static int evaluate(const struct msg_evaluate *m, struct err *err)
{
    if (whole("evaluation", m->evaluation, 1, NO_LIMIT, err) ||
        whole("stride", m->stride, 1, NO_LIMIT, err) ||
        whole("n_samples", m->n_samples, 1, MAX_SAMPLES, err))
        return -1;
    return whole("index of the last sample", m->first + (uint64_t)m->stride * (m->n_samples - 1), 0,
                 UINT32_MAX, err);
}

static int evaluation(const struct msg *msg, struct err *err)
{
    const struct msg_evaluation *m = &msg->evaluation;
    return whole("evaluation", m->evaluation, 1, NO_LIMIT, err) || samples(msg, m->n_samples, err)
               ? -1
               : 0;
}

static int piece(const struct msg *msg, struct err *err)
{
    const struct msg_piece *m = &msg->piece;
    size_t n_bytes = payload_bytes(msg->payload[0]);
    if (!msg_may_come_in_pieces((enum msg_kind)m->kind))
        return err_set(err, "kind %" PRIu32 " does not come in pieces", m->kind);
    if (m->total_bytes % 4)
        return err_set(err, "total_bytes is %" PRIu64 "; a multiple of 4 is wanted",
                       m->total_bytes);
    return whole("payload", m->payload, 1, MSG_MAX_PAYLOADS, err) ||
                   whole("total_bytes", m->total_bytes, 4, PAYLOAD_MAX_BYTES, err) ||
                   whole("offset", m->offset, 0, m->total_bytes - 1, err) ||
                   whole("bytes of the piece", n_bytes, 1, m->total_bytes - m->offset, err)
               ? -1
               : 0;
}

static int clock_stamps(const struct msg_clock *m, struct err *err)
{
    return is_number("server_sent_s", m->server_sent_s, err) ||
                   is_number("device_received_s", m->device_received_s, err) ||
                   is_number("device_sent_s", m->device_sent_s, err)
               ? -1
               : 0;
}

/* Payloads of each kind: how many, and whether the first may be empty. */
static const struct payload_rule {
    int min, max;
    bool must_have_first;
} payload_rules[MSG_N_KINDS] = {
    [MSG_ASSIGNMENT] = {2, 2, false}, /* a front part may have no weights, a device samples of its own */
    [MSG_ROUND] = {0, 2, false},      [MSG_ACTIVATIONS] = {2, 2, true},
    [MSG_GRADIENT] = {1, 1, true},    [MSG_ROUND_DONE] = {0, 1, false},
    [MSG_EVALUATION] = {2, 2, true},  [MSG_FRONT] = {1, 1, false},
    [MSG_LAYERS] = {2, 2, false}, /* layers may have no weights */
    [MSG_PIECE] = {1, 1, true},
};

/* What is said to have come ahead: pieces bring the payloads one after the other. */
static int ahead(const struct msg *msg, struct err *err)
{
    for (int i = 0; i < MSG_MAX_PAYLOADS; i++) {
        uint64_t n_ahead = msg->ahead_bytes[i];
        if (n_ahead == 0)
            continue;
        if (i >= msg->n_payloads || !msg_may_come_in_pieces(msg->kind))
            return err_set(err, "%" PRIu64 " bytes ahead of payload %d, which has no pieces",
                           n_ahead, i + 1);
        if (n_ahead > PAYLOAD_MAX_BYTES ||
            payload_bytes(msg->payload[i]) > PAYLOAD_MAX_BYTES - n_ahead)
            return err_set(err, "payload %d is larger than %zu bytes with what came ahead of it",
                           i + 1, PAYLOAD_MAX_BYTES);
        if (i > 0 && payload_bytes(msg->payload[0]) > 0)
            return err_set(err, "pieces of payload 2 before all of payload 1");
    }
    return 0;
}

static int payloads(const struct msg *msg, struct err *err)
{
    if (msg->kind < MSG_HELLO || msg->kind >= MSG_N_KINDS)
        return err_set(err, "no such kind of message");
    const struct payload_rule *rule = &payload_rules[msg->kind];
    if (msg->n_payloads < rule->min || msg->n_payloads > rule->max)
        return err_set(err, "%d payloads; %d to %d are allowed", msg->n_payloads, rule->min,
                       rule->max);
    if (ahead(msg, err))
        return -1;
    for (int i = 0; i < msg->n_payloads && msg->kind != MSG_PIECE; i++)
        if (joined_bytes(msg, i) % 4)
            return err_set(err, "payload %d is %zu bytes; a multiple of 4 is wanted", i + 1,
                           joined_bytes(msg, i));
    if (rule->must_have_first && joined_bytes(msg, 0) == 0)
        return err_set(err, "payload 1 is empty");
    return 0;
}

static int body(const struct msg *msg, struct err *err)
{
    switch (msg->kind) {
    case MSG_HELLO:
        return hello(&msg->hello, err);
    case MSG_ASSIGNMENT:
        return assignment(msg, err);
    case MSG_READY:
        return 0;
    case MSG_ROUND:
        return begin_round(&msg->round, err);
    case MSG_ACTIVATIONS:
        return activations(msg, err);
    case MSG_GRADIENT:
        return gradient(msg, err);
    case MSG_ROUND_DONE:
        return round_done(&msg->round_done, err);
    case MSG_EVALUATE:
        return evaluate(&msg->evaluate, err);
    case MSG_EVALUATION:
        return evaluation(msg, err);
    case MSG_STOP:
        return ascii("reason", msg->stop.reason, MSG_MAX_REASON, err);
    case MSG_ERROR:
        return ascii("reason", msg->error.reason, MSG_MAX_REASON, err);
    case MSG_LAYERS:
        return whole("round", msg->layers.round, 1, NO_LIMIT, err);
    case MSG_PIECE:
        return piece(msg, err);
    case MSG_CLOCK:
        return clock_stamps(&msg->clock, err);
    case MSG_COLLECT:
    case MSG_FRONT:
        return 0;
    case MSG_N_KINDS:
        break;
    }
    return err_set(err, "no such kind of message");
}

/* Only an assignment can outgrow what a control part may be. */
static int control(const struct msg *msg, struct err *err)
{
    if (msg->kind != MSG_ASSIGNMENT)
        return 0;
    struct payload *bytes = msg_encode(msg);
    size_t n_bytes = payload_bytes(bytes);
    int failed = whole("bytes of the control part", n_bytes, 0, MSG_MAX_CONTROL, err) ||
                 control_scan(&splitbed__message__descriptor, payload_data(bytes), n_bytes, err);
    payload_drop(bytes);
    return failed ? -1 : 0;
}

int msg_check(const struct msg *msg, struct err *err)
{
    if (payloads(msg, err) || body(msg, err) || control(msg, err))
        return err_prefix(err, "%s", msg_kind_name(msg->kind));
    return 0;
}
