/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How connections end, and what each side hears of it. */
#include "wire/endpoint.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"
#include "tests/wire/endpoints.h"
#include "wire/codec.h"

/*
 * A device as a process of its own. Forked before the parent makes its context (ZeroMQ does not survive a
 * fork), so the address is told through a pipe. It says hello and then does nothing.
 */
struct child {
    pid_t pid;
    int address_fd;
};

static void child_main(int address_fd)
{
    char address[256] = "";
    struct wire_event event;
    struct err err;
    if (read(address_fd, address, sizeof address - 1) <= 0)
        _exit(1);
    struct endpoint *device = endpoint_connect(address, 10, &err);
    struct msg *msg = example(MSG_HELLO);
    if (!device)
        _exit(1);
    endpoint_send(device, 0, &msg);
    for (;;)
        endpoint_wait(device, -1, -1, &event, &err);
}

static struct child fork_device(void)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[1]);
        child_main(fds[0]);
    }
    close(fds[0]);
    return (struct child){pid, fds[1]};
}

static void tell_address(struct child *child, struct endpoint *server)
{
    const char *address = endpoint_address(server);
    assert_int_equal(write(child->address_fd, address, strlen(address)), strlen(address));
    close(child->address_fd);
}

static void end_child(struct child *child)
{
    kill(child->pid, SIGKILL);
    assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
}

static void a_killed_peer_is_lost_within_a_second(void **state)
{
    (void)state;
    uint64_t peer;
    struct child child = fork_device();
    struct endpoint *server = listen_any(10);
    tell_address(&child, server);
    msg_free(expect_msg(server, MSG_HELLO, &peer));
    int64_t start_us = clock_now_us();
    end_child(&child);
    assert_int_equal(expect(server, WIRE_LOST, "the connection is gone"), peer);
    assert_true(clock_now_us() - start_us < 1000000);
    expect_nothing(server);
    endpoint_close(server, 0);
}

static void a_stopped_peer_is_lost_after_the_timeout(void **state)
{
    (void)state;
    uint64_t peer;
    struct child child = fork_device();
    struct endpoint *server = listen_any(0.4);
    tell_address(&child, server);
    msg_free(expect_msg(server, MSG_HELLO, &peer));
    int64_t start_us = clock_now_us();
    kill(child.pid, SIGSTOP);
    assert_int_equal(expect(server, WIRE_LOST, "no sign of life for 0.4 s"), peer);
    int64_t took_us = clock_now_us() - start_us;
    assert_true(took_us > 100000 && took_us < 3000000);
    end_child(&child);
    endpoint_close(server, 0);
}

static void an_idle_peer_is_kept_by_its_heartbeats(void **state)
{
    (void)state;
    uint64_t peer;
    struct endpoint *server = listen_any(0.2), *device = join(server, 0.2, &peer);
    struct wire_event event;
    next_event(server, 600000, &event);
    assert_int_equal(event.kind, WIRE_NONE);
    send_example(server, peer, MSG_ROUND);
    msg_free(expect_msg(device, MSG_ROUND, NULL));
    endpoint_close(device, 0);
    endpoint_close(server, 0);
}

static void last_messages_come_before_the_loss(void **state)
{
    (void)state;
    uint64_t peer;
    struct endpoint *server = listen_any(5), *device = join(server, 5, &peer);
    for (int i = 0; i < 5; i++)
        send_example(device, 0, MSG_READY);
    send_example(device, 0, MSG_ERROR);
    endpoint_close(device, 5);
    send_example(server, peer, MSG_ROUND); /* to nobody: told by the same loss */
    for (int i = 0; i < 5; i++)
        msg_free(expect_msg(server, MSG_READY, NULL));
    msg_free(expect_msg(server, MSG_ERROR, NULL));
    assert_int_equal(expect(server, WIRE_LOST, NULL), peer);
    send_example(server, peer, MSG_ROUND);
    expect_nothing(server);
    endpoint_close(server, 0);
}

static void a_flood_does_not_hide_the_loss_of_another(void **state)
{
    (void)state;
    enum { N = 4, EACH = ENDPOINT_QUEUE - 14 };
    struct endpoint *server = listen_any(5), *flood[N];
    struct wire_event event = {.kind = WIRE_MESSAGE};
    int n_messages = 0;
    uint64_t peer;
    for (int i = 0; i < N; i++)
        flood[i] = join(server, 5, &peer);
    endpoint_close(join(server, 5, &peer), 0);
    for (int i = 0; i < N * EACH; i++)
        send_example(flood[i % N], 0, MSG_READY);
    expect_nothing(flood[0]); /* meanwhile they pile up at the server */
    while (event.kind == WIRE_MESSAGE && ++n_messages <= N * EACH) {
        next_event(server, PATIENCE_US, &event);
        msg_free(event.msg);
    }
    assert_int_equal(event.kind, WIRE_LOST);
    assert_int_equal(event.peer, peer);
    for (int i = 0; i < N; i++)
        endpoint_close(flood[i], 0);
    endpoint_close(server, 0);
}

