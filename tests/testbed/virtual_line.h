/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The whole line in one process for tests: the server's and the devices' own round logic, messages handed
 * over in memory, a virtual clock that jumps to the next thing to happen. Records are kept as they come.
 */
#ifndef TESTS_TESTBED_VIRTUAL_LINE_H
#define TESTS_TESTBED_VIRTUAL_LINE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "device-agent/device.h"
#include "edge-server/framework.h"
#include "edge-server/planning.h"
#include "edge-server/results.h"
#include "edge-server/schedule.h"
#include "edge-server/server.h"
#include "models/dataset.h"
#include "tests/data/tiny_idx.h"
#include "wire/piece.h"

#define LINE_MAX_ROUNDS  64
#define LINE_MAX_DEVICES 16

struct line_round { /* what tests look at, copied from the record */
    double loss, accuracy, test_loss, predicted_s, measured_s;
    bool is_evaluated;
    struct latency_terms measured;
    struct latency_terms predicted;
    int cut;
    uint32_t plan_round;
    uint64_t uplink_bytes, downlink_bytes, broadcast_bytes, handover_bytes;
    int columns_below_last;
};

struct line {
    struct experiment e;
    struct schedule schedule;
    const int *cuts; /* of each round from 1, an index as in a plan; NULL: as the schedule has it */
    struct partition partition;
    struct server *server;
    struct device *devices[LINE_MAX_DEVICES];
    double now_us;
    int first; /* which device is served first: the order of arrival must not matter */
    struct line_round rounds[LINE_MAX_ROUNDS];
    size_t n_rounds;
    uint64_t n_up[MSG_N_KINDS],
        n_down[MSG_N_KINDS]; /* messages seen; pieces and what they are of */
    double step_us;          /* what is paced goes in pieces that last so long; 0: whole */
    double clock_every_us;   /* as in struct server_inputs */
    double clock_ahead_us;   /* the devices' clocks are so much ahead of the server's */
    struct joint up[LINE_MAX_DEVICES], down[LINE_MAX_DEVICES];
    struct results *results; /* records go there too; NULL */
    struct err err;
};

/* `sets`: NULL-terminated assignments on top of the quick start's file. */
static inline void line_open(struct line *line, const char *const *sets)
{
    struct experiment_override overrides[32];
    size_t n = 0;
    struct strbuf errors = STRBUF_INIT;
    struct experiment_choices choices = planning_choices();
    memset(line, 0, sizeof *line);
    for (; sets[n]; n++)
        overrides[n].assignment = sets[n];
    char *data = mem_format("data.dir=%s", tiny_idx_dir());
    overrides[n++].assignment = data;
    if (experiment_load(&line->e, "configs/experiments/quickstart.yaml", overrides, n, &choices,
                        &errors))
        fail_msg("%s", errors.text);
    free(data);
    assert_true(line->e.n_devices <= LINE_MAX_DEVICES);
    if (schedule_open(&line->schedule, &line->e, &line->err))
        fail_msg("%s", line->err.text);
    if (!line->e.training.learns || strcmp(line->e.data.partition, "local") == 0)
        return;
    struct dataset *train =
        dataset_open(line->e.data.format, line->e.data.dir, DATASET_TRAIN, &line->err);
    assert_non_null(train);
    struct partition_request request = {.kind = line->e.data.partition,
                                        .n_devices = line->e.n_devices,
                                        .shards_per_device = line->e.data.shards_per_device,
                                        .alpha = line->e.data.alpha,
                                        .min_samples = 1,
                                        .seed = line->e.seed};
    assert_int_equal(partition_make(&line->partition, &request, dataset_labels(train),
                                    dataset_n_samples(train), &line->err),
                     0);
    dataset_free(train);
}

/* Everything is chosen (a test may have changed line->partition): make the server. */
static inline void line_make_server(struct line *line)
{
    struct server_inputs inputs = {.experiment = &line->e,
                                   .schedule = &line->schedule,
                                   .partition = line->partition.index ? &line->partition : NULL,
                                   .n_test_samples = line->e.data.test_samples,
                                   .step_us = line->step_us,
                                   .clock_every_us = line->clock_every_us};
    line->server = server_new(&inputs, &line->err);
    if (!line->server)
        fail_msg("%s", line->err.text);
}

/* Both sides. */
static inline void line_start(struct line *line)
{
    line_make_server(line);
    for (int i = 0; i < line->e.n_devices; i++) {
        line->devices[i] = device_new(line->e.devices[i].name, line->e.data.dir);
        if (line->step_us > 0)
            device_set_step(line->devices[i], line->step_us * line->e.testbed.time_scale);
    }
}

static inline void line_close(struct line *line)
{
    server_free(line->server);
    for (int i = 0; i < line->e.n_devices; i++)
        device_free(line->devices[i]);
    for (size_t i = 0; i < line->n_rounds; i++) {
        latency_terms_release(&line->rounds[i].measured);
        latency_terms_release(&line->rounds[i].predicted);
    }
    partition_release(&line->partition);
    schedule_release(&line->schedule);
    experiment_release(&line->e);
}

