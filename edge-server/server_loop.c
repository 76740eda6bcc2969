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
#include "edge-server/progress.h"
#include "edge-server/results.h"
#include "edge-server/server.h"
#include "edge-server/summary.h"
#include "models/dataset.h"
#include "models/net.h"
#include "wire/endpoint.h"

#define LINGER_S        2.0
#define REMIND_EVERY_US 5000000 /* of devices that have not come yet */

/* All that a run holds; each member is NULL or zero until it is there. */
struct run {
    const struct server_options *options;
    const struct experiment *e;
    struct schedule schedule;
    struct partition partition;
    struct server *server;
    struct endpoint *endpoint;
    struct results *results;
    struct summary *summary;
    struct progress progress;
    const struct link_kind *link;
    void *links; /* of a link kind that paces elsewhere */
    int stop_fd;
    bool has_started, has_warned;
    int64_t reminded_us;
};

static double modelled_now_us(const struct run *run)
{
    return (double)clock_now_us() / run->e->testbed.time_scale;
}

static void print_out(struct strbuf *text)
{
    fputs(text->text, stdout);
    fflush(stdout);
    strbuf_release(text);
}

/* Once a run: it holds for every plan after. */
static void warn_of_gap(struct run *run)
{
    const struct plan *plan = &run->schedule.plan;
    if (run->has_warned || plan->status != PLAN_FEASIBLE || run->schedule.problem.n_cuts == 1)
        return;
    run->has_warned = true;
    log_warn("planning ended with a gap of %.2f %%: where time was what ended it, another run may "
             "choose another cut; scheduler.cuts can name one",
             100 * plan_gap(plan));
}

static int append_plan(const struct run *run, struct err *err)
{
    char *path = mem_format("%s/plans.jsonl", run->options->out_dir);
    const struct schedule *schedule = &run->schedule;
    int status = plan_append(&schedule->plan, &schedule->problem, schedule->plan_round, path, err);
    free(path);
    return status;
}

static int make_plan(struct run *run, struct err *err)
{
    const struct schedule *schedule = &run->schedule;
    if (schedule_open(&run->schedule, run->e, err))
        return -1;
    warn_of_gap(run);
    char *path = mem_format("%s/plan.json", run->options->out_dir);
    int status = plan_save(&schedule->plan, &schedule->problem, path, err);
    free(path);
    struct strbuf text = STRBUF_INIT;
    plan_print(&schedule->plan, &schedule->problem, &text);
    strbuf_addf(&text, "\n");
    print_out(&text);
    return status || append_plan(run, err) ? -1 : 0;
}

/* What became of the plan at this round. */
static int note_plan(struct run *run, struct err *err)
{
    const struct schedule *schedule = &run->schedule;
    if (schedule->change == SCHEDULE_INFEASIBLE)
        log_warn("round %" PRIu32 ": there is no plan now, that of round %" PRIu32 " goes on: %s",
                 schedule->round, schedule->plan_round, schedule->reason);
    if (schedule->change != SCHEDULE_PLANNED || schedule->round == 1)
        return 0;
    warn_of_gap(run);
    if (schedule->cut != schedule->previous_cut)
        log_info("round %" PRIu32 ": the cut moves to after %s", schedule->round,
                 schedule->problem.cuts[schedule->plan.cut].name);
    return append_plan(run, err);
}

/* Between rounds: the next one's plan, then the round. */
static void go_on(struct run *run)
{
    struct err err = ERR_INIT;
    uint32_t round = server_wanted_round(run->server);
    if (round == 0)
        return;
    if (schedule_next(&run->schedule, round, &err) || note_plan(run, &err))
        server_stop(run->server, err.text);
    else
        server_start_round(run->server, modelled_now_us(run));
}

