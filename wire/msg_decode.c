/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/codec.h"

#include <string.h>

#include "base/mem.h"
#include "wire/control_scan.h"
#include "wire/splitbed.pb-c.h"

static int copy_text(char *to, size_t size, const char *from, const char *what, struct err *err)
{
    size_t n = strlen(from);
    if (n >= size)
        return err_set(err, "%s has %zu characters; at most %zu are allowed", what, n, size - 1);
    memcpy(to, from, n + 1);
    return 0;
}

static int copy_name(char to[MSG_MAX_NAME], const char *from, const char *what, struct err *err)
{
    return copy_text(to, MSG_MAX_NAME, from, what, err);
}

static int take_list(struct msg_layer_list *to, const Splitbed__LayerList *from, struct err *err);

static int take_arguments(struct msg_layer *to, const Splitbed__Layer *from, struct err *err)
{
    if (from->n_arguments > MSG_MAX_ARGUMENTS)
        return err_set(err, "a layer has %zu arguments; at most %d are allowed", from->n_arguments,
                       MSG_MAX_ARGUMENTS);
    to->arguments = mem_zero(from->n_arguments, sizeof *to->arguments);
    to->n_arguments = from->n_arguments;
    for (size_t i = 0; i < from->n_arguments; i++) {
        to->arguments[i].value = from->arguments[i]->value;
        if (copy_name(to->arguments[i].key, from->arguments[i]->key, "an argument's key", err))
            return -1;
    }
    return 0;
}

static int take_branches(struct msg_layer *to, const Splitbed__Layer *from, struct err *err)
{
    if (from->n_branches > MSG_MAX_BRANCHES)
        return err_set(err, "a layer has %zu branches; at most %d are allowed", from->n_branches,
                       MSG_MAX_BRANCHES);
    to->branches = mem_zero(from->n_branches, sizeof *to->branches);
    to->n_branches = from->n_branches;
    for (size_t i = 0; i < from->n_branches; i++)
        if (take_list(&to->branches[i], from->branches[i], err))
            return -1;
    return 0;
}

/*
 * Counts are set as memory is taken, so that msg_free() is right at any point of failure. How deep this
 * goes was bounded by control_scan().
 */
static int take_list(struct msg_layer_list *to, const Splitbed__LayerList *from, struct err *err)
{
    if (from->n_layers > MSG_MAX_LAYERS)
        return err_set(err, "a list has %zu layers; at most %d are allowed", from->n_layers,
                       MSG_MAX_LAYERS);
    if (copy_name(to->key, from->key, "a branch's key", err))
        return -1;
    to->layers = mem_zero(from->n_layers, sizeof *to->layers);
    to->n_layers = from->n_layers;
    for (size_t i = 0; i < from->n_layers; i++) {
        struct msg_layer *layer = &to->layers[i];
        if (copy_name(layer->kind, from->layers[i]->kind, "a layer's kind", err) ||
            copy_name(layer->name, from->layers[i]->name, "a layer's name", err) ||
            take_arguments(layer, from->layers[i], err) ||
            take_branches(layer, from->layers[i], err))
            return -1;
    }
    return 0;
}

static int take_hello(struct msg_hello *to, const Splitbed__Hello *from, struct err *err)
{
    to->protocol_version = from->protocol_version;
    return copy_name(to->software, from->software, "software", err) ||
                   copy_name(to->name, from->name, "name", err)
               ? -1
               : 0;
}

static int take_optimizer(struct msg_assignment *to, const Splitbed__Assignment *from,
                          struct err *err)
{
    to->learning_rate = from->learning_rate;
    to->momentum = from->momentum;
    to->weight_decay = from->weight_decay;
    to->beta1 = from->beta1;
    to->beta2 = from->beta2;
    to->eps = from->eps;
    return copy_name(to->optimizer, from->optimizer, "optimizer", err);
}

static int take_data(struct msg_assignment *to, const Splitbed__Assignment *from, struct err *err)
{
    to->data_mean = from->data_mean;
    to->data_std = from->data_std;
    to->crop_padding = from->crop_padding;
    to->flips = from->flips;
    to->has_own_samples = from->has_own_samples;
    to->is_without_learning = from->is_without_learning;
    return copy_name(to->data_format, from->data_format, "data_format", err);
}

static int take_assignment(struct msg_assignment *to, const Splitbed__Assignment *from,
                           struct err *err)
{
    to->device_index = from->device_index;
    to->n_devices = from->n_devices;
    to->seed = from->seed;
    to->time_scale = from->time_scale;
    to->peer_timeout_s = from->peer_timeout_s;
    to->threads = from->threads;
    to->cut = from->cut;
    to->batch_size = from->batch_size;
    if (from->n_input_dims > ARRAY_LEN(to->input_dims))
        return err_set(err, "input_dims has %zu numbers; 1 or 3 are allowed", from->n_input_dims);
    to->n_input_dims = (uint32_t)from->n_input_dims;
    for (size_t i = 0; i < from->n_input_dims; i++)
        to->input_dims[i] = from->input_dims[i];
    if (!from->layers)
        return err_set(err, "layers are missing");
    return copy_name(to->model_name, from->model_name, "model_name", err) ||
                   take_optimizer(to, from, err) || take_data(to, from, err) ||
                   take_list(&to->layers, from->layers, err)
               ? -1
               : 0;
}

static void take_ready(struct msg_ready *to, const Splitbed__Ready *from)
{
    to->n_train_samples = from->n_train_samples;
    to->n_test_samples = from->n_test_samples;
}

