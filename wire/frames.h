/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One message as ZeroMQ frames: at a ROUTER the peer's routing id, then the control part, then payloads.
 * Payload memory is handed over by reference in both directions, never copied (but for a received frame
 * that does not start at a multiple of 4). Nothing here blocks.
 */
#ifndef WIRE_FRAMES_H
#define WIRE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <zmq.h>

#include "wire/message.h"

#define FRAMES_MAX_ID 255 /* bytes of a routing id, by ZMTP */

struct frames {
    unsigned char id[FRAMES_MAX_ID];
    size_t n_id;                          /* 0 at a DEALER */
    int fd;                               /* of the connection it came by; -1 if unknown */
    zmq_msg_t part[1 + MSG_MAX_PAYLOADS]; /* the first so many; all are initialised */
    int n_parts;                          /* as sent, perhaps more than were kept */
};

/* 1: a whole message, to be released; 0: none is there; -1 with errno. */
int frames_recv(void *socket, bool has_id, struct frames *frames);
void frames_release(struct frames *frames);

/* The memory of part[i] as a payload; the part is empty afterwards. */
struct payload *frames_take(struct frames *frames, int i);

/* 0, or an errno: EAGAIN when the queue is full, EHOSTUNREACH when a ROUTER has no such peer. */
int frames_send(void *socket, const void *id, size_t n_id, struct payload *control,
                const struct msg *msg);

#endif
