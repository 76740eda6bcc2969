/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a raw ZeroMQ socket can send, and how the endpoint answers. */
#include "wire/endpoint.h"

#include <string.h>
#include <zmq.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/wire/endpoints.h"
#include "wire/codec.h"
#include "wire/piece.h"

struct raw {
    void *context, *socket;
};

static struct raw raw_open(int type)
{
    struct raw raw = {.context = zmq_ctx_new()};
    int zero = 0, patience_ms = PATIENCE_US / 1000;
    raw.socket = zmq_socket(raw.context, type);
    zmq_setsockopt(raw.socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(raw.socket, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms);
    return raw;
}

static void raw_close(struct raw *raw)
{
    zmq_close(raw->socket);
    zmq_ctx_term(raw->context);
}

static void raw_send_hello(struct raw *raw, const char *name)
{
    struct msg *msg = example(MSG_HELLO);
    strcpy(msg->hello.name, name);
    struct payload *control = msg_encode(msg);
    assert_true(zmq_send(raw->socket, payload_data(control), payload_bytes(control), 0) > 0);
    payload_drop(control);
    msg_free(msg);
}

/* The raw socket must be told MSG_ERROR, for this reason. */
static void raw_expect_error(struct raw *raw, const char *why)
{
    struct err err = ERR_INIT;
    char bytes[2048];
    int n = zmq_recv(raw->socket, bytes, sizeof bytes, 0);
    assert_true(n > 0);
    struct msg *msg = msg_decode(bytes, (size_t)n, NULL, 0, &err);
    if (!msg)
        fail_msg("%s", err.text);
    assert_int_equal(msg->kind, MSG_ERROR);
    if (!strstr(msg->error.reason, why))
        fail_msg("'%s' does not say '%s'", msg->error.reason, why);
    msg_free(msg);
}

struct frame {
    const char *bytes;
    size_t n;
};

static void raw_send(struct raw *raw, const struct frame *frames, int n_frames)
{
    for (int i = 0; i < n_frames; i++)
        assert_true(zmq_send(raw->socket, frames[i].bytes, frames[i].n,
                             i + 1 < n_frames ? ZMQ_SNDMORE : 0) >= 0);
}

static void malformed_messages_are_refused_and_their_sender_told(void **state)
{
    (void)state;
    static const char round_done[] = "\x3a\x02\x08\x01"; /* of round 1 */
    static char large[MSG_MAX_CONTROL + 1];
    const struct {
        struct frame frames[5];
        int n_frames;
        const char *why;
    } cases[] = {
        {{{"", 0}}, 1, "kind that is not known"},
        {{{"GET / HTTP/1.1\r\n", 16}}, 1, "malformed"},
        {{{large, sizeof large}}, 1, "at most 1048576"},
        {{{round_done, 4}, {"abc", 3}}, 2, "payload 1 is 3 bytes; a multiple of 4"},
        {{{round_done, 4}, {"abcd", 4}, {"abcd", 4}}, 3, "2 payloads; 0 to 1"},
        {{{round_done, 4}, {"abcd", 4}, {"abcd", 4}, {"", 0}}, 4, "4 frames; at most 3"},
        {{{round_done, 4}, {"", 0}, {"", 0}, {"", 0}, {"", 0}}, 5, "5 frames; at most 3"},
    };
    struct endpoint *server = listen_any(5);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct raw raw = raw_open(ZMQ_DEALER);
        assert_int_equal(zmq_connect(raw.socket, endpoint_address(server)), 0);
        raw_send(&raw, cases[i].frames, cases[i].n_frames);
        assert_int_equal(expect(server, WIRE_REFUSED, cases[i].why), i);
        raw_expect_error(&raw, cases[i].why);
        raw_close(&raw);
    }
    expect_nothing(server); /* no loss of peers that are to be forgotten */
    endpoint_close(server, 0);
}

