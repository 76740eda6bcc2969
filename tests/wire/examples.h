/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One valid message of every kind, every field set to something that differs from its default and from its
 * neighbours, for the tests of the codec and of the endpoint.
 */
#ifndef TESTS_WIRE_EXAMPLES_H
#define TESTS_WIRE_EXAMPLES_H

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "wire/message.h"

static inline struct payload *example_payload(size_t n_bytes)
{
    struct payload *payload = payload_new(n_bytes);
    for (size_t i = 0; i < n_bytes; i++)
        ((unsigned char *)payload_memory(payload))[i] = (unsigned char)(i * 7 + i / 251);
    return payload;
}

static inline void example_layer(struct msg_layer *layer, const char *kind, const char *name,
                                 size_t n_arguments)
{
    snprintf(layer->kind, sizeof layer->kind, "%s", kind);
    snprintf(layer->name, sizeof layer->name, "%s", name);
    layer->arguments = mem_zero(n_arguments, sizeof *layer->arguments);
    layer->n_arguments = n_arguments;
    for (size_t i = 0; i < n_arguments; i++) {
        snprintf(layer->arguments[i].key, MSG_MAX_NAME, "argument_%zu", i);
        layer->arguments[i].value = (double)i + 0.5;
    }
}

/* conv2d, residual with a body of two and an empty shortcut, linear */
static inline void example_layers(struct msg_layer_list *list)
{
    list->layers = mem_zero(3, sizeof *list->layers);
    list->n_layers = 3;
    example_layer(&list->layers[0], "conv2d", "conv1", 3);
    example_layer(&list->layers[1], "residual", "", 0);
    example_layer(&list->layers[2], "linear", "fc", 1);
    struct msg_layer *residual = &list->layers[1];
    residual->branches = mem_zero(2, sizeof *residual->branches);
    residual->n_branches = 2;
    strcpy(residual->branches[0].key, "body");
    strcpy(residual->branches[1].key, "shortcut");
    residual->branches[0].layers = mem_zero(2, sizeof(struct msg_layer));
    residual->branches[0].n_layers = 2;
    example_layer(&residual->branches[0].layers[0], "conv2d", "layer1.0.conv1", 2);
    example_layer(&residual->branches[0].layers[1], "relu", "", 0);
}

static inline void example_assignment(struct msg_assignment *m)
{
    m->device_index = 3;
    m->n_devices = 5;
    m->seed = 0xfedcba9876543210;
    m->time_scale = 0.125;
    m->peer_timeout_s = 7.5;
    m->threads = 2;
    strcpy(m->model_name, "lenet5");
    m->n_input_dims = 3;
    m->input_dims[0] = 1;
    m->input_dims[1] = 28;
    m->input_dims[2] = 29;
    example_layers(&m->layers);
    m->cut = 2;
    m->batch_size = 64;
    m->learning_rate = 1.5e-4;
    strcpy(m->optimizer, "adamw");
    m->momentum = 0.9;
    m->weight_decay = 5e-4;
    strcpy(m->data_format, "idx");
    m->data_mean = -0.25;
    m->data_std = 0.5;
    m->beta1 = 0.75;
    m->beta2 = 0.875;
    m->eps = 1e-7;
    m->crop_padding = 6;
    m->flips = true;
}

static inline struct msg *example_samples(enum msg_kind kind)
{
    struct msg *msg = msg_new(kind);
    if (kind == MSG_ACTIVATIONS)
        msg->activations = (struct msg_activations){11, 4, 0.25, 0.125, -3.5};
    else
        msg->evaluation = (struct msg_evaluation){21, 22, 4};
    msg_attach(msg, example_payload(4 * 4 * 6));
    msg_attach(msg, example_payload(4 * 4));
    return msg;
}

static inline struct msg *example(enum msg_kind kind)
{
    if (kind == MSG_ACTIVATIONS || kind == MSG_EVALUATION)
        return example_samples(kind);
    if (kind == MSG_STOP || kind == MSG_ERROR)
        return msg_reason(kind, "reason of %s", msg_kind_name(kind));
    struct msg *msg = msg_new(kind);
    if (kind == MSG_HELLO)
        msg->hello = (struct msg_hello){PROTOCOL_VERSION, "splitbed-agent 0.1", "pi-03"};
    if (kind == MSG_READY)
        msg->ready = (struct msg_ready){60000, 10000};
    if (kind == MSG_ROUND)
        msg->round = (struct msg_round){12, 32, 0.5, 1.5, 2e7, 3e7, 4e7, true, 7, 5, true, true};
    if (kind == MSG_GRADIENT)
        msg->gradient = (struct msg_gradient){13, 32, 2, true};
    if (kind == MSG_ROUND_DONE)
        msg->round_done = (struct msg_round_done){14, 0.75, 0.625, 9, 4.5};
    if (kind == MSG_EVALUATE)
        msg->evaluate = (struct msg_evaluate){15, 16, 17, 18};
    if (kind == MSG_ASSIGNMENT) {
        example_assignment(&msg->assignment);
        msg_attach(msg, example_payload(4 * 10));
        msg_attach(msg, example_payload(4 * 25));
    }
    if (kind == MSG_LAYERS)
        msg->layers = (struct msg_layers){19};
    if (kind == MSG_PIECE) {
        msg->piece = (struct msg_piece){MSG_GRADIENT, 1, 8, 24};
        msg_attach(msg, example_payload(11));
    }
    if (kind == MSG_CLOCK)
        msg->clock = (struct msg_clock){-1.25, 2.5, 2.75};
    if (kind == MSG_ROUND || kind == MSG_GRADIENT || kind == MSG_ROUND_DONE || kind == MSG_FRONT ||
        kind == MSG_LAYERS)
        msg_attach(msg, example_payload(4 * 6));
    if (kind == MSG_LAYERS)
        msg_attach(msg, example_payload(4 * 3));
    return msg;
}

#endif
