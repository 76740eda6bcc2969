/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Endpoints on the loopback interface for tests; include after cmocka.h and what it needs. */
#ifndef TESTS_WIRE_ENDPOINTS_H
#define TESTS_WIRE_ENDPOINTS_H

#include "tests/wire/examples.h"
#include "wire/endpoint.h"

#define PATIENCE_US 20000000 /* for what must come */
#define QUIET_US    30000    /* for what must not */

static inline struct endpoint *listen_any(double timeout_s)
{
    struct err err = ERR_INIT;
    struct endpoint *endpoint = endpoint_listen("tcp://127.0.0.1:*", timeout_s, &err);
    if (!endpoint)
        fail_msg("%s", err.text);
    return endpoint;
}

static inline struct endpoint *connect_to(const char *address, double timeout_s)
{
    struct err err = ERR_INIT;
    struct endpoint *endpoint = endpoint_connect(address, timeout_s, &err);
    if (!endpoint)
        fail_msg("%s", err.text);
    return endpoint;
}

static inline void send_example(struct endpoint *endpoint, uint64_t peer, enum msg_kind kind)
{
    struct msg *msg = example(kind);
    endpoint_send(endpoint, peer, &msg);
    assert_null(msg);
}

static inline void next_event(struct endpoint *endpoint, int64_t wait_us, struct wire_event *event)
{
    struct err err = ERR_INIT;
    if (endpoint_wait(endpoint, wait_us, -1, event, &err))
        fail_msg("%s", err.text);
}

/* The next event must be of this kind; its message is freed. Returns the peer. */
static inline uint64_t expect(struct endpoint *endpoint, enum wire_event_kind kind,
                              const char *reason)
{
    struct wire_event event;
    next_event(endpoint, PATIENCE_US, &event);
    if (event.kind != kind)
        fail_msg("event %d, not %d: %s", (int)event.kind, (int)kind, event.reason.text);
    if (reason && !strstr(event.reason.text, reason))
        fail_msg("'%s' does not say '%s'", event.reason.text, reason);
    msg_free(event.msg);
    return event.peer;
}

static inline void expect_nothing(struct endpoint *endpoint)
{
    struct wire_event event;
    next_event(endpoint, QUIET_US, &event);
    if (event.kind != WIRE_NONE)
        fail_msg("event %d: %s", (int)event.kind, event.reason.text);
}

/* The next event must be a message of this kind, the caller's to free. */
static inline struct msg *expect_msg(struct endpoint *endpoint, enum msg_kind kind, uint64_t *peer)
{
    struct wire_event event;
    next_event(endpoint, PATIENCE_US, &event);
    if (event.kind != WIRE_MESSAGE)
        fail_msg("event %d: %s", (int)event.kind, event.reason.text);
    assert_string_equal(msg_kind_name(event.msg->kind), msg_kind_name(kind));
    if (peer)
        *peer = event.peer;
    return event.msg;
}

/* A device that has said hello, and what the server calls it. */
static inline struct endpoint *join(struct endpoint *server, double timeout_s, uint64_t *peer)
{
    struct endpoint *device = connect_to(endpoint_address(server), timeout_s);
    send_example(device, 0, MSG_HELLO);
    msg_free(expect_msg(server, MSG_HELLO, peer));
    return device;
}

#endif
