/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages between endpoints, and waiting. */
#include "wire/endpoint.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"
#include "tests/wire/endpoints.h"
#include "wire/piece.h"

static void messages_of_every_kind_pass_both_ways(void **state)
{
    (void)state;
    uint64_t peer;
    struct endpoint *server = listen_any(5), *device = join(server, 5, &peer);
    for (int kind = MSG_HELLO; kind < MSG_N_KINDS; kind++) {
        if (kind == MSG_PIECE) /* never comes out by itself */
            continue;
        struct msg *sent = example((enum msg_kind)kind);
        send_example(server, peer, (enum msg_kind)kind);
        struct msg *msg = expect_msg(device, (enum msg_kind)kind, NULL);
        assert_int_equal(msg->n_payloads, sent->n_payloads);
        for (int i = 0; i < sent->n_payloads; i++)
            assert_memory_equal(payload_data(msg->payload[i]), payload_data(sent->payload[i]),
                                payload_bytes(sent->payload[i]));
        endpoint_send(device, 0, &msg);
        msg_free(expect_msg(server, (enum msg_kind)kind, NULL));
        msg_free(sent);
    }
    endpoint_close(device, 0);
    endpoint_close(server, 0);
}

/* The first n_ahead bytes in pieces of `step`, then the rest unless it is to be missing. */
static void send_in_pieces(struct endpoint *from, uint64_t to, struct payload *payload, size_t step,
                           size_t n_ahead, bool has_rest)
{
    struct msg *msg = msg_new(MSG_GRADIENT);
    msg->gradient = (struct msg_gradient){1, 0, 1, false};
    msg_attach(msg, payload_share(payload));
    for (size_t offset = 0; offset < n_ahead; offset += step) {
        struct msg *piece = piece_cut(msg, offset, step);
        endpoint_send(from, to, &piece);
    }
    if (has_rest) {
        piece_rest(msg, n_ahead);
        endpoint_send(from, to, &msg);
    }
    msg_free(msg);
}

static void messages_in_pieces_of_several_peers_arrive_whole(void **state)
{
    (void)state;
    enum { N = 3, STEPS = 100, STEP = 10001 };
    struct endpoint *server = listen_any(5), *device[N];
    struct payload *payload = example_payload(4 * 256000);
    uint64_t peer[N];
    for (int i = 0; i < N; i++)
        device[i] = join(server, 5, &peer[i]);
    for (int i = 0; i < N; i++) {
        send_in_pieces(device[i], 0, payload, STEP, (size_t)(STEPS * STEP), true);
        send_in_pieces(server, peer[i], payload, 4 * 256000, 4 * 256000, true);
    }
    for (int i = 0; i < 2 * N; i++) {
        struct msg *msg = expect_msg(i < N ? server : device[i - N], MSG_GRADIENT, NULL);
        assert_int_equal(payload_bytes(msg->payload[0]), payload_bytes(payload));
        assert_memory_equal(payload_data(msg->payload[0]), payload_data(payload),
                            payload_bytes(payload));
        msg_free(msg);
    }
    expect_nothing(server);
    for (int i = 0; i < N; i++)
        endpoint_close(device[i], 0);
    endpoint_close(server, 0);
    payload_drop(payload);
}

static void a_peer_lost_in_the_middle_of_a_message_leaves_nothing_of_it(void **state)
{
    (void)state;
    uint64_t peer;
    struct endpoint *server = listen_any(5), *device = join(server, 5, &peer);
    struct payload *payload = example_payload(4000);
    send_in_pieces(device, 0, payload, 100, 3000, false);
    endpoint_close(device, 5);
    assert_int_equal(expect(server, WIRE_LOST, NULL), peer);
    expect_nothing(server);
    endpoint_close(server, 0); /* asan: what had come is freed */
    payload_drop(payload);
}

