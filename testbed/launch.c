/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/launch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/signal_fd.h"
#include "base/strbuf.h"
#include "netns/netns.h"
#include "testbed/children.h"
#include "testbed/promptness.h"

#define MAX_ADDRESS  256
#define GRACE_S      3.0 /* for processes to end once told */
#define STOP_GRACE_S 5.0 /* for the server to end the run in order */

struct launch {
    const struct experiment *e;
    const char *out_dir;
    bool is_quiet;
    char bin_dir[PATH_MAX]; /* where this program is, and the others with it */
    struct children children;
    struct netns
        netns; /* testbed.link netns: [n_devices], this process is in the hub; else empty */
    int stop_fd;
    bool is_stopping;   /* a signal came; the server was told */
    int64_t give_up_us; /* wall clock: what still runs then is ended; INT64_MAX: not set */
    int culprit;        /* index of the child whose failure explains the others'; -1: none */
};

static int find_programs(struct launch *launch, struct err *err)
{
    ssize_t n = readlink("/proc/self/exe", launch->bin_dir, sizeof launch->bin_dir - 1);
    if (n <= 0)
        return err_set_errno(err, "cannot find this program's folder");
    launch->bin_dir[n] = '\0';
    *strrchr(launch->bin_dir, '/') = '\0';
    return 0;
}

static bool has_namespaces(const struct launch *launch)
{
    return launch->netns.n_devices > 0;
}

/* A list for --netns. */
static char *netns_list(const struct netns *netns)
{
    struct strbuf list = STRBUF_INIT;
    for (int i = 0; i < netns->n_devices; i++)
        strbuf_addf(&list, "%s%d", i ? "," : "", netns->fds[i]);
    return list.text;
}

/* With the pipe's end, and with the devices' namespaces, for which it listens on every address of the hub. */
static int run_server(struct launch *launch, int ready_fd, struct err *err)
{
    const struct netns *netns = &launch->netns;
    char *program = mem_format("%s/splitbed-server", launch->bin_dir);
    char *config = mem_format("%s/config.yaml", launch->out_dir);
    char *fd = mem_format("%d", ready_fd);
    char *out = mem_string(launch->out_dir), *list = netns_list(netns);
    char option_out[] = "--out", option_fd[] = "--ready-fd", option_netns[] = "--netns",
         option_set[] = "--set", any_address[] = "testbed.listen=tcp://0.0.0.0:*",
         option_level[] = "--quiet";
    char *argv[12] = {program, config, option_out, out, option_fd, fd};
    size_t n = 6;
    if (launch->is_quiet)
        argv[n++] = option_level;
    if (has_namespaces(launch)) {
        char *const more[] = {option_netns, list, option_set, any_address};
        memcpy(&argv[n], more, sizeof more);
    }
    int *keep_fds = mem_zero((size_t)netns->n_devices + 1, sizeof *keep_fds);
    keep_fds[0] = ready_fd;
    for (int i = 0; i < netns->n_devices; i++)
        keep_fds[i + 1] = netns->fds[i];
    struct child_start start = {"the server", argv, keep_fds, netns->n_devices + 1, -1};
    int server = children_start(&launch->children, &start, err);
    free(keep_fds);
    free(program);
    free(config);
    free(fd);
    free(out);
    free(list);
    return server < 0 ? -1 : 0;
}

/* In *ready_fd where its address will come from. */
static int start_server(struct launch *launch, int *ready_fd, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return err_set_errno(err, "cannot make a pipe");
    int status = run_server(launch, ends[1], err);
    close(ends[1]);
    *ready_fd = ends[0];
    return status;
}

/* Where device i finds the server that listens at `address`. */
static char *address_for(const struct launch *launch, int i, const char *address)
{
    char host[INET_ADDRSTRLEN];
    if (!has_namespaces(launch))
        return mem_string(address);
    struct in_addr hub = netns_hub_address(i);
    return mem_format("tcp://%s%s", inet_ntop(AF_INET, &hub, host, sizeof host),
                      strrchr(address, ':'));
}

