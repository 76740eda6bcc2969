/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/message.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static const char *const kind_names[MSG_N_KINDS] = {
    [MSG_HELLO] = "hello",
    [MSG_ASSIGNMENT] = "assignment",
    [MSG_READY] = "ready",
    [MSG_ROUND] = "round",
    [MSG_ACTIVATIONS] = "activations",
    [MSG_GRADIENT] = "gradient",
    [MSG_ROUND_DONE] = "round done",
    [MSG_EVALUATE] = "evaluate",
    [MSG_EVALUATION] = "evaluation",
    [MSG_STOP] = "stop",
    [MSG_ERROR] = "error",
    [MSG_COLLECT] = "collect",
    [MSG_FRONT] = "front",
    [MSG_LAYERS] = "layers",
    [MSG_PIECE] = "piece",
    [MSG_CLOCK] = "clock",
};

const char *msg_kind_name(enum msg_kind kind)
{
    return kind >= MSG_HELLO && kind < MSG_N_KINDS ? kind_names[kind] : "unknown";
}

struct msg *msg_new(enum msg_kind kind)
{
    struct msg *msg = mem_zero(1, sizeof *msg);
    msg->kind = kind;
    return msg;
}

static void layer_list_release(struct msg_layer_list *list)
{
    for (size_t i = 0; i < list->n_layers; i++) {
        struct msg_layer *layer = &list->layers[i];
        for (size_t j = 0; j < layer->n_branches; j++)
            layer_list_release(&layer->branches[j]);
        free(layer->branches);
        free(layer->arguments);
    }
    free(list->layers);
}

void msg_free(struct msg *msg)
{
    if (!msg)
        return;
    for (int i = 0; i < msg->n_payloads; i++)
        payload_drop(msg->payload[i]);
    if (msg->kind == MSG_ASSIGNMENT)
        layer_list_release(&msg->assignment.layers);
    free(msg);
}

void msg_attach(struct msg *msg, struct payload *payload)
{
    assert(msg->n_payloads < MSG_MAX_PAYLOADS);
    msg->payload[msg->n_payloads++] = payload;
}

struct msg *msg_reason(enum msg_kind kind, const char *format, ...)
{
    assert(kind == MSG_STOP || kind == MSG_ERROR);
    struct msg *msg = msg_new(kind);
    char *reason = kind == MSG_STOP ? msg->stop.reason : msg->error.reason;
    va_list args;
    va_start(args, format);
    vsnprintf(reason, MSG_MAX_REASON, format, args);
    va_end(args);
    /* A reason may quote whatever was found in a file; on the wire it is printable ASCII. */
    for (char *c = reason; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return msg;
}

bool msg_may_come_in_pieces(enum msg_kind kind)
{
    return kind == MSG_ROUND || kind == MSG_ACTIVATIONS || kind == MSG_GRADIENT ||
           kind == MSG_ROUND_DONE || kind == MSG_LAYERS;
}

size_t msg_payload_bytes(const struct msg *msg)
{
    size_t n_bytes = 0;
    for (int i = 0; i < msg->n_payloads; i++)
        n_bytes += payload_bytes(msg->payload[i]);
    return n_bytes;
}