static void sixteen_mebibytes_arrive_intact(void **state)
{
    (void)state;
    size_t n_bytes = (size_t)16 << 20;
    uint64_t peer;
    struct endpoint *server = listen_any(5), *device = join(server, 5, &peer);
    struct payload *payload = example_payload(n_bytes);
    for (int i = 0; i < 2; i++) {
        struct msg *msg = msg_new(MSG_GRADIENT);
        msg->gradient = (struct msg_gradient){1, 0, 64, false};
        msg_attach(msg, payload_share(payload));
        endpoint_send(server, peer, &msg);
    }
    for (int i = 0; i < 2; i++) {
        struct msg *msg = expect_msg(device, MSG_GRADIENT, NULL);
        assert_int_equal(payload_bytes(msg->payload[0]), n_bytes);
        assert_int_equal((uintptr_t)payload_data(msg->payload[0]) % 4, 0);
        assert_memory_equal(payload_data(msg->payload[0]), payload_data(payload), n_bytes);
        msg_free(msg);
    }
    payload_drop(payload);
    endpoint_close(device, 0);
    endpoint_close(server, 0);
}

static void payloads_of_every_size_are_aligned_and_intact(void **state)
{
    (void)state;
    uint64_t peer;
    struct endpoint *server = listen_any(5), *device = join(server, 5, &peer);
    for (size_t n_bytes = 4; n_bytes < 20000; n_bytes += n_bytes / 3 / 4 * 4 + 4) {
        struct msg *msg = msg_new(MSG_ROUND_DONE);
        struct payload *sent = example_payload(n_bytes);
        msg->round_done.round = 1;
        msg_attach(msg, payload_share(sent));
        endpoint_send(device, 0, &msg);
        msg = expect_msg(server, MSG_ROUND_DONE, NULL);
        assert_int_equal((uintptr_t)payload_data(msg->payload[0]) % 4, 0);
        assert_int_equal(payload_bytes(msg->payload[0]), n_bytes);
        assert_memory_equal(payload_data(msg->payload[0]), payload_data(sent), n_bytes);
        msg_free(msg);
        payload_drop(sent);
    }
    endpoint_close(device, 0);
    endpoint_close(server, 0);
}