static int start_agents(struct launch *launch, const char *server_address, struct err *err)
{
    char *program = mem_format("%s/splitbed-agent", launch->bin_dir);
    char *log = mem_format("%s/log.txt", launch->out_dir);
    bool is_local = strcmp(launch->e->data.partition, "local") == 0;
    char *timeout = mem_format("%.17g s", launch->e->testbed.peer_timeout_s);
    char server_option[] = "--server", name_option[] = "--name", data_option[] = "--data",
         log_option[] = "--log", timeout_option[] = "--timeout", quiet_option[] = "--quiet";
    int status = 0;
    for (int i = 0; i < launch->e->n_devices && status >= 0; i++) {
        char *name = launch->e->devices[i].name;
        char *data = is_local ? mem_format("%s/%s", launch->e->data.dir, name)
                              : mem_string(launch->e->data.dir);
        char *address = address_for(launch, i, server_address);
        char *argv[] = {program,     server_option, address,    name_option, name,
                        data_option, data,          log_option, log,         timeout_option,
                        timeout,     quiet_option,  NULL};
        char *label = mem_format("device %s", name);
        struct child_start start = {label, argv, NULL, 0,
                                    has_namespaces(launch) ? launch->netns.fds[i] : -1};
        status = children_start(&launch->children, &start, err);
        free(address);
        free(label);
        free(data);
    }
    free(program);
    free(log);
    free(timeout);
    return status < 0 ? -1 : 0;
}

static const struct child *server_of(const struct launch *launch)
{
    return &launch->children.list[0];
}

static void set_give_up(struct launch *launch, double grace_s)
{
    int64_t then_us = clock_now_us() + (int64_t)(grace_s * 1e6);
    if (then_us < launch->give_up_us)
        launch->give_up_us = then_us;
}

/*
 * A process that dies takes others with it, and those may be seen to end before it: one that was killed
 * explains more than one that gave up, and the server more than a device.
 */
static int weight_of(const struct launch *launch, int i)
{
    if (i < 0)
        return 0;
    return 1 + (i == 0) + 2 * WIFSIGNALED(launch->children.list[i].wait_status);
}

static void blame(struct launch *launch, int i)
{
    char end[80];
    const struct child *child = &launch->children.list[i];
    bool is_news = weight_of(launch, i) > weight_of(launch, launch->culprit);
    log_debug("%s %s", child->name, child_describe_end(child, end, sizeof end));
    if (is_news)
        launch->culprit = i;
}

/* What has ended, and what that means for the others. */
static void look_after_children(struct launch *launch)
{
    bool *was_running = mem_zero(launch->children.n, sizeof *was_running);
    for (size_t i = 0; i < launch->children.n; i++)
        was_running[i] = launch->children.list[i].is_running;
    children_collect(&launch->children);
    for (size_t i = 0; i < launch->children.n; i++) {
        const struct child *child = &launch->children.list[i];
        if (!was_running[i] || child->is_running)
            continue;
        bool has_failed = !child_succeeded(child);
        if (has_failed)
            blame(launch, (int)i);
        if (i == 0) /* the server: the run is over */
            set_give_up(launch, GRACE_S);
        else if (has_failed) /* the server will notice, and end the run */
            set_give_up(launch, STOP_GRACE_S);
    }
    free(was_running);
}

/* Waits until something happens: input on fd (if >= 0), a child's end, a signal, or the time to give up. */
static void wait_for_events(struct launch *launch, int fd)
{
    struct pollfd polled[] = {{.fd = launch->children.exit_fd, .events = POLLIN},
                              {.fd = launch->is_stopping ? -1 : launch->stop_fd, .events = POLLIN},
                              {.fd = fd, .events = POLLIN}};
    int timeout_ms = -1;
    if (launch->give_up_us != INT64_MAX) {
        int64_t left_us = launch->give_up_us - clock_now_us();
        timeout_ms = left_us > 0 ? (int)(left_us / 1000 + 1) : 0;
    }
    poll(polled, ARRAY_LEN(polled), timeout_ms);
    look_after_children(launch);
    if (!launch->is_stopping && signal_fd_came(launch->stop_fd)) {
        launch->is_stopping = true;
        log_info("stopping: the server ends the run and keeps what is written");
        if (server_of(launch)->is_running)
            kill(server_of(launch)->pid, SIGINT);
        set_give_up(launch, STOP_GRACE_S);
    }
}

