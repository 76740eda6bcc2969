/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/codec.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "wire/splitbed.pb-c.h"

/*
 * protobuf-c's structs are filled with pointers into the message, never with copies; it wants char * and
 * does not write through them.
 */
static char *text(const char *s)
{
    return (char *)(uintptr_t)s;
}

/* A list of layers as protobuf-c wants it: arrays of pointers to structs. */
static void fill_list(Splitbed__LayerList *to, const struct msg_layer_list *from);

static void fill_layer(Splitbed__Layer *to, const struct msg_layer *from)
{
    splitbed__layer__init(to);
    to->kind = text(from->kind);
    to->name = text(from->name);
    to->n_arguments = from->n_arguments;
    to->arguments = mem_zero(from->n_arguments, sizeof(Splitbed__Argument *));
    for (size_t i = 0; i < from->n_arguments; i++) {
        Splitbed__Argument *argument = to->arguments[i] = mem_zero(1, sizeof *argument);
        splitbed__argument__init(argument);
        argument->key = text(from->arguments[i].key);
        argument->value = from->arguments[i].value;
    }
    to->n_branches = from->n_branches;
    to->branches = mem_zero(from->n_branches, sizeof(Splitbed__LayerList *));
    for (size_t i = 0; i < from->n_branches; i++) {
        to->branches[i] = mem_zero(1, sizeof(Splitbed__LayerList));
        fill_list(to->branches[i], &from->branches[i]);
    }
}

static void fill_list(Splitbed__LayerList *to, const struct msg_layer_list *from)
{
    splitbed__layer_list__init(to);
    to->key = text(from->key);
    to->n_layers = from->n_layers;
    to->layers = mem_zero(from->n_layers, sizeof(Splitbed__Layer *));
    for (size_t i = 0; i < from->n_layers; i++) {
        to->layers[i] = mem_zero(1, sizeof(Splitbed__Layer));
        fill_layer(to->layers[i], &from->layers[i]);
    }
}

static void release_list(Splitbed__LayerList *list)
{
    for (size_t i = 0; i < list->n_layers; i++) {
        Splitbed__Layer *layer = list->layers[i];
        for (size_t j = 0; j < layer->n_arguments; j++)
            free(layer->arguments[j]);
        for (size_t j = 0; j < layer->n_branches; j++) {
            release_list(layer->branches[j]);
            free(layer->branches[j]);
        }
        free(layer->arguments);
        free(layer->branches);
        free(layer);
    }
    free(list->layers);
}

static struct payload *pack(const Splitbed__Message *control)
{
    struct payload *payload = payload_new(splitbed__message__get_packed_size(control));
    splitbed__message__pack(control, payload_memory(payload));
    return payload;
}

static struct payload *encode_hello(const struct msg_hello *from, Splitbed__Message *control)
{
    Splitbed__Hello hello;
    splitbed__hello__init(&hello);
    hello.protocol_version = from->protocol_version;
    hello.software = text(from->software);
    hello.name = text(from->name);
    control->hello = &hello;
    return pack(control);
}

static void fill_data(Splitbed__Assignment *to, const struct msg_assignment *from)
{
    to->data_format = text(from->data_format);
    to->data_mean = from->data_mean;
    to->data_std = from->data_std;
    to->crop_padding = from->crop_padding;
    to->flips = from->flips;
    to->has_own_samples = from->has_own_samples;
    to->is_without_learning = from->is_without_learning;
}