static void count(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void one_payload_goes_to_several_peers(void **state)
{
    (void)state;
    enum { N = 4 };
    atomic_int n_released = 0;
    struct endpoint *server = listen_any(5), *device[N];
    uint64_t peer[N];
    size_t n_bytes = (size_t)1 << 20;
    struct payload *data = example_payload(n_bytes);
    struct payload *lent = payload_lend(payload_data(data), n_bytes, count, &n_released);
    for (int i = 0; i < N; i++)
        device[i] = join(server, 5, &peer[i]);
    for (int i = 0; i < N; i++) {
        struct msg *msg = msg_new(MSG_GRADIENT);
        msg->gradient = (struct msg_gradient){1, 0, 64, true};
        msg_attach(msg, payload_share(lent));
        endpoint_send(server, peer[i], &msg);
    }
    payload_drop(lent);
    for (int i = 0; i < N; i++) {
        struct msg *msg = expect_msg(device[i], MSG_GRADIENT, NULL);
        assert_memory_equal(payload_data(msg->payload[0]), payload_data(data), n_bytes);
        msg_free(msg);
        endpoint_close(device[i], 0);
    }
    endpoint_close(server, 0);
    assert_int_equal(atomic_load(&n_released), 1);
    payload_drop(data);
}

static void closing_frees_what_was_lent_even_if_nobody_takes_it(void **state)
{
    (void)state;
    atomic_int n_released = 0;
    struct endpoint *device = connect_to("tcp://127.0.0.1:1", 5);
    struct msg *msg = msg_new(MSG_ROUND_DONE);
    msg->round_done.round = 1;
    msg_attach(msg, payload_lend("abcd", 4, count, &n_released));
    endpoint_send(device, 0, &msg);
    assert_int_equal(atomic_load(&n_released), 0);
    endpoint_close(device, 0.05);
    assert_int_equal(atomic_load(&n_released), 1);
}

static void closing_lets_the_last_messages_leave(void **state)
{
    (void)state;
    uint64_t peer;
    struct endpoint *server = listen_any(5), *device = join(server, 5, &peer);
    for (int i = 0; i < 3; i++)
        send_example(server, peer, MSG_ROUND);
    send_example(server, peer, MSG_STOP);
    endpoint_close(server, 5);
    for (int i = 0; i < 3; i++)
        msg_free(expect_msg(device, MSG_ROUND, NULL));
    msg_free(expect_msg(device, MSG_STOP, NULL));
    expect(device, WIRE_LOST, "the connection is gone");
    endpoint_close(device, 0);
}

static void messages_received_outlive_the_endpoint(void **state)
{
    (void)state;
    uint64_t peer;
    struct endpoint *server = listen_any(5), *device = join(server, 5, &peer);
    send_example(device, 0, MSG_ACTIVATIONS);
    struct msg *msg = expect_msg(server, MSG_ACTIVATIONS, NULL), *like = example(MSG_ACTIVATIONS);
    endpoint_close(device, 0);
    endpoint_close(server, 0);
    assert_memory_equal(payload_data(msg->payload[1]), payload_data(like->payload[1]), 16);
    msg_free(msg);
    msg_free(like);
}

static void waiting_ends_on_time_to_less_than_a_millisecond(void **state)
{
    (void)state;
    struct endpoint *server = listen_any(5);
    struct wire_event event;
    int64_t least_us = INT64_MAX;
    for (int i = 0; i < 20; i++) {
        int64_t start_us = clock_now_us();
        next_event(server, 1500, &event);
        int64_t took_us = clock_now_us() - start_us;
        assert_int_equal(event.kind, WIRE_NONE);
        assert_true(took_us >= 1500);
        least_us = took_us < least_us ? took_us : least_us;
    }
    assert_true(least_us < 2000);
    next_event(server, 0, &event);
    assert_int_equal(event.kind, WIRE_NONE);
    endpoint_close(server, 0);
}

static void a_watched_descriptor_ends_the_waiting(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct endpoint *server = listen_any(5);
    struct wire_event event;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_int_equal(endpoint_wait(server, -1, fds[0], &event, &err), 0);
    assert_int_equal(event.kind, WIRE_NONE);
    close(fds[0]);
    close(fds[1]);
    endpoint_close(server, 0);
}

static void nothing(int number)
{
    (void)number;
}

static void a_signal_ends_the_waiting(void **state)
{
    (void)state;
    struct endpoint *server = listen_any(5);
    struct wire_event event;
    struct sigaction action = {.sa_handler = nothing}, before;
    struct itimerval again = {{0, 20000}, {0, 20000}}, off = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &again, NULL);
    next_event(server, -1, &event);
    setitimer(ITIMER_REAL, &off, NULL);
    sigaction(SIGALRM, &before, NULL);
    assert_int_equal(event.kind, WIRE_NONE);
    endpoint_close(server, 0);
}

static void bad_addresses_are_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_null(endpoint_listen("nonsense", 5, &err));
    assert_string_equal(err.text, "cannot listen at 'nonsense': Invalid argument");
    assert_null(endpoint_connect("tcp://127.0.0.1", 5, &err));
    assert_non_null(strstr(err.text, "cannot connect to 'tcp://127.0.0.1': "));
    assert_null(endpoint_listen("tcp://127.0.0.1:*", 0, &err));
    assert_string_equal(err.text, "timeout of 0 s; a number > 0 is wanted");
    struct endpoint *server = listen_any(5);
    assert_null(endpoint_listen(endpoint_address(server), 5, &err));
    assert_non_null(strstr(err.text, "Address already in use"));
    endpoint_close(server, 0);
    endpoint_close(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_every_kind_pass_both_ways),
        cmocka_unit_test(messages_in_pieces_of_several_peers_arrive_whole),
        cmocka_unit_test(a_peer_lost_in_the_middle_of_a_message_leaves_nothing_of_it),
        cmocka_unit_test(sixteen_mebibytes_arrive_intact),
        cmocka_unit_test(payloads_of_every_size_are_aligned_and_intact),
        cmocka_unit_test(one_payload_goes_to_several_peers),
        cmocka_unit_test(closing_frees_what_was_lent_even_if_nobody_takes_it),
        cmocka_unit_test(closing_lets_the_last_messages_leave),
        cmocka_unit_test(messages_received_outlive_the_endpoint),
        cmocka_unit_test(waiting_ends_on_time_to_less_than_a_millisecond),
        cmocka_unit_test(a_watched_descriptor_ends_the_waiting),
        cmocka_unit_test(a_signal_ends_the_waiting),
        cmocka_unit_test(bad_addresses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