static void a_refused_peer_is_ignored_and_others_are_not(void **state)
{
    (void)state;
    uint64_t peer;
    struct endpoint *server = listen_any(5);
    struct raw raw = raw_open(ZMQ_DEALER);
    assert_int_equal(zmq_connect(raw.socket, endpoint_address(server)), 0);
    zmq_send(raw.socket, "?", 1, 0);
    expect(server, WIRE_REFUSED, NULL);
    for (int i = 0; i < 200; i++)
        raw_send_hello(&raw, "again");
    struct endpoint *device = join(server, 5, &peer);
    send_example(server, peer, MSG_ROUND);
    msg_free(expect_msg(device, MSG_ROUND, NULL));
    expect_nothing(server);
    raw_close(&raw);
    endpoint_close(device, 0);
    endpoint_close(server, 0);
}

static void a_routing_id_of_ones_own_is_refused(void **state)
{
    (void)state;
    struct endpoint *server = listen_any(5);
    struct raw raw = raw_open(ZMQ_DEALER);
    zmq_setsockopt(raw.socket, ZMQ_ROUTING_ID, "pi-03", 5);
    assert_int_equal(zmq_connect(raw.socket, endpoint_address(server)), 0);
    raw_send_hello(&raw, "pi-03");
    expect(server, WIRE_REFUSED, "routing id");
    raw_expect_error(&raw, "routing id");
    raw_close(&raw);
    endpoint_close(server, 0);
}

static void a_device_refuses_a_malformed_server_too(void **state)
{
    (void)state;
    struct raw raw = raw_open(ZMQ_ROUTER);
    char address[256], id[256], hello[256];
    size_t n = sizeof address;
    assert_int_equal(zmq_bind(raw.socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(raw.socket, ZMQ_LAST_ENDPOINT, address, &n), 0);
    struct endpoint *device = connect_to(address, 5);
    send_example(device, 0, MSG_HELLO);
    int n_id = zmq_recv(raw.socket, id, sizeof id, 0);
    assert_true(n_id > 0 && zmq_recv(raw.socket, hello, sizeof hello, 0) > 0);
    zmq_send(raw.socket, id, (size_t)n_id, ZMQ_SNDMORE);
    zmq_send(raw.socket, "\xff", 1, 0);
    assert_int_equal(expect(device, WIRE_REFUSED, "malformed"), 0);
    assert_int_equal(zmq_recv(raw.socket, id, sizeof id, 0), n_id);
    raw_expect_error(&raw, "malformed");
    raw_close(&raw);
    expect_nothing(device);
    endpoint_close(device, 0);
}

static void raw_send_msg(struct raw *raw, struct msg *msg)
{
    struct payload *control = msg_encode(msg);
    zmq_send(raw->socket, payload_data(control), payload_bytes(control),
             msg->n_payloads ? ZMQ_SNDMORE : 0);
    for (int i = 0; i < msg->n_payloads; i++)
        zmq_send(raw->socket, payload_data(msg->payload[i]), payload_bytes(msg->payload[i]),
                 i + 1 < msg->n_payloads ? ZMQ_SNDMORE : 0);
    payload_drop(control);
    msg_free(msg);
}

/* 20 bytes go ahead, 8 more or less are owned up to. */
static void wrong_numbers_of_bytes_ahead_are_refused_and_their_sender_told(void **state)
{
    (void)state;
    struct endpoint *server = listen_any(5);
    for (int error = -8; error <= 8; error += 16) {
        struct raw raw = raw_open(ZMQ_DEALER);
        assert_int_equal(zmq_connect(raw.socket, endpoint_address(server)), 0);
        struct msg *msg = example(MSG_ACTIVATIONS);
        for (size_t offset = 0; offset < 20; offset += 5)
            raw_send_msg(&raw, piece_cut(msg, offset, 5));
        piece_rest(msg, (size_t)(20 + error));
        raw_send_msg(&raw, msg);
        const char *why = error < 0 ? "activations: 20 bytes came ahead of payload 1, not 12"
                                    : "activations: 20 bytes came ahead of payload 1, not 28";
        expect(server, WIRE_REFUSED, why);
        raw_expect_error(&raw, why);
        raw_close(&raw);
    }
    expect_nothing(server);
    endpoint_close(server, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_messages_are_refused_and_their_sender_told),
        cmocka_unit_test(a_refused_peer_is_ignored_and_others_are_not),
        cmocka_unit_test(a_routing_id_of_ones_own_is_refused),
        cmocka_unit_test(wrong_numbers_of_bytes_ahead_are_refused_and_their_sender_told),
        cmocka_unit_test(a_device_refuses_a_malformed_server_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
