/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A link between two real network namespaces, for the tests of netns/; skips the test where there can be none. */
#ifndef TESTS_NETNS_LINE_H
#define TESTS_NETNS_LINE_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "netns/buckets.h"
#include "netns/netns.h"
#include "netns/rtnetlink.h"

#define PORT        5555
#define DEADLINE_MS 20000 /* nothing here may take longer */

/* A device's link with a TCP connection from the hub over it. */
struct line {
    struct netns netns;
    struct buckets *buckets;
    int hub, device; /* ends of the connection */
};

static struct sockaddr_in address(struct in_addr host)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = host};
}

static int hub_fd(void)
{
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* The device listens, the hub connects: a socket belongs to the namespace it was made in. */
static void connect_line(struct line *line)
{
    int here = hub_fd(), one = 1;
    assert_int_equal(netns_enter(line->netns.fds[0]), 0);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(netns_enter(here), 0);
    struct sockaddr_in at = address(netns_device_address(0));
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    line->hub = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(line->hub, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    assert_int_equal(connect(line->hub, (struct sockaddr *)&at, sizeof at), 0);
    line->device = accept(listener, NULL, NULL);
    assert_true(line->device >= 0);
    close(listener);
    close(here);
}

/* Not connected yet. */
static void open_link(struct line *line)
{
    struct err err = ERR_INIT;
    if (netns_open(&line->netns, 1, &err)) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    line->buckets = buckets_open(line->netns.fds, 1, &err);
    if (!line->buckets)
        fail_msg("%s", err.text);
}

static void close_line(struct line *line)
{
    close(line->hub);
    close(line->device);
    buckets_close(line->buckets);
    netns_release(&line->netns);
}

static void set(struct line *line, double payload_bytes, double wall_s)
{
    struct err err = ERR_INIT;
    if (buckets_set(line->buckets, 0, BUCKET_HUB, payload_bytes, wall_s, &err))
        fail_msg("%s", err.text);
}

static inline void put(struct line *line, size_t n)
{
    char *zeros = mem_zero(n, 1);
    assert_int_equal(write(line->hub, zeros, n), n);
    free(zeros);
}

static inline void take(struct line *line, size_t n)
{
    char bytes[65536];
    struct pollfd p = {.fd = line->device, .events = POLLIN};
    while (n > 0) {
        if (poll(&p, 1, DEADLINE_MS) <= 0)
            fail_msg("%zu bytes did not come", n);
        ssize_t got = read(line->device, bytes, n < sizeof bytes ? n : sizeof bytes);
        assert_true(got > 0);
        n -= (size_t)got;
    }
}

/* Of the hub's end. */
static struct qdisc_state qdisc_state(enum rtnetlink_qdisc which)
{
    char name[NETNS_NAME_SIZE];
    struct err err = ERR_INIT;
    struct qdisc_state state;
    struct nl_sock *socket = rtnetlink_open(&err);
    unsigned if_index = if_nametoindex(netns_hub_interface(0, name));
    assert_int_equal(rtnetlink_qdisc_state(socket, if_index, which, &state), 0);
    nl_socket_free(socket);
    return state;
}

#endif