static bool should_go_on(const struct launch *launch)
{
    return children_n_running(&launch->children) > 0 && clock_now_us() < launch->give_up_us;
}

/* The address the server listens on, once it does. -1: it ended, or we were told to stop. */
static int read_address(struct launch *launch, int ready_fd, char *address, struct err *err)
{
    size_t n = 0;
    bool is_closed = false;
    while (should_go_on(launch) && server_of(launch)->is_running && !launch->is_stopping) {
        wait_for_events(launch, is_closed ? -1 : ready_fd);
        struct pollfd p = {.fd = ready_fd, .events = POLLIN};
        if (is_closed || poll(&p, 1, 0) <= 0)
            continue;
        ssize_t m = read(ready_fd, address + n, MAX_ADDRESS - 1 - n);
        if (m <= 0) {
            is_closed = true; /* it is about to end, and how says more */
            set_give_up(launch, GRACE_S);
            continue;
        }
        n += (size_t)m;
        address[n] = '\0';
        char *end = strchr(address, '\n');
        if (end) {
            *end = '\0';
            return 0;
        }
    }
    return err_set(err, "the server did not get ready");
}

static int supervise(struct launch *launch, struct err *err)
{
    int ready_fd = -1;
    char address[MAX_ADDRESS];
    setenv("OPENBLAS_NUM_THREADS", "1", 1); /* no pool of threads beside models/parallel.h */
    if (launch->e->testbed.models_compute)
        promptness_ask_for();
    if (start_server(launch, &ready_fd, err))
        return -1;
    int status = read_address(launch, ready_fd, address, err);
    close(ready_fd);
    if (!status)
        status = start_agents(launch, address, err);
    if (!status)
        while (should_go_on(launch))
            wait_for_events(launch, -1);
    else
        children_signal(&launch->children, SIGTERM);
    return status;
}

static int conclude(const struct launch *launch, int status, struct err *err)
{
    char end[80];
    const struct child *server = launch->children.n ? server_of(launch) : NULL;
    if (server && !server->is_running && child_succeeded(server))
        return 0; /* whatever came after the last round */
    if (launch->is_stopping)
        return err_set(err, "stopped by a signal; finished rounds and log.txt are in %s",
                       launch->out_dir);
    if (server && server->is_running)
        return err_set(err,
                       "the server does not answer any more; finished rounds and log.txt are in %s",
                       launch->out_dir);
    if (launch->culprit >= 0) {
        const struct child *child = &launch->children.list[launch->culprit];
        return err_set(err, "%s %s; finished rounds and log.txt are in %s", child->name,
                       child_describe_end(child, end, sizeof end), launch->out_dir);
    }
    return status ? status : err_set(err, "the server did not start");
}

int launch_run(const struct experiment *e, const struct launch_options *options, struct err *err)
{
    struct launch launch = {.e = e,
                            .out_dir = options->out_dir,
                            .is_quiet = options->is_quiet,
                            .stop_fd = options->stop_fd,
                            .give_up_us = INT64_MAX,
                            .culprit = -1};
    bool wants_namespaces = strcmp(e->testbed.link, "netns") == 0;
    if (find_programs(&launch, err) ||
        (wants_namespaces && netns_open(&launch.netns, e->n_devices, err)))
        return -1;
    if (children_init(&launch.children, err)) {
        netns_release(&launch.netns);
        return -1;
    }
    int status = supervise(&launch, err);
    look_after_children(&launch);
    status = conclude(&launch, status, err);
    children_release(&launch.children, GRACE_S);
    netns_release(&launch.netns);
    return status;
}
