/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/server_loop.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/signal_fd.h"
#include "edge-server/framework.h"
#include "edge-server/run.h"
#include "link/shaper.h"
#include "models/net.h"
#include "wire/endpoint.h"

#define LINGER_S            2.0
#define CLOCK_EVERY_WALL_US 1e7
#define REMIND_EVERY_US     5000000 /* of devices that have not come yet */

/* All that the server's process holds; each member is NULL or zero until it is there. */
struct loop {
    const struct server_options *options;
    const struct experiment *e;
    struct run run;
    struct server *server;
    struct endpoint *endpoint;
    const struct link_kind *link;
    void *links; /* of a link kind that paces elsewhere */
    int stop_fd;
    int64_t reminded_us;
};

static double modelled_now_us(const struct loop *loop)
{
    return (double)clock_now_us() / loop->e->testbed.time_scale;
}

static int announce(struct loop *loop, struct err *err)
{
    if (loop->options->ready_fd < 0)
        return 0;
    char *line = mem_format("%s\n", endpoint_address(loop->endpoint));
    ssize_t n = (ssize_t)strlen(line);
    int status = write(loop->options->ready_fd, line, (size_t)n) == n
                     ? 0
                     : err_set_errno(err, "cannot announce the address");
    free(line);
    return status;
}

/* Nothing when there are none: nobody has to wonder then. */
static void log_impairments(const struct loop *loop)
{
    if (!link_is_impaired(loop->e))
        return;
    char *line = loop->link->tell_impairments(loop->links);
    log_info("testbed.link %s: %s", loop->link->name, line);
    free(line);
}

/* testbed.link netns: the buckets of every link. */
static int open_links(struct loop *loop, struct err *err)
{
    struct link_request request = {loop->e, loop->options->netns_fds};
    loop->link = link_kind_find(loop->e->testbed.link);
    if (!loop->link || !loop->link->open) /* server_new() has a word to say of a kind unknown */
        return 0;
    loop->links = loop->link->open(&request, err);
    if (!loop->links)
        return -1;
    log_impairments(loop);
    return 0;
}

static int prepare(struct loop *loop, struct err *err)
{
    double time_scale = loop->e->testbed.time_scale;
    net_set_threads(loop->e->server.threads);
    if (open_links(loop, err) || run_open(&loop->run, loop->e, loop->options->out_dir, err))
        return -1;
    loop->run.inputs.step_us = SHAPER_STEP_WALL_US / time_scale;
    loop->run.inputs.loses_frames = loop->links && loop->link->loses_frames(loop->links);
    loop->run.inputs.clock_every_us = CLOCK_EVERY_WALL_US / time_scale;
    if (!(loop->server = server_new(&loop->run.inputs, err)))
        return -1;
    loop->endpoint = endpoint_listen(loop->e->testbed.listen, loop->e->testbed.peer_timeout_s, err);
    if (!loop->endpoint || (loop->stop_fd = signal_fd_open_stop(err)) < 0)
        return -1;
    log_info("%s", framework_find(loop->e->training.framework)->help);
    log_info("listening on %s for %d devices", endpoint_address(loop->endpoint),
             loop->e->n_devices);
    return announce(loop, err);
}

static void take_event(struct loop *loop, struct wire_event *event)
{
    switch (event->kind) {
    case WIRE_NONE:
        return;
    case WIRE_MESSAGE:
        server_receive(loop->server, event->peer, &event->msg, modelled_now_us(loop));
        return;
    case WIRE_REFUSED:
        log_warn("refused a message: %s", event->reason.text);
        server_lost(loop->server, event->peer, event->reason.text);
        return;
    case WIRE_LOST:
        log_debug("lost a connection: %s", event->reason.text);
        server_lost(loop->server, event->peer, event->reason.text);
        return;
    }
}

/* A link that cannot be set ends the run; the messages that wait go all the same. */
static void set_links(struct loop *loop)
{
    const struct link_pace *pace;
    struct err err = ERR_INIT;
    double time_scale = loop->e->testbed.time_scale;
    while ((pace = server_next_pace(loop->server)))
        if (loop->link->set_pace(loop->links, pace, time_scale, &err))
            server_stop(loop->server, err.text);
}

static void send_all(struct loop *loop)
{
    uint64_t peer;
    struct msg *msg;
    set_links(loop);
    while ((msg = server_next_message(loop->server, &peer)))
        endpoint_send(loop->endpoint, peer, &msg);
}

/* While devices are missing, says so from time to time. */
static void watch_gathering(struct loop *loop)
{
    int64_t now_us = clock_now_us();
    if (server_state(loop->server) != SERVER_GATHERING) {
        run_start(&loop->run);
    } else if (now_us - loop->reminded_us >= REMIND_EVERY_US) {
        loop->reminded_us = now_us;
        log_info("%d of %d devices are ready; waiting for %s", server_n_ready(loop->server),
                 loop->e->n_devices, server_missing(loop->server));
    }
}

static int64_t wait_us(const struct loop *loop)
{
    double wake_us = server_wake_us(loop->server);
    if (isinf(wake_us))
        return REMIND_EVERY_US;
    double left_us = ceil(wake_us * loop->e->testbed.time_scale) - (double)clock_now_us();
    return left_us > 0 ? (int64_t)left_us : 0;
}

static int train(struct loop *loop, struct err *err)
{
    loop->reminded_us = clock_now_us();
    while (server_state(loop->server) != SERVER_DONE &&
           server_state(loop->server) != SERVER_FAILED) {
        struct wire_event event = {.kind = WIRE_NONE};
        if (endpoint_wait(loop->endpoint, wait_us(loop), loop->stop_fd, &event, err))
            return -1;
        if (signal_fd_came(loop->stop_fd))
            server_stop(loop->server, "stopped by a signal");
        take_event(loop, &event);
        msg_free(event.msg);
        watch_gathering(loop);
        server_advance(loop->server, modelled_now_us(loop));
        run_go_on(&loop->run, loop->server, modelled_now_us(loop));
        send_all(loop);
        if (run_take_records(&loop->run, loop->server, err)) {
            server_stop(loop->server, err->text);
            send_all(loop);
            return -1;
        }
    }
    const char *failure = server_failure(loop->server);
    return failure ? err_set(err, "%s", failure) : 0;
}

static int release(struct loop *loop, struct err *err)
{
    endpoint_close(loop->endpoint, LINGER_S); /* before the server: messages may lend its memory */
    server_free(loop->server);
    if (loop->links)
        loop->link->close(loop->links);
    return run_close(&loop->run, err);
}

int server_run(const struct server_options *options, struct err *err)
{
    struct loop loop = {.options = options, .e = options->experiment};
    if (loop.e->testbed.time_scale <= 0)
        return err_set(err,
                       "testbed.time_scale: auto is for `splitbed run` to find: give a number");
    int status = prepare(&loop, err);
    if (!status)
        status = run_end(&loop.run, loop.server, train(&loop, err), err);
    struct err closing = ERR_INIT;
    if (release(&loop, &closing) && !status)
        status = err_set(err, "%s", closing.text);
    return status;
}