static struct payload *encode_assignment(const struct msg_assignment *from,
                                         Splitbed__Message *control)
{
    Splitbed__Assignment to;
    Splitbed__LayerList layers;
    uint32_t dims[ARRAY_LEN(from->input_dims)];
    splitbed__assignment__init(&to);
    to.device_index = from->device_index;
    to.n_devices = from->n_devices;
    to.seed = from->seed;
    to.time_scale = from->time_scale;
    to.peer_timeout_s = from->peer_timeout_s;
    to.threads = from->threads;
    to.model_name = text(from->model_name);
    to.n_input_dims = from->n_input_dims < ARRAY_LEN(dims) ? from->n_input_dims : ARRAY_LEN(dims);
    for (size_t i = 0; i < to.n_input_dims; i++)
        dims[i] = from->input_dims[i];
    to.input_dims = dims;
    fill_list(&layers, &from->layers);
    to.layers = &layers;
    to.cut = from->cut;
    to.batch_size = from->batch_size;
    to.learning_rate = from->learning_rate;
    to.momentum = from->momentum;
    to.weight_decay = from->weight_decay;
    to.optimizer = text(from->optimizer);
    to.beta1 = from->beta1;
    to.beta2 = from->beta2;
    to.eps = from->eps;
    fill_data(&to, from);
    control->assignment = &to;
    struct payload *payload = pack(control);
    release_list(&layers);
    return payload;
}

static struct payload *encode_ready(const struct msg_ready *from, Splitbed__Message *control)
{
    Splitbed__Ready to = SPLITBED__READY__INIT;
    to.n_train_samples = from->n_train_samples;
    to.n_test_samples = from->n_test_samples;
    control->ready = &to;
    return pack(control);
}

static struct payload *encode_round(const struct msg_round *from, Splitbed__Message *control)
{
    Splitbed__Round to = SPLITBED__ROUND__INIT;
    to.round = from->round;
    to.n_shared = from->n_shared;
    to.forward_s = from->forward_s;
    to.backward_s = from->backward_s;
    to.uplink_bps = from->uplink_bps;
    to.returns_front = from->returns_front;
    to.cut = from->cut;
    to.weights_from = from->weights_from;
    to.returns_layers = from->returns_layers;
    to.returns_optimizer = from->returns_optimizer;
    control->round = &to;
    return pack(control);
}

static struct payload *encode_activations(const struct msg_activations *from,
                                          Splitbed__Message *control)
{
    Splitbed__Activations to = SPLITBED__ACTIVATIONS__INIT;
    to.round = from->round;
    to.n_samples = from->n_samples;
    to.forward_s = from->forward_s;
    to.forward_busy_s = from->forward_busy_s;
    to.forward_start_s = from->forward_start_s;
    control->activations = &to;
    return pack(control);
}

static struct payload *encode_gradient(const struct msg_gradient *from, Splitbed__Message *control)
{
    Splitbed__Gradient to = SPLITBED__GRADIENT__INIT;
    to.round = from->round;
    to.first_slot = from->first_slot;
    to.n_slots = from->n_slots;
    to.is_shared = from->is_shared;
    control->gradient = &to;
    return pack(control);
}

static struct payload *encode_round_done(const struct msg_round_done *from,
                                         Splitbed__Message *control)
{
    Splitbed__RoundDone to = SPLITBED__ROUND_DONE__INIT;
    to.round = from->round;
    to.backward_s = from->backward_s;
    to.backward_busy_s = from->backward_busy_s;
    to.n_overruns = from->n_overruns;
    to.backward_start_s = from->backward_start_s;
    control->round_done = &to;
    return pack(control);
}

static struct payload *encode_evaluate(const struct msg_evaluate *from, Splitbed__Message *control)
{
    Splitbed__Evaluate to = SPLITBED__EVALUATE__INIT;
    to.evaluation = from->evaluation;
    to.first = from->first;
    to.stride = from->stride;
    to.n_samples = from->n_samples;
    control->evaluate = &to;
    return pack(control);
}

static struct payload *encode_evaluation(const struct msg_evaluation *from,
                                         Splitbed__Message *control)
{
    Splitbed__Evaluation to = SPLITBED__EVALUATION__INIT;
    to.evaluation = from->evaluation;
    to.first = from->first;
    to.n_samples = from->n_samples;
    control->evaluation = &to;
    return pack(control);
}

