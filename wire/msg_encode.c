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

/* The one of a control part's bodies that its kind has. */
union body {
    Splitbed__Hello hello;
    Splitbed__Assignment assignment;
    Splitbed__Ready ready;
    Splitbed__Round round;
    Splitbed__Activations activations;
    Splitbed__Gradient gradient;
    Splitbed__RoundDone round_done;
    Splitbed__Evaluate evaluate;
    Splitbed__Evaluation evaluation;
    Splitbed__Layers layers;
    Splitbed__Piece piece;
    Splitbed__Clock clock;
    Splitbed__Reason reason;
};

static void fill_hello(union body *body, const struct msg *msg)
{
    Splitbed__Hello *to = &body->hello;
    const struct msg_hello *from = &msg->hello;
    to->protocol_version = from->protocol_version;
    to->software = text(from->software);
    to->name = text(from->name);
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

static void fill_assignment(union body *body, const struct msg *msg)
{
    Splitbed__Assignment *to = &body->assignment;
    const struct msg_assignment *from = &msg->assignment;
    to->device_index = from->device_index;
    to->n_devices = from->n_devices;
    to->seed = from->seed;
    to->time_scale = from->time_scale;
    to->peer_timeout_s = from->peer_timeout_s;
    to->threads = from->threads;
    to->model_name = text(from->model_name);
    to->n_input_dims = from->n_input_dims < ARRAY_LEN(from->input_dims)
                           ? from->n_input_dims
                           : ARRAY_LEN(from->input_dims);
    to->input_dims = (uint32_t *)(uintptr_t)from->input_dims;
    to->layers = mem_zero(1, sizeof *to->layers);
    fill_list(to->layers, &from->layers);
    to->cut = from->cut;
    to->batch_size = from->batch_size;
    to->learning_rate = from->learning_rate;
    to->momentum = from->momentum;
    to->weight_decay = from->weight_decay;
    to->optimizer = text(from->optimizer);
    to->beta1 = from->beta1;
    to->beta2 = from->beta2;
    to->eps = from->eps;
    fill_data(to, from);
}

static void fill_ready(union body *body, const struct msg *msg)
{
    Splitbed__Ready *to = &body->ready;
    const struct msg_ready *from = &msg->ready;
    to->n_train_samples = from->n_train_samples;
    to->n_test_samples = from->n_test_samples;
}

static void fill_round(union body *body, const struct msg *msg)
{
    Splitbed__Round *to = &body->round;
    const struct msg_round *from = &msg->round;
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

static void fill_activations(union body *body, const struct msg *msg)
{
    Splitbed__Activations *to = &body->activations;
    const struct msg_activations *from = &msg->activations;
    to->round = from->round;
    to->n_samples = from->n_samples;
    to->forward_s = from->forward_s;
    to->forward_busy_s = from->forward_busy_s;
    to->forward_start_s = from->forward_start_s;
}

static void fill_gradient(union body *body, const struct msg *msg)
{
    Splitbed__Gradient *to = &body->gradient;
    const struct msg_gradient *from = &msg->gradient;
    to->round = from->round;
    to->first_slot = from->first_slot;
    to->n_slots = from->n_slots;
    to->is_shared = from->is_shared;
}

static void fill_round_done(union body *body, const struct msg *msg)
{
    Splitbed__RoundDone *to = &body->round_done;
    const struct msg_round_done *from = &msg->round_done;
    to->round = from->round;
    to->backward_s = from->backward_s;
    to->backward_busy_s = from->backward_busy_s;
    to->n_overruns = from->n_overruns;
    to->backward_start_s = from->backward_start_s;
}

static void fill_evaluate(union body *body, const struct msg *msg)
{
    Splitbed__Evaluate *to = &body->evaluate;
    const struct msg_evaluate *from = &msg->evaluate;
    to->evaluation = from->evaluation;
    to->first = from->first;
    to->stride = from->stride;
    to->n_samples = from->n_samples;
}

static void fill_evaluation(union body *body, const struct msg *msg)
{
    Splitbed__Evaluation *to = &body->evaluation;
    const struct msg_evaluation *from = &msg->evaluation;
    to->evaluation = from->evaluation;
    to->first = from->first;
    to->n_samples = from->n_samples;
}

static void fill_layers(union body *body, const struct msg *msg)
{
    body->layers.round = msg->layers.round;
}

static void fill_piece(union body *body, const struct msg *msg)
{
    Splitbed__Piece *to = &body->piece;
    const struct msg_piece *from = &msg->piece;
    to->kind = from->kind;
    to->payload = from->payload;
    to->offset = from->offset;
    to->total_bytes = from->total_bytes;
}

static void fill_clock(union body *body, const struct msg *msg)
{
    Splitbed__Clock *to = &body->clock;
    const struct msg_clock *from = &msg->clock;
    to->server_sent_s = from->server_sent_s;
    to->device_received_s = from->device_received_s;
    to->device_sent_s = from->device_sent_s;
}

/* Stop and error lie in the same place. */
static void fill_reason(union body *body, const struct msg *msg)
{
    body->reason.reason = text(msg->stop.reason);
}

/* A kind: its struct, and what fills it; NULL where there is nothing in it. */
static const struct {
    const ProtobufCMessageDescriptor *descriptor;
    void (*fill)(union body *body, const struct msg *msg);
} kinds[MSG_N_KINDS] = {
    [MSG_HELLO] = {&splitbed__hello__descriptor, fill_hello},
    [MSG_ASSIGNMENT] = {&splitbed__assignment__descriptor, fill_assignment},
    [MSG_READY] = {&splitbed__ready__descriptor, fill_ready},
    [MSG_ROUND] = {&splitbed__round__descriptor, fill_round},
    [MSG_ACTIVATIONS] = {&splitbed__activations__descriptor, fill_activations},
    [MSG_GRADIENT] = {&splitbed__gradient__descriptor, fill_gradient},
    [MSG_ROUND_DONE] = {&splitbed__round_done__descriptor, fill_round_done},
    [MSG_EVALUATE] = {&splitbed__evaluate__descriptor, fill_evaluate},
    [MSG_EVALUATION] = {&splitbed__evaluation__descriptor, fill_evaluation},
    [MSG_STOP] = {&splitbed__reason__descriptor, fill_reason},
    [MSG_ERROR] = {&splitbed__reason__descriptor, fill_reason},
    [MSG_COLLECT] = {&splitbed__collect__descriptor, NULL},
    [MSG_FRONT] = {&splitbed__front__descriptor, NULL},
    [MSG_LAYERS] = {&splitbed__layers__descriptor, fill_layers},
    [MSG_PIECE] = {&splitbed__piece__descriptor, fill_piece},
    [MSG_CLOCK] = {&splitbed__clock__descriptor, fill_clock},
};

struct payload *msg_encode(const struct msg *msg)
{
    Splitbed__Message control = SPLITBED__MESSAGE__INIT;
    union body body;
    assert(msg->kind < MSG_N_KINDS && kinds[msg->kind].descriptor);
    protobuf_c_message_init(kinds[msg->kind].descriptor, &body);
    if (kinds[msg->kind].fill)
        kinds[msg->kind].fill(&body, msg);
    control.body_case = (Splitbed__Message__BodyCase)msg->kind;
    control.hello = &body.hello; /* or another: the pointers are a union too */
    control.ahead_bytes_1 = msg->ahead_bytes[0];
    control.ahead_bytes_2 = msg->ahead_bytes[1];
    struct payload *payload = payload_new(splitbed__message__get_packed_size(&control));
    splitbed__message__pack(&control, payload_memory(payload));
    if (msg->kind == MSG_ASSIGNMENT) {
        release_list(body.assignment.layers);
        free(body.assignment.layers);
    }
    return payload;
}

/* The body numbers of the protocol are the kinds of message.h. */
_Static_assert((int)SPLITBED__MESSAGE__BODY_HELLO == (int)MSG_HELLO, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_ROUND == (int)MSG_ROUND, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_EVALUATE == (int)MSG_EVALUATE, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_ERROR == (int)MSG_ERROR, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_FRONT == (int)MSG_FRONT, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_LAYERS == (int)MSG_LAYERS, "splitbed.proto");
_Static_assert((int)SPLITBED__MESSAGE__BODY_CLOCK == (int)MSG_CLOCK, "splitbed.proto");