/* Who gets which samples, and how many test samples there are to evaluate; local data are the devices' business. */
static int divide_data(struct run *run, int *n_test, struct err *err)
{
    const struct experiment *e = run->e;
    *n_test = e->data.test_samples;
    if (strcmp(e->data.partition, "local") == 0)
        return 0;
    struct dataset *train = dataset_open(e->data.format, e->data.dir, DATASET_TRAIN, err);
    struct dataset *test =
        train ? dataset_open(e->data.format, e->data.dir, DATASET_TEST, err) : NULL;
    int status = -1;
    if (test) {
        struct partition_request request = {
            .kind = e->data.partition,
            .n_devices = e->n_devices,
            .shards_per_device = e->data.shards_per_device,
            .alpha = e->data.alpha,
            .min_samples = 1,
            .seed = e->seed,
        };
        size_t n = dataset_n_samples(test), wanted = (size_t)e->data.test_samples;
        *n_test = (int)(wanted && wanted < n ? wanted : n);
        status = partition_make(&run->partition, &request, dataset_labels(train),
                                dataset_n_samples(train), err);
    }
    dataset_free(train);
    dataset_free(test);
    return status;
}

static int announce(struct run *run, struct err *err)
{
    if (run->options->ready_fd < 0)
        return 0;
    char *line = mem_format("%s\n", endpoint_address(run->endpoint));
    ssize_t n = (ssize_t)strlen(line);
    int status = write(run->options->ready_fd, line, (size_t)n) == n
                     ? 0
                     : err_set_errno(err, "cannot announce the address");
    free(line);
    return status;
}

/* testbed.link netns: the buckets of every link. */
static int open_links(struct run *run, struct err *err)
{
    struct link_request request = {run->e->n_devices, run->options->netns_fds};
    run->link = link_kind_find(run->e->testbed.link);
    if (!run->link || !run->link->open) /* server_new() has a word to say of a kind unknown */
        return 0;
    if (run->e->radio.delay_s > 0 || run->e->radio.jitter_s > 0 || run->e->radio.loss > 0)
        log_info("testbed.link %s: delay, jitter and loss make transfers longer; no byte is late "
                 "or lost for it (netem is not used)",
                 run->link->name);
    run->links = run->link->open(&request, err);
    return run->links ? 0 : -1;
}

static int prepare(struct run *run, struct err *err)
{
    struct server_inputs inputs = {.experiment = run->e, .schedule = &run->schedule};
    net_set_threads(run->e->server.threads);
    if (open_links(run, err) || make_plan(run, err) ||
        divide_data(run, &inputs.n_test_samples, err))
        return -1;
    inputs.partition = run->partition.index ? &run->partition : NULL;
    bool takes_turns = run->schedule.problem.takes_turns;
    run->summary = summary_new(run->e, takes_turns);
    run->results = results_open(run->options->out_dir, run->e, takes_turns, err);
    run->server = run->results ? server_new(&inputs, err) : NULL;
    if (!run->server)
        return -1;
    run->endpoint = endpoint_listen(run->e->testbed.listen, run->e->testbed.peer_timeout_s, err);
    if (!run->endpoint || (run->stop_fd = signal_fd_open_stop(err)) < 0)
        return -1;
    log_info("%s", framework_find(run->e->training.framework)->help);
    log_info("listening on %s for %d devices", endpoint_address(run->endpoint), run->e->n_devices);
    return announce(run, err);
}

static void take_event(struct run *run, struct wire_event *event)
{
    switch (event->kind) {
    case WIRE_NONE:
        return;
    case WIRE_MESSAGE:
        server_receive(run->server, event->peer, &event->msg, modelled_now_us(run));
        return;
    case WIRE_REFUSED:
        log_warn("refused a message: %s", event->reason.text);
        server_lost(run->server, event->peer, event->reason.text);
        return;
    case WIRE_LOST:
        log_debug("lost a connection: %s", event->reason.text);
        server_lost(run->server, event->peer, event->reason.text);
        return;
    }
}

/* A link that cannot be set ends the run; the messages that wait go all the same. */
static void set_links(struct run *run)
{
    const struct link_pace *pace;
    struct err err = ERR_INIT;
    double time_scale = run->e->testbed.time_scale;
    while ((pace = server_next_pace(run->server)))
        if (run->link->set_pace(run->links, pace, pace->transfer_s * time_scale, &err))
            server_stop(run->server, err.text);
}