static struct payload *encode_layers(const struct msg_layers *from, Splitbed__Message *control)
{
    Splitbed__Layers to = SPLITBED__LAYERS__INIT;
    to.round = from->round;
    control->layers = &to;
    return pack(control);
}

static struct payload *encode_piece(const struct msg_piece *from, Splitbed__Message *control)
{
    Splitbed__Piece to = SPLITBED__PIECE__INIT;
    to.kind = from->kind;
    to.payload = from->payload;
    to.offset = from->offset;
    to.total_bytes = from->total_bytes;
    control->piece = &to;
    return pack(control);
}

static struct payload *encode_clock(const struct msg_clock *from, Splitbed__Message *control)
{
    Splitbed__Clock to = SPLITBED__CLOCK__INIT;
    to.server_sent_s = from->server_sent_s;
    to.device_received_s = from->device_received_s;
    to.device_sent_s = from->device_sent_s;
    control->clock = &to;
    return pack(control);
}

static struct payload *encode_reason(const struct msg_reason *from, Splitbed__Message *control)
{
    Splitbed__Reason to;
    splitbed__reason__init(&to);
    to.reason = text(from->reason);
    if (control->body_case == SPLITBED__MESSAGE__BODY_STOP)
        control->stop = &to;
    else
        control->error = &to;
    return pack(control);
}

static struct payload *encode_collect(Splitbed__Message *control)
{
    Splitbed__Collect to = SPLITBED__COLLECT__INIT;
    control->collect = &to;
    return pack(control);
}

static struct payload *encode_front(Splitbed__Message *control)
{
    Splitbed__Front to = SPLITBED__FRONT__INIT;
    control->front = &to;
    return pack(control);
}

struct payload *msg_encode(const struct msg *msg)
{
    Splitbed__Message control = SPLITBED__MESSAGE__INIT;
    control.body_case = (Splitbed__Message__BodyCase)msg->kind;
    control.ahead_bytes_1 = msg->ahead_bytes[0];
    control.ahead_bytes_2 = msg->ahead_bytes[1];
    switch (msg->kind) {
    case MSG_HELLO:
        return encode_hello(&msg->hello, &control);
    case MSG_ASSIGNMENT:
        return encode_assignment(&msg->assignment, &control);
    case MSG_READY:
        return encode_ready(&msg->ready, &control);
    case MSG_ROUND:
        return encode_round(&msg->round, &control);
    case MSG_ACTIVATIONS:
        return encode_activations(&msg->activations, &control);
    case MSG_GRADIENT:
        return encode_gradient(&msg->gradient, &control);
    case MSG_ROUND_DONE:
        return encode_round_done(&msg->round_done, &control);
    case MSG_EVALUATE:
        return encode_evaluate(&msg->evaluate, &control);
    case MSG_EVALUATION:
        return encode_evaluation(&msg->evaluation, &control);
    case MSG_STOP:
        return encode_reason(&msg->stop, &control);
    case MSG_ERROR:
        return encode_reason(&msg->error, &control);
    case MSG_COLLECT:
        return encode_collect(&control);
    case MSG_FRONT:
        return encode_front(&control);
    case MSG_LAYERS:
        return encode_layers(&msg->layers, &control);
    case MSG_PIECE:
        return encode_piece(&msg->piece, &control);
    case MSG_CLOCK:
        return encode_clock(&msg->clock, &control);
    case MSG_N_KINDS:
        break;
    }
    assert(!"a message of a known kind");
    return NULL;
}

/* The body numbers of the protocol are the kinds of message.h. */
_Static_assert((int)SPLITBED__MESSAGE__BODY_HELLO == (int)MSG_HELLO, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_ROUND == (int)MSG_ROUND, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_EVALUATE == (int)MSG_EVALUATE, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_ERROR == (int)MSG_ERROR, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_FRONT == (int)MSG_FRONT, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_LAYERS == (int)MSG_LAYERS, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_CLOCK == (int)MSG_CLOCK, "splitbed.proto");