static void each_of_many_short_lives_ends_once(void **state)
{
    (void)state;
    enum { N = 25 };
    int n_messages[N] = {0}, n_losses[N] = {0};
    struct endpoint *server = listen_any(5);
    /* One after the other while the server looks elsewhere: they all use the same descriptor. */
    for (int i = 0; i < N; i++) {
        struct endpoint *device = connect_to(endpoint_address(server), 5);
        send_example(device, 0, MSG_HELLO);
        send_example(device, 0, MSG_READY);
        endpoint_close(device, 5);
    }
    for (int i = 0; i < 3 * N; i++) {
        struct wire_event event;
        next_event(server, PATIENCE_US, &event);
        assert_true(event.peer < N);
        assert_int_equal(n_losses[event.peer], 0);
        if (event.kind == WIRE_MESSAGE)
            assert_int_equal(event.msg->kind, n_messages[event.peer]++ ? MSG_READY : MSG_HELLO);
        else
            n_losses[event.peer] += event.kind == WIRE_LOST;
        msg_free(event.msg);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(n_messages[i], 2);
        assert_int_equal(n_losses[i], 1);
    }
    expect_nothing(server);
    endpoint_close(server, 0);
}

static void a_connection_that_never_spoke_makes_no_event(void **state)
{
    (void)state;
    uint64_t peer;
    struct endpoint *server = listen_any(5);
    struct endpoint *silent = connect_to(endpoint_address(server), 5);
    struct endpoint *device = join(server, 5, &peer);
    expect_nothing(silent);
    endpoint_close(silent, 0);
    expect_nothing(server);
    send_example(device, 0, MSG_READY);
    msg_free(expect_msg(server, MSG_READY, NULL));
    endpoint_close(device, 0);
    endpoint_close(server, 0);
}

static void a_device_that_comes_back_is_a_new_peer(void **state)
{
    (void)state;
    uint64_t first, second;
    struct endpoint *server = listen_any(5);
    endpoint_close(join(server, 5, &first), 0);
    assert_int_equal(expect(server, WIRE_LOST, NULL), first);
    struct endpoint *device = join(server, 5, &second);
    assert_int_not_equal(first, second);
    send_example(server, second, MSG_ROUND);
    msg_free(expect_msg(device, MSG_ROUND, NULL));
    endpoint_close(device, 0);
    endpoint_close(server, 0);
}

static void count(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void a_peer_that_does_not_read_is_lost_and_memory_stays_bounded(void **state)
{
    (void)state;
    struct endpoint *server = listen_any(10);
    void *context = zmq_ctx_new(), *raw = zmq_socket(context, ZMQ_DEALER);
    int one = 1, zero = 0, n_sent = 0;
    uint64_t peer;
    zmq_setsockopt(raw, ZMQ_RCVHWM, &one, sizeof one);
    zmq_setsockopt(raw, ZMQ_LINGER, &zero, sizeof zero);
    assert_int_equal(zmq_connect(raw, endpoint_address(server)), 0);
    struct msg *hello = example(MSG_HELLO);
    struct payload *control = msg_encode(hello);
    zmq_send(raw, payload_data(control), payload_bytes(control), 0);
    payload_drop(control);
    msg_free(hello);
    msg_free(expect_msg(server, MSG_HELLO, &peer));

    size_t n_bytes = (size_t)256 << 10;
    char *memory = mem_zero(n_bytes, 1);
    atomic_int n_released = 0;
    int most_held = 0;
    struct wire_event event = {.kind = WIRE_NONE};
    while (event.kind == WIRE_NONE && n_sent < 5000) {
        struct msg *msg = msg_new(MSG_ROUND);
        msg->round.round = (uint32_t)++n_sent;
        msg->round.cut = 1;
        msg_attach(msg, payload_lend(memory, n_bytes, count, &n_released));
        endpoint_send(server, peer, &msg);
        int n_held = n_sent - atomic_load(&n_released);
        most_held = n_held > most_held ? n_held : most_held;
        next_event(server, 0, &event);
    }
    assert_int_equal(event.kind, WIRE_LOST);
    assert_int_equal(event.peer, peer);
    assert_non_null(strstr(event.reason.text, "does not take its messages"));
    assert_true(most_held <= ENDPOINT_QUEUE + 4);
    expect_nothing(server);
    zmq_close(raw);
    zmq_ctx_term(context);
    expect_nothing(server);
    endpoint_close(server, 0);
    assert_int_equal(atomic_load(&n_released), n_sent);
    free(memory);
}

static void a_device_hears_when_the_server_vanishes(void **state)
{
    (void)state;
    uint64_t peer;
    struct endpoint *server = listen_any(5), *device = join(server, 5, &peer);
    endpoint_close(server, 0);
    assert_int_equal(expect(device, WIRE_LOST, "the connection is gone"), 0);
    send_example(device, 0, MSG_READY);
    expect_nothing(device);
    endpoint_close(device, 5); /* nothing to linger for */
}

/* A plain socket listening at 127.0.0.1; *port 0: any. */
static int listen_tcp(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t n = sizeof at;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 5), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
    *port = ntohs(at.sin_port);
    return listener;
}

