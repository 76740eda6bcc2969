/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Real namespaces, links and buckets, where the tests run as root on a kernel that has them; elsewhere those tests
 * are skipped and say why. This process moves into a namespace of its own.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
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
#include <sys/wait.h>
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

static void open_line(struct line *line)
{
    struct err err = ERR_INIT;
    if (netns_open(&line->netns, 1, &err)) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    line->buckets = buckets_open(line->netns.fds, 1, &err);
    if (!line->buckets)
        fail_msg("%s", err.text);
    connect_line(line);
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

static void put(struct line *line, size_t n)
{
    char *zeros = mem_zero(n, 1);
    assert_int_equal(write(line->hub, zeros, n), n);
    free(zeros);
}

static void take(struct line *line, size_t n)
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

static double passed_bytes(void)
{
    char name[NETNS_NAME_SIZE];
    struct err err = ERR_INIT;
    struct qdisc_state state;
    struct nl_sock *socket = rtnetlink_open(&err);
    unsigned if_index = if_nametoindex(netns_hub_interface(0, name));
    assert_int_equal(rtnetlink_qdisc_state(socket, if_index, &state), 0);
    nl_socket_free(socket);
    return (double)state.passed_bytes;
}

static void links_have_addresses_of_their_own(void **state)
{
    (void)state;
    char text[INET_ADDRSTRLEN], name[NETNS_NAME_SIZE];
    struct in_addr hub = netns_hub_address(70), device = netns_device_address(70);
    assert_string_equal(inet_ntop(AF_INET, &hub, text, sizeof text), "10.0.1.25");
    assert_string_equal(inet_ntop(AF_INET, &device, text, sizeof text), "10.0.1.26");
    hub = netns_hub_address(NETNS_MAX_DEVICES - 1);
    assert_string_equal(inet_ntop(AF_INET, &hub, text, sizeof text), "10.255.255.253");
    assert_string_equal(netns_hub_interface(NETNS_MAX_DEVICES - 1, name), "d4194303");
}

static void the_kernel_counts_what_the_arithmetic_says(void **state)
{
    (void)state;
    struct line line;
    open_line(&line);
    double before = passed_bytes(), payload = 200000;
    set(&line, payload, 0.02);
    put(&line, (size_t)payload + TBF_MESSAGE_BYTES);
    take(&line, (size_t)payload + TBF_MESSAGE_BYTES);
    double counted = passed_bytes() - before;
    double wanted = tbf_message_bytes(payload);
    assert_true(counted > 0.99 * wanted && counted < 1.01 * wanted);
    close_line(&line);
}

static void both_ends_of_a_link_can_be_set(void **state)
{
    (void)state;
    struct line line;
    struct err err = ERR_INIT;
    open_line(&line);
    assert_int_equal(buckets_set(line.buckets, 0, BUCKET_DEVICE, 1e6, 1, &err), 0);
    assert_int_equal(buckets_set(line.buckets, 0, BUCKET_HUB, 1e6, 1, &err), 0);
    close_line(&line);
}

/* A token bucket never lets a piece pass that is larger than it is. */
static void a_slower_bucket_does_not_stop_what_is_queued(void **state)
{
    (void)state;
    struct line line;
    open_line(&line);
    for (int i = 0; i < 20; i++) {
        set(&line, 60000, 0.004);
        put(&line, 60000);
        set(&line, 2000, 0.2);
        put(&line, 2000);
        take(&line, 62000);
    }
    close_line(&line);
}

static void descriptors_that_are_no_namespaces_are_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int fds[] = {STDIN_FILENO};
    assert_null(buckets_open(fds, 1, &err));
    assert_non_null(strstr(err.text, "device 0: descriptor 0 is no network namespace"));
}

/* What the kernel says of its own build: 'y', 'm', 'n', or '?' when it does not say. */
static char built_with_netem(void)
{
    char line[64] = "";
    FILE *config = popen("zcat /proc/config.gz 2>/dev/null | grep NET_SCH_NETEM", "r");
    assert_non_null(config);
    bool is_said = fgets(line, sizeof line, config);
    pclose(config);
    if (!is_said)
        return access("/proc/config.gz", R_OK) ? '?' : 'n';
    return strstr(line, "=y") ? 'y' : strstr(line, "=m") ? 'm' : 'n';
}

static void netem_is_found_where_the_kernel_is_built_with_it(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int answer = netns_has_netem(&err);
    if (answer < 0) {
        printf("skipped: %s\n", err.text);
        skip();
    }
    char built = built_with_netem();
    if (built == 'y' || built == 'n') /* a module may not be installed */
        assert_int_equal(answer, built == 'y');
    assert_int_equal(netns_has_netem(&err), answer);
}

/* "net:[4026531840]", its interfaces, and this process's open files */
static char *own_network(void)
{
    char *text = mem_zero(1, 4096);
    char *command = mem_format("readlink /proc/self/ns/net; cut -d: -f1 /proc/net/dev; "
                               "ls /proc/%d/fd | wc -l",
                               (int)getpid());
    FILE *output = popen(command, "r");
    free(command);
    assert_non_null(output);
    assert_true(fread(text, 1, 4095, output) > 0);
    pclose(output);
    return text;
}

static void looking_for_netem_leaves_nothing_behind(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    /* Links of the tests before this one go a little later, by themselves: not from a new namespace. */
    if (unshare(CLONE_NEWNET)) {
        printf("skipped: this process may not make network namespaces\n");
        skip();
    }
    char *before = own_network();
    if (netns_has_netem(&err) < 0) {
        printf("skipped: %s\n", err.text);
        free(before);
        skip();
    }
    char *after = own_network();
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* In a child that gives up being root. */
static void without_root_the_reason_is_clear(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct netns netns;
        struct err err = ERR_INIT;
        if (getuid() == 0 && setuid(65534))
            _exit(1);
        if (netns_open(&netns, 1, &err) == 0 || !strstr(err.text, "needs root"))
            _exit(2);
        _exit(netns_has_netem(&err) >= 0 || !strstr(err.text, "needs root") ? 3 : 0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_have_addresses_of_their_own),
        cmocka_unit_test(the_kernel_counts_what_the_arithmetic_says),
        cmocka_unit_test(both_ends_of_a_link_can_be_set),
        cmocka_unit_test(a_slower_bucket_does_not_stop_what_is_queued),
        cmocka_unit_test(descriptors_that_are_no_namespaces_are_refused),
        cmocka_unit_test(netem_is_found_where_the_kernel_is_built_with_it),
        cmocka_unit_test(looking_for_netem_leaves_nothing_behind),
        cmocka_unit_test(without_root_the_reason_is_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
