/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One end of the wire: a ROUTER at the server (endpoint_listen), a DEALER at a device (endpoint_connect).
 * Messages out and in, those that came in pieces whole again, and events for everything else that can happen
 * to a peer: nothing is dropped silently and nothing waits for ever. ZeroMQ is called by the endpoint*.c files, frames.c and monitor.c only.
 *
 * A peer is a number the endpoint gives out when it first hears from it, good until WIRE_LOST or
 * WIRE_REFUSED, whichever comes: each peer ends in at most one of them, exactly once. Numbers are not used
 * again; a device that connects anew is a new peer. At a device the server is peer 0. A connection that
 * never said anything is no peer and makes no event. Not thread safe; one endpoint belongs to one thread.
 */
#ifndef WIRE_ENDPOINT_H
#define WIRE_ENDPOINT_H

#include "wire/message.h"

struct endpoint;

/* Limits on timeout_s: ZeroMQ's heartbeats count tenths of a second in 16 bits. */
#define ENDPOINT_MIN_TIMEOUT_S 0.1
#define ENDPOINT_MAX_TIMEOUT_S 3600.0

/*
 * `address` as ZeroMQ writes them ("tcp://0.0.0.0:5555", "tcp://127.0.0.1:*" for any free port,
 * "ipc:///path"). `timeout_s`: a connection without a sign of life (ZMTP heartbeats) for so long is lost; held
 * to 0.1 s at least and 6000 s at most. One frame must cross the network within that time.
 */
struct endpoint *endpoint_listen(const char *address, double timeout_s, struct err *err);

/* Returns at once; the connection is tried again until it stands or timeout_s is over (then WIRE_LOST). */
struct endpoint *endpoint_connect(const char *address, double timeout_s, struct err *err);

/* Waits at most linger_s for what was sent to leave; then lent payload memory is free. NULL is fine. */
void endpoint_close(struct endpoint *endpoint, double linger_s);

const char *endpoint_address(const struct endpoint *endpoint); /* with the real port */

/*
 * Sends and frees *msg, never blocks. A peer that cannot be reached or does not take its messages
 * (queue of ENDPOINT_QUEUE messages full) becomes a WIRE_LOST event of endpoint_wait(), after the messages
 * that wait to be read. ZeroMQ takes note of what has left in halves of the queue: half of it is sure to fit,
 * twice of what a message in pieces is at most. What is sent to a peer that was lost or refused is dropped:
 * that was told already.
 */
#define ENDPOINT_QUEUE 512
void endpoint_send(struct endpoint *endpoint, uint64_t peer, struct msg **msg);

enum wire_event_kind {
    WIRE_NONE,    /* the time has come, or the watched file descriptor is readable */
    WIRE_MESSAGE, /* msg is the receiver's to free */
    WIRE_REFUSED, /* the peer sent something malformed; it was told (MSG_ERROR) and is to be forgotten */
    WIRE_LOST /* the connection is gone, or the peer cannot be reached; after its last messages */
};

struct wire_event {
    enum wire_event_kind kind;
    uint64_t peer;
    struct msg *msg;
    struct err reason; /* WIRE_REFUSED, WIRE_LOST: one line */
};

/*
 * The next event, or WIRE_NONE after wait_us microseconds (0: only look; < 0: without limit), when a
 * signal came, or when `watched_fd` (>= 0) is readable. Precise to about 0.1 ms. -1 when ZeroMQ itself
 * fails.
 */
int endpoint_wait(struct endpoint *endpoint, int64_t wait_us, int watched_fd,
                  struct wire_event *event, struct err *err);

#endif
