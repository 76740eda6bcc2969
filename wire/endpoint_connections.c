/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/endpoint_parts.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/monitor.h"

static void end_of(struct endpoint *e, struct peer *peer)
{
    peer->is_disconnected = true;
    peer_lose(peer, "the connection is gone: closed, or no sign of life for %g s", e->timeout_s);
}

static void note_router(struct endpoint *e, const struct monitor_event *event)
{
    if (event->kind != MONITOR_DISCONNECTED)
        return;
    struct peer *peer = peers_find_fd(&e->peers, event->fd);
    if (peer) {
        end_of(e, peer);
        return;
    }
    e->ended_fd = mem_grow(e->ended_fd, e->n_ended, &e->ended_capacity, sizeof *e->ended_fd);
    e->ended_fd[e->n_ended++] = event->fd;
}

static void note_dealer(struct endpoint *e, const struct monitor_event *event)
{
    switch (event->kind) {
    case MONITOR_ESTABLISHED:
        e->is_established = true;
        break;
    case MONITOR_NO_ZMTP:
        e->met_no_zmtp = true;
        break;
    case MONITOR_DISCONNECTED:
        if (e->is_established && e->peers.n)
            end_of(e, &e->peers.peer[0]);
        break;
    }
}

void endpoint_note_connections(struct endpoint *e)
{
    struct monitor_event event;
    while (monitor_next(e->monitor, &event)) {
        if (e->is_listener)
            note_router(e, &event);
        else
            note_dealer(e, &event);
    }
    if (!e->is_listener && !e->is_established && e->peers.n && clock_now_us() >= e->connect_by_us) {
        e->peers.peer[0].is_disconnected = true;
        peer_lose(&e->peers.peer[0], "no connection to %s within %g s%s", e->address, e->timeout_s,
                  e->met_no_zmtp ? ": what listens there does not speak ZeroMQ" : "");
    }
}

void endpoint_note_silent(struct endpoint *e)
{
    for (size_t i = 0; i < e->n_ended; i++) {
        struct peer *peer = peers_find_fd(&e->peers, e->ended_fd[i]);
        if (peer)
            end_of(e, peer);
    }
    e->n_ended = 0;
}

static int set_timer(struct endpoint *e, int64_t until_us, struct err *err)
{
    struct itimerspec at = {{0, 0}, {0, 0}}; /* disarmed */
    if (until_us != INT64_MAX) {
        at.it_value.tv_sec = (time_t)(until_us / 1000000);
        at.it_value.tv_nsec = (long)(until_us % 1000000) * 1000;
    }
    return timerfd_settime(e->timer_fd, TFD_TIMER_ABSTIME, &at, NULL)
               ? err_set_errno(err, "cannot set a timer")
               : 0;
}

int endpoint_sleep(struct endpoint *e, int64_t until_us, int watched_fd, struct err *err)
{
    bool is_connecting =
        !e->is_listener && !e->is_established && e->peers.n && e->peers.peer[0].state == PEER_LIVE;
    int64_t wake_us = is_connecting && e->connect_by_us < until_us ? e->connect_by_us : until_us;
    if (wake_us <= clock_now_us())
        return wake_us < until_us;
    if (set_timer(e, wake_us, err))
        return -1;
    /* zmq_poll() counts milliseconds; the timer is exact. */
    zmq_pollitem_t items[] = {
        {.socket = e->socket, .events = ZMQ_POLLIN},
        {.socket = e->monitor, .events = ZMQ_POLLIN},
        {.fd = e->timer_fd, .events = ZMQ_POLLIN},
        {.fd = watched_fd, .events = ZMQ_POLLIN},
    };
    int n_items = (int)ARRAY_LEN(items) - (watched_fd < 0);
    if (zmq_poll(items, n_items, -1) < 0) {
        if (errno == EINTR)
            return 0;
        return err_set(err, "cannot wait for messages at %s: %s", e->address, zmq_strerror(errno));
    }
    return !items[3].revents;
}
