/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/endpoint_parts.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/mem.h"
#include "wire/monitor.h"

#define RETRY_MS     50 /* between attempts to connect, growing to */
#define RETRY_MAX_MS 1000

static int set_option(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value);
}

/*
 * A ping every third of the timeout, and an answer (or anything else) within the other two; the other side
 * is asked by the ping's time to live to hold us to the same.
 */
static int set_heartbeats(void *socket, double timeout_s)
{
    int timeout_ms = (int)ceil(timeout_s * 1000);
    return set_option(socket, ZMQ_HEARTBEAT_IVL, timeout_ms / 3) ||
           set_option(socket, ZMQ_HEARTBEAT_TIMEOUT, timeout_ms - timeout_ms / 3) ||
           set_option(socket, ZMQ_HEARTBEAT_TTL, timeout_ms) ||
           set_option(socket, ZMQ_HANDSHAKE_IVL, timeout_ms);
}

static int set_limits(void *socket)
{
    int64_t max_bytes = (int64_t)PAYLOAD_MAX_BYTES;
    return set_option(socket, ZMQ_SNDHWM, ENDPOINT_QUEUE) ||
           set_option(socket, ZMQ_RCVHWM, ENDPOINT_QUEUE) ||
           zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes);
}

/*
 * A DEALER keeps its queues over a reconnection. ZMQ_IMMEDIATE, or no reconnection at all, would throw
 * away with the connection what came by it and was not yet read: the server's last words. So ZeroMQ may
 * reconnect, and the endpoint takes the first end of the connection for the last.
 */
static int set_connecting(void *socket, bool is_listener)
{
    if (is_listener)
        return set_option(socket, ZMQ_ROUTER_MANDATORY, 1) || set_option(socket, ZMQ_BACKLOG, 1024);
    return set_option(socket, ZMQ_RECONNECT_IVL, RETRY_MS) ||
           set_option(socket, ZMQ_RECONNECT_IVL_MAX, RETRY_MAX_MS);
}

static int open_parts(struct endpoint *e, struct err *err)
{
    e->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (e->timer_fd < 0)
        return err_set_errno(err, "cannot make a timer");
    e->context = zmq_ctx_new();
    e->socket =
        e->context ? zmq_socket(e->context, e->is_listener ? ZMQ_ROUTER : ZMQ_DEALER) : NULL;
    if (!e->socket || set_option(e->socket, ZMQ_LINGER, 0) || set_limits(e->socket) ||
        set_heartbeats(e->socket, e->timeout_s) || set_connecting(e->socket, e->is_listener))
        return err_set(err, "cannot make a ZeroMQ socket: %s", zmq_strerror(errno));
    e->monitor = monitor_open(e->context, e->socket);
    if (!e->monitor)
        return err_set(err, "cannot monitor a ZeroMQ socket: %s", zmq_strerror(errno));
    return 0;
}

static struct endpoint *open_endpoint(const char *address, bool is_listener, double timeout_s,
                                      struct err *err)
{
    if (!(timeout_s > 0)) {
        err_set(err, "timeout of %g s; a number > 0 is wanted", timeout_s);
        return NULL;
    }
    struct endpoint *e = mem_zero(1, sizeof *e);
    e->is_listener = is_listener;
    e->address = mem_string(address);
    assert(timeout_s >= ENDPOINT_MIN_TIMEOUT_S && timeout_s <= ENDPOINT_MAX_TIMEOUT_S);
    e->timeout_s = timeout_s;
    if (open_parts(e, err)) {
        endpoint_close(e, 0);
        return NULL;
    }
    return e;
}

struct endpoint *endpoint_listen(const char *address, double timeout_s, struct err *err)
{
    char real[256];
    size_t n = sizeof real;
    struct endpoint *e = open_endpoint(address, true, timeout_s, err);
    if (!e)
        return NULL;
    if (zmq_bind(e->socket, address) || zmq_getsockopt(e->socket, ZMQ_LAST_ENDPOINT, real, &n)) {
        err_set(err, "cannot listen at '%s': %s", address, zmq_strerror(errno));
        endpoint_close(e, 0);
        return NULL;
    }
    free(e->address);
    e->address = mem_string(real);
    return e;
}

struct endpoint *endpoint_connect(const char *address, double timeout_s, struct err *err)
{
    struct endpoint *e = open_endpoint(address, false, timeout_s, err);
    if (!e)
        return NULL;
    peers_add(&e->peers, NULL, 0, -1);
    e->connect_by_us = clock_now_us() + (int64_t)(e->timeout_s * 1e6);
    if (zmq_connect(e->socket, address)) {
        err_set(err, "cannot connect to '%s': %s", address, zmq_strerror(errno));
        endpoint_close(e, 0);
        return NULL;
    }
    return e;
}

void endpoint_close(struct endpoint *e, double linger_s)
{
    if (!e)
        return;
    if (e->monitor)
        monitor_close(e->monitor, e->socket);
    if (e->socket) {
        set_option(e->socket, ZMQ_LINGER, linger_s > 0 ? (int)ceil(fmin(linger_s, 1e6) * 1000) : 0);
        zmq_close(e->socket);
    }
    /* Waits until the socket has lingered. */
    while (e->context && zmq_ctx_term(e->context) && errno == EINTR)
        ;
    if (e->timer_fd >= 0)
        close(e->timer_fd);
    peers_release(&e->peers);
    free(e->ended_fd);
    free(e->address);
    free(e);
}