static void take_round(struct msg_round *to, const Splitbed__Round *from)
{
    to->round = from->round;
    to->n_shared = from->n_shared;
    to->forward_s = from->forward_s;
    to->backward_s = from->backward_s;
    to->uplink_bps = from->uplink_bps;
    to->layers_bps = from->layers_bps;
    to->front_bps = from->front_bps;
    to->returns_front = from->returns_front;
    to->cut = from->cut;
    to->weights_from = from->weights_from;
    to->returns_layers = from->returns_layers;
    to->returns_optimizer = from->returns_optimizer;
}

static void take_activations(struct msg_activations *to, const Splitbed__Activations *from)
{
    to->round = from->round;
    to->n_samples = from->n_samples;
    to->forward_s = from->forward_s;
    to->forward_busy_s = from->forward_busy_s;
    to->forward_start_s = from->forward_start_s;
}

static void take_gradient(struct msg_gradient *to, const Splitbed__Gradient *from)
{
    to->round = from->round;
    to->first_slot = from->first_slot;
    to->n_slots = from->n_slots;
    to->is_shared = from->is_shared;
}

static void take_round_done(struct msg_round_done *to, const Splitbed__RoundDone *from)
{
    to->round = from->round;
    to->backward_s = from->backward_s;
    to->backward_busy_s = from->backward_busy_s;
    to->n_overruns = from->n_overruns;
    to->backward_start_s = from->backward_start_s;
}

static void take_evaluate(struct msg_evaluate *to, const Splitbed__Evaluate *from)
{
    to->evaluation = from->evaluation;
    to->first = from->first;
    to->stride = from->stride;
    to->n_samples = from->n_samples;
}

static void take_evaluation(struct msg_evaluation *to, const Splitbed__Evaluation *from)
{
    to->evaluation = from->evaluation;
    to->first = from->first;
    to->n_samples = from->n_samples;
}

static void take_piece(struct msg_piece *to, const Splitbed__Piece *from)
{
    to->kind = from->kind;
    to->payload = from->payload;
    to->offset = from->offset;
    to->total_bytes = from->total_bytes;
}

static void take_clock(struct msg_clock *to, const Splitbed__Clock *from)
{
    to->server_sent_s = from->server_sent_s;
    to->device_received_s = from->device_received_s;
    to->device_sent_s = from->device_sent_s;
}

static int take_body(struct msg *to, const Splitbed__Message *from, struct err *err)
{
    switch (to->kind) {
    case MSG_HELLO:
        return take_hello(&to->hello, from->hello, err);
    case MSG_ASSIGNMENT:
        return take_assignment(&to->assignment, from->assignment, err);
    case MSG_READY:
        take_ready(&to->ready, from->ready);
        return 0;
    case MSG_ROUND:
        take_round(&to->round, from->round);
        return 0;
    case MSG_ACTIVATIONS:
        take_activations(&to->activations, from->activations);
        return 0;
    case MSG_GRADIENT:
        take_gradient(&to->gradient, from->gradient);
        return 0;
    case MSG_ROUND_DONE:
        take_round_done(&to->round_done, from->round_done);
        return 0;
    case MSG_EVALUATE:
        take_evaluate(&to->evaluate, from->evaluate);
        return 0;
    case MSG_EVALUATION:
        take_evaluation(&to->evaluation, from->evaluation);
        return 0;
    case MSG_STOP:
        return copy_text(to->stop.reason, MSG_MAX_REASON, from->stop->reason, "reason", err);
    case MSG_ERROR:
        return copy_text(to->error.reason, MSG_MAX_REASON, from->error->reason, "reason", err);
    case MSG_LAYERS:
        to->layers.round = from->layers->round;
        return 0;
    case MSG_PIECE:
        take_piece(&to->piece, from->piece);
        return 0;
    case MSG_CLOCK:
        take_clock(&to->clock, from->clock);
        return 0;
    case MSG_COLLECT:
    case MSG_FRONT:
        return 0;
    case MSG_N_KINDS:
        break;
    }
    return err_set(err, "the message is of a kind that is not known");
}

static Splitbed__Message *unpack(const void *control, size_t n_bytes, struct err *err)
{
    if (n_bytes > MSG_MAX_CONTROL) {
        err_set(err, "control part of %zu bytes; at most %u are allowed", n_bytes, MSG_MAX_CONTROL);
        return NULL;
    }
    if (control_scan(&splitbed__message__descriptor, control, n_bytes, err))
        return NULL;
    Splitbed__Message *message = splitbed__message__unpack(NULL, n_bytes, control);
    if (!message)
        err_set(err, "control part is malformed: a field has the wrong type");
    return message;
}

struct msg *msg_decode(const void *control, size_t n_bytes, struct payload **payloads,
                       int n_payloads, struct err *err)
{
    if (n_payloads < 0 || n_payloads > MSG_MAX_PAYLOADS) {
        err_set(err, "%d payloads; at most %d are allowed", n_payloads, MSG_MAX_PAYLOADS);
        return NULL;
    }
    Splitbed__Message *from = unpack(control, n_bytes, err);
    if (!from)
        return NULL;
    struct msg *msg = msg_new((enum msg_kind)from->body_case);
    msg->ahead_bytes[0] = from->ahead_bytes_1;
    msg->ahead_bytes[1] = from->ahead_bytes_2;
    int failed = take_body(msg, from, err);
    if (failed)
        err_prefix(err, "%s", msg_kind_name(msg->kind));
    splitbed__message__free_unpacked(from, NULL);
    for (int i = 0; i < n_payloads; i++)
        msg->payload[i] = payloads[i];
    msg->n_payloads = n_payloads;
    if (!failed && !msg_check(msg, err))
        return msg;
    msg->n_payloads = 0; /* the caller's still */
    msg_free(msg);
    return NULL;
}
