/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/endpoint.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/codec.h"
#include "wire/endpoint_parts.h"
#include "wire/frames.h"
#include "wire/monitor.h"

const char *endpoint_address(const struct endpoint *e)
{
    return e->address;
}

/* Lets ZeroMQ take in what its I/O thread has told it, so that full and gone peers are known as such. */
static void refresh(struct endpoint *e)
{
    int events;
    size_t n = sizeof events;
    zmq_getsockopt(e->socket, ZMQ_EVENTS, &events, &n);
}

static void send_to(struct endpoint *e, struct peer *peer, const struct msg *msg)
{
    struct payload *control = msg_encode(msg);
    refresh(e);
    int failed = frames_send(e->socket, peer->id, peer->n_id, control, msg);
    payload_drop(control);
    if (failed == EAGAIN)
        peer_lose(peer, "does not take its messages: %d are waiting", ENDPOINT_QUEUE);
    else if (failed == EHOSTUNREACH)
        peer_lose(peer, "cannot be reached: the connection is gone");
    else if (failed)
        peer_lose(peer, "cannot be reached: %s", zmq_strerror(failed));
}

void endpoint_send(struct endpoint *e, uint64_t number, struct msg **msg)
{
    assert(number < e->peers.next_number);
    struct peer *peer = peers_find(&e->peers, number);
    if (peer && peer->state == PEER_LIVE)
        send_to(e, peer, *msg);
    msg_free(*msg);
    *msg = NULL;
}

static void tell(struct endpoint *e, struct peer *peer, const char *reason)
{
    struct msg *msg = msg_reason(MSG_ERROR, "%s", reason);
    send_to(e, peer, msg);
    msg_free(msg);
}

static void refuse(struct endpoint *e, struct peer *peer, struct wire_event *event)
{
    tell(e, peer, event->reason.text);
    peer_gone(peer);
    event->kind = WIRE_REFUSED;
}

static struct msg *decode(struct frames *frames, struct err *err)
{
    struct payload *payloads[MSG_MAX_PAYLOADS] = {NULL};
    int n_payloads = frames->n_parts - 1;
    if (n_payloads > MSG_MAX_PAYLOADS) {
        err_set(err, "%d frames; at most %d are allowed", frames->n_parts, 1 + MSG_MAX_PAYLOADS);
        return NULL;
    }
    for (int i = 0; i < n_payloads; i++)
        payloads[i] = frames_take(frames, 1 + i);
    struct msg *msg = msg_decode(zmq_msg_data(&frames->part[0]), zmq_msg_size(&frames->part[0]),
                                 payloads, n_payloads, err);
    for (int i = 0; i < n_payloads && !msg; i++)
        payload_drop(payloads[i]);
    return msg;
}

/* A whole message, NULL for a piece of one, or NULL and `reason` why it is refused. */
static struct msg *take_whole(struct peer *peer, struct frames *frames, struct err *reason)
{
    struct msg *msg = decode(frames, reason);
    if (msg)
        joint_take(&peer->joint, &msg, reason);
    return msg;
}

enum taken { TAKEN, KEPT, IGNORED, EMPTY, FAILED }; /* KEPT: until the message is whole */

static enum taken take_message(struct endpoint *e, struct wire_event *event, struct err *err)
{
    struct frames frames;
    int n = frames_recv(e->socket, e->is_listener, &frames);
    if (n == 0)
        return EMPTY;
    if (n < 0) {
        err_set(err, "cannot receive at %s: %s", e->address, zmq_strerror(errno));
        return FAILED;
    }
    struct peer *peer = peers_find_id(&e->peers, frames.id, frames.n_id);
    if (!peer)
        peer = peers_add(&e->peers, frames.id, frames.n_id, frames.fd);
    if (peer->state == PEER_GONE) {
        frames_release(&frames);
        return IGNORED;
    }
    if (e->is_listener && !peer_id_is_given(frames.id, frames.n_id))
        err_set(&event->reason, "a routing id of one's own is not allowed");
    else
        event->msg = take_whole(peer, &frames, &event->reason);
    frames_release(&frames);
    if (event->reason.text[0])
        refuse(e, peer, event);
    else if (!event->msg)
        return KEPT;
    else
        event->kind = WIRE_MESSAGE;
    event->peer = peer->number;
    return TAKEN;
}

/*
 * The socket is empty: what peers sent before their connections ended has been delivered, or a connection
 * that ended never said anything. At a ROUTER the peer is told, too: if the descriptor was used again and
 * the end was that of an older, silent connection, then nobody waits for a server that gave him up.
 */
static bool report_loss(struct endpoint *e, struct wire_event *event)
{
    struct peer *peer = peers_losing(&e->peers);
    if (!peer)
        return false;
    event->kind = WIRE_LOST;
    event->peer = peer->number;
    err_set(&event->reason, "%s", peer->reason);
    if (e->is_listener)
        tell(e, peer, "the server takes this connection for lost");
    else
        zmq_disconnect(e->socket, e->address); /* by the next wait it connects no more */
    peer_gone(peer);
    e->n_since_loss = 0;
    return true;
}

/* Messages go before losses, but a flood from some must not hide the loss of another. */
static bool loss_is_due(struct endpoint *e)
{
    return peers_losing(&e->peers) && ++e->n_since_loss > e->peers.n + ENDPOINT_QUEUE;
}

static int next_event(struct endpoint *e, struct wire_event *event, struct err *err)
{
    endpoint_note_connections(e);
    for (int n_looks = 0; n_looks < ENDPOINT_QUEUE; n_looks++) {
        if (loss_is_due(e) && report_loss(e, event))
            return 1;
        switch (take_message(e, event, err)) {
        case TAKEN:
            return 1;
        case FAILED:
            return -1;
        case KEPT:
        case IGNORED:
            break;
        case EMPTY:
            endpoint_note_silent(e);
            if (e->is_listener)
                peers_forget(&e->peers);
            return report_loss(e, event);
        }
    }
    return 0;
}

int endpoint_wait(struct endpoint *e, int64_t wait_us, int watched_fd, struct wire_event *event,
                  struct err *err)
{
    int64_t now_us = clock_now_us();
    int64_t until_us = wait_us < 0 || wait_us > INT64_MAX - now_us ? INT64_MAX : now_us + wait_us;
    *event = (struct wire_event){.kind = WIRE_NONE};
    for (;;) {
        int n = next_event(e, event, err);
        if (n)
            return n < 0 ? -1 : 0;
        n = endpoint_sleep(e, until_us, watched_fd, err);
        if (n <= 0)
            return n;
    }
}