static void send_all(struct run *run)
{
    uint64_t peer;
    struct msg *msg;
    set_links(run);
    while ((msg = server_next_message(run->server, &peer)))
        endpoint_send(run->endpoint, peer, &msg);
}

static int take_records(struct run *run, struct err *err)
{
    const struct round_record *record;
    while ((record = server_next_record(run->server))) {
        summary_add(run->summary, record);
        progress_show(&run->progress, record, clock_now_us());
        log_debug("round %" PRIu32 ": loss %.6f, %.6f s (predicted %.6f s)", record->round,
                  record->loss, record->measured_s, record->predicted_s);
        if (results_write(run->results, record, err))
            return -1;
    }
    return 0;
}

/* While devices are missing, says so from time to time. */
static void watch_gathering(struct run *run)
{
    int64_t now_us = clock_now_us();
    if (server_state(run->server) != SERVER_GATHERING) {
        if (!run->has_started)
            progress_start(&run->progress, (uint32_t)run->e->training.rounds, now_us);
        run->has_started = true;
    } else if (now_us - run->reminded_us >= REMIND_EVERY_US) {
        run->reminded_us = now_us;
        log_info("%d of %d devices are ready; waiting for %s", server_n_ready(run->server),
                 run->e->n_devices, server_missing(run->server));
    }
}

static int64_t wait_us(const struct run *run)
{
    double wake_us = server_wake_us(run->server);
    if (isinf(wake_us))
        return REMIND_EVERY_US;
    double left_us = ceil(wake_us * run->e->testbed.time_scale) - (double)clock_now_us();
    return left_us > 0 ? (int64_t)left_us : 0;
}

static int train(struct run *run, struct err *err)
{
    run->reminded_us = clock_now_us();
    while (server_state(run->server) != SERVER_DONE && server_state(run->server) != SERVER_FAILED) {
        struct wire_event event = {.kind = WIRE_NONE};
        if (endpoint_wait(run->endpoint, wait_us(run), run->stop_fd, &event, err))
            return -1;
        if (signal_fd_came(run->stop_fd))
            server_stop(run->server, "stopped by a signal");
        take_event(run, &event);
        msg_free(event.msg);
        watch_gathering(run);
        server_advance(run->server, modelled_now_us(run));
        go_on(run);
        send_all(run);
        if (take_records(run, err)) {
            server_stop(run->server, err->text);
            send_all(run);
            return -1;
        }
    }
    const char *failure = server_failure(run->server);
    return failure ? err_set(err, "%s", failure) : 0;
}

static void show_end(struct run *run, bool is_complete)
{
    struct strbuf text = STRBUF_INIT;
    if (run->has_started)
        progress_end(&run->progress);
    strbuf_addf(&text, "\n%s: %s", run->e->name, is_complete ? "" : "ended early after ");
    summary_print(run->summary, &text);
    strbuf_addf(&text, "  Results: %s\n", run->options->out_dir);
    print_out(&text);
}

static int release(struct run *run, struct err *err)
{
    int status = results_close(run->results, err);
    endpoint_close(run->endpoint, LINGER_S); /* before the server: messages may lend its memory */
    server_free(run->server);
    if (run->links)
        run->link->close(run->links);
    summary_free(run->summary);
    partition_release(&run->partition);
    schedule_release(&run->schedule);
    return status;
}

int server_run(const struct server_options *options, struct err *err)
{
    struct run run = {.options = options, .e = options->experiment};
    if (run.e->testbed.time_scale <= 0)
        return err_set(err,
                       "testbed.time_scale: auto is for `splitbed run` to find: give a number");
    int status = prepare(&run, err);
    if (!status) {
        status = train(&run, err);
        if (!status)
            status = server_save_weights(run.server, options->out_dir, err);
        show_end(&run, server_state(run.server) == SERVER_DONE);
    }
    struct err closing = ERR_INIT;
    if (release(&run, &closing) && !status)
        status = err_set(err, "%s", closing.text);
    return status;
}