static inline void line_keep(struct line *line, const struct round_record *record)
{
    assert_true(line->n_rounds < LINE_MAX_ROUNDS);
    if (line->results)
        assert_int_equal(results_write(line->results, record, &line->err), 0);
    struct line_round *round = &line->rounds[line->n_rounds++];
    *round = (struct line_round){
        .loss = record->loss,
        .accuracy = record->accuracy,
        .test_loss = record->test_loss,
        .is_evaluated = record->is_evaluated,
        .predicted_s = record->predicted_s,
        .cut = record->cut,
        .plan_round = record->plan_round,
        .measured_s = record->measured_s,
        .uplink_bytes = record->uplink_bytes,
        .downlink_bytes = record->downlink_bytes,
        .broadcast_bytes = record->broadcast_bytes,
        .handover_bytes = record->handover_bytes,
        .columns_below_last = record->columns_below_last,
    };
    latency_terms_init(&round->measured, record->measured.n_devices);
    latency_terms_copy(&round->measured, &record->measured);
    latency_terms_init(&round->predicted, record->predicted.n_devices);
    latency_terms_copy(&round->predicted, &record->predicted);
}

/* The next round, if the server waits for one, with a plan at the cut that the test wants. */
static inline void line_go_on(struct line *line)
{
    struct schedule *schedule = &line->schedule;
    uint32_t round = server_wanted_round(line->server);
    struct plan plan;
    if (round == 0)
        return;
    if (schedule_next(schedule, round, &line->err)) {
        server_stop(line->server, line->err.text);
        return;
    }
    if (round > 1 && line->cuts && line->cuts[round - 1] != schedule->plan.cut &&
        (schedule_plan_at(schedule, line->cuts[round - 1], &plan, &line->err) ||
         schedule_adopt(schedule, &plan, &line->err)))
        fail_msg("%s", line->err.text);
    server_start_round(line->server, line->now_us);
}

static inline double line_device_us(const struct line *line)
{
    return line->now_us + line->clock_ahead_us;
}

static inline void line_advance(struct line *line, int device)
{
    if (device_advance(line->devices[device], line_device_us(line), &line->err))
        print_message("device %d: %s\n", device, line->err.text);
}

/* Hands over what is there to send; true when there was something. */
static inline bool line_exchange(struct line *line)
{
    bool has_moved = false;
    struct msg *msg;
    uint64_t peer;
    int n = line->e.n_devices;
    for (int k = 0; k < n; k++) {
        int i = (line->first + k) % n;
        while ((msg = device_next(line->devices[i]))) {
            line->n_up[msg->kind]++;
            has_moved = true;
            if (joint_take(&line->up[i], &msg, &line->err))
                fail_msg("%s", line->err.text);
            if (!msg)
                continue;
            server_receive(line->server, (uint64_t)i + 1, &msg, line->now_us);
            server_advance(line->server, line->now_us);
        }
    }
    while ((msg = server_next_message(line->server, &peer))) {
        assert_in_range(peer, 1, n);
        line->n_down[msg->kind]++;
        has_moved = true;
        if (joint_take(&line->down[peer - 1], &msg, &line->err))
            fail_msg("%s", line->err.text);
        if (!msg)
            continue;
        if (device_receive(line->devices[peer - 1], &msg, line_device_us(line), &line->err))
            print_message("device %d: %s\n", (int)peer - 1, line->err.text);
        line_advance(line, (int)peer - 1);
    }
    return has_moved;
}

/* Until the run is over; the server's state tells how. */
static inline void line_run(struct line *line)
{
    const struct round_record *record;
    for (;;) {
        while (line_exchange(line))
            ;
        while ((record = server_next_record(line->server)))
            line_keep(line, record);
        line_go_on(line);
        while (line_exchange(line))
            ;
        double wake_us = server_wake_us(line->server);
        for (int i = 0; i < line->e.n_devices; i++) {
            double device_us = device_wake_us(line->devices[i]) - line->clock_ahead_us;
            wake_us = device_us < wake_us ? device_us : wake_us;
        }
        if (isinf(wake_us))
            return;
        line->now_us = wake_us > line->now_us ? wake_us : line->now_us;
        for (int i = 0; i < line->e.n_devices; i++)
            line_advance(line, i);
        server_advance(line->server, line->now_us);
    }
}

/* A quick experiment, and runs that have to come to their end. */
#define SMALL                                                                                      \
    "training.rounds=4", "training.batch_size=8", "training.evaluate_every=0",                     \
        "data.test_samples=64", "scheduler.cuts=[pool2]", "scheduler.gap=0.5",                     \
        "scheduler.time_limit=0.2 s"

static inline void line_assert_done(const struct line *line)
{
    if (server_failure(line->server))
        fail_msg("%s", server_failure(line->server));
    assert_int_equal(server_state(line->server), SERVER_DONE);
    assert_int_equal(line->n_rounds, line->e.training.rounds);
}

static inline struct line run_line(const char *const *sets)
{
    struct line line;
    line_open(&line, sets);
    line_start(&line);
    line_run(&line);
    line_assert_done(&line);
    return line;
}

static inline void assert_same_losses(const struct line *a, const struct line *b)
{
    assert_int_equal(a->n_rounds, b->n_rounds);
    for (size_t i = 0; i < a->n_rounds; i++)
        assert_memory_equal(&a->rounds[i].loss, &b->rounds[i].loss, sizeof(double));
    size_t last = a->n_rounds - 1;
    assert_true(a->rounds[last].accuracy == b->rounds[last].accuracy);
}

/* For the end of a program: its data set. */
static inline int line_remove_data(void **state)
{
    (void)state;
    tiny_idx_remove();
    return 0;
}

#endif