static void a_device_does_not_connect_again(void **state)
{
    (void)state;
    uint64_t peer;
    struct endpoint *server = listen_any(5), *device = join(server, 5, &peer);
    int port = atoi(strrchr(endpoint_address(server), ':') + 1);
    endpoint_close(server, 0);
    expect(device, WIRE_LOST, NULL);
    expect_nothing(device);
    struct pollfd listener = {.fd = listen_tcp(&port), .events = POLLIN};
    assert_int_equal(poll(&listener, 1, 300), 0);
    close(listener.fd);
    endpoint_close(device, 0);
}

static void nobody_listening_is_a_loss_after_the_timeout(void **state)
{
    (void)state;
    int64_t start_us = clock_now_us();
    struct endpoint *device = connect_to("tcp://127.0.0.1:1", 0.2);
    send_example(device, 0, MSG_HELLO);
    assert_int_equal(expect(device, WIRE_LOST, "no connection to tcp://127.0.0.1:1 within 0.2 s"),
                     0);
    int64_t took_us = clock_now_us() - start_us;
    assert_true(took_us >= 200000 && took_us < 2000000);
    expect_nothing(device);
    endpoint_close(device, 0);
}

static void a_server_that_starts_later_is_reached(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct endpoint *server = listen_any(5);
    char *address = mem_string(endpoint_address(server));
    endpoint_close(server, 0);
    struct endpoint *device = connect_to(address, 10);
    send_example(device, 0, MSG_HELLO);
    expect_nothing(device);
    server = endpoint_listen(address, 5, &err);
    if (!server)
        fail_msg("%s", err.text);
    msg_free(expect_msg(server, MSG_HELLO, NULL));
    endpoint_close(device, 0);
    endpoint_close(server, 0);
    free(address);
}

static void a_listener_that_is_no_zeromq_is_named_so(void **state)
{
    (void)state;
    static const char nonsense[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
                                   "................................................";
    char address[64];
    int port = 0, listener = listen_tcp(&port);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", port);
    struct endpoint *device = connect_to(address, 0.4);
    int fd = accept(listener, NULL, NULL);
    assert_true(write(fd, nonsense, sizeof nonsense) > 0);
    close(fd);
    expect(device, WIRE_LOST, "does not speak ZeroMQ");
    close(listener);
    endpoint_close(device, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_peer_is_lost_within_a_second),
        cmocka_unit_test(a_stopped_peer_is_lost_after_the_timeout),
        cmocka_unit_test(an_idle_peer_is_kept_by_its_heartbeats),
        cmocka_unit_test(last_messages_come_before_the_loss),
        cmocka_unit_test(a_flood_does_not_hide_the_loss_of_another),
        cmocka_unit_test(each_of_many_short_lives_ends_once),
        cmocka_unit_test(a_connection_that_never_spoke_makes_no_event),
        cmocka_unit_test(a_device_that_comes_back_is_a_new_peer),
        cmocka_unit_test(a_peer_that_does_not_read_is_lost_and_memory_stays_bounded),
        cmocka_unit_test(a_device_hears_when_the_server_vanishes),
        cmocka_unit_test(a_device_does_not_connect_again),
        cmocka_unit_test(nobody_listening_is_a_loss_after_the_timeout),
        cmocka_unit_test(a_server_that_starts_later_is_reached),
        cmocka_unit_test(a_listener_that_is_no_zeromq_is_named_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
