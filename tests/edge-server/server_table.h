/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server and what devices say to it, for tests of its round logic: two devices of the quick start's experiment with
 * 4 and 6 samples, peers 10 and 11. What a test hears it takes from the server's messages in their order.
 */
#ifndef TESTS_EDGE_SERVER_SERVER_TABLE_H
#define TESTS_EDGE_SERVER_SERVER_TABLE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "edge-server/planning.h"
#include "edge-server/server.h"

#define N_DEVICES 2
#define BATCH     4
#define FEATURES  400 /* LeNet-5 after pool2 */
#define N_TEST    6
#define N_FRONT   (156 + 2416) /* its weights up to there */

struct table {
    struct experiment e;
    struct schedule schedule;
    struct partition partition;
    uint32_t index[10];
    size_t first[N_DEVICES + 1];
    struct server *server;
};

static inline void make_server(struct table *t, bool has_partition, double clock_every_us)
{
    struct err err = ERR_INIT;
    struct server_inputs inputs = {.experiment = &t->e,
                                   .schedule = &t->schedule,
                                   .partition = has_partition ? &t->partition : NULL,
                                   .n_test_samples = N_TEST,
                                   .clock_every_us = clock_every_us};
    t->server = server_new(&inputs, &err);
    if (!t->server)
        fail_msg("%s", err.text);
}

/* `setting`: a last override; without a partition devices have samples of their own. */
static inline void open_table_over(struct table *t, const char *link, const char *framework,
                                   const char *setting, bool has_partition)
{
    const struct experiment_override sets[] = {{framework},
                                               {"devices.0.count=2"},
                                               {"training.batch_size=4"},
                                               {"scheduler.cuts=[pool2]"},
                                               {"training.rounds=2"},
                                               {"training.evaluate_every=0"},
                                               {link},
                                               {"testbed.compute=native"},
                                               {setting}};
    struct strbuf errors = STRBUF_INIT;
    struct err err = ERR_INIT;
    struct experiment_choices choices = planning_choices();
    memset(t, 0, sizeof *t);
    if (experiment_load(&t->e, "configs/experiments/quickstart.yaml", sets, ARRAY_LEN(sets),
                        &choices, &errors))
        fail_msg("%s", errors.text);
    if (schedule_open(&t->schedule, &t->e, &err))
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < ARRAY_LEN(t->index); i++)
        t->index[i] = i;
    t->first[1] = 4;
    t->first[2] = 10;
    t->partition = (struct partition){t->index, t->first, N_DEVICES};
    make_server(t, has_partition, 0);
}

static inline void open_table_with(struct table *t, const char *framework, const char *setting,
                                   bool has_partition)
{
    open_table_over(t, "testbed.link=native", framework, setting, has_partition);
}

static inline void open_table(struct table *t, const char *framework)
{
    open_table_with(t, framework, "experiment.seed=1", true);
}

static inline void close_table(struct table *t)
{
    server_free(t->server);
    schedule_release(&t->schedule);
    experiment_release(&t->e);
}

/* Between rounds: the next one. */
static inline void go_on(struct table *t)
{
    struct err err = ERR_INIT;
    uint32_t round = server_wanted_round(t->server);
    if (round == 0)
        return;
    if (schedule_next(&t->schedule, round, &err))
        fail_msg("%s", err.text);
    server_start_round(t->server, 0);
}

static inline void say(struct table *t, uint64_t peer, struct msg *msg)
{
    server_receive(t->server, peer, &msg, 0);
    assert_null(msg);
    go_on(t);
    server_advance(t->server, 0);
    server_advance(t->server, 0);
    server_advance(t->server, 0);
}

/* The next message has to be of this kind, to this peer. */
static inline struct msg *hear(struct table *t, uint64_t peer, enum msg_kind kind)
{
    uint64_t to = 0;
    struct msg *msg = server_next_message(t->server, &to);
    if (!msg)
        fail_msg("nothing to hear");
    assert_string_equal(msg_kind_name(msg->kind), msg_kind_name(kind));
    assert_int_equal(to, peer);
    return msg;
}

static inline void drop(struct table *t, uint64_t peer, enum msg_kind kind)
{
    msg_free(hear(t, peer, kind));
}

static inline void assert_silent(struct table *t)
{
    uint64_t peer;
    assert_null(server_next_message(t->server, &peer));
}

static inline struct msg *hello(const char *name)
{
    struct msg *msg = msg_new(MSG_HELLO);
    msg->hello.protocol_version = PROTOCOL_VERSION;
    strcpy(msg->hello.name, name);
    return msg;
}

static inline struct msg *ready(uint64_t n_train)
{
    struct msg *msg = msg_new(MSG_READY);
    msg->ready = (struct msg_ready){n_train, N_TEST};
    return msg;
}

static inline void attach_batch(struct msg *msg, size_t n, uint32_t label)
{
    struct payload *activations = payload_new(n * FEATURES * sizeof(float));
    memset(payload_memory(activations), 0, n * FEATURES * sizeof(float));
    struct payload *labels = payload_new(n * sizeof(uint32_t));
    for (size_t i = 0; i < n; i++)
        ((uint32_t *)payload_memory(labels))[i] = label;
    msg_attach(msg, activations);
    msg_attach(msg, labels);
}

static inline struct msg *activations(uint32_t round, uint32_t label)
{
    struct msg *msg = msg_new(MSG_ACTIVATIONS);
    msg->activations.round = round;
    msg->activations.n_samples = BATCH;
    attach_batch(msg, BATCH, label);
    return msg;
}

static inline struct msg *round_done(uint32_t round)
{
    struct msg *msg = msg_new(MSG_ROUND_DONE);
    msg->round_done.round = round;
    return msg;
}

/* Both devices are there; peers 10 and 11 have got round 1. */
static inline void seat_both(struct table *t)
{
    say(t, 10, hello("pi-0"));
    drop(t, 10, MSG_ASSIGNMENT);
    say(t, 11, hello("pi-1"));
    drop(t, 11, MSG_ASSIGNMENT);
    assert_string_equal(server_missing(t->server), "pi-0");
    say(t, 10, ready(4));
    assert_int_equal(server_n_ready(t->server), 1);
    assert_string_equal(server_missing(t->server), "pi-1");
    assert_silent(t);
    say(t, 11, ready(6));
    drop(t, 10, MSG_ROUND);
    drop(t, 11, MSG_ROUND);
}

static inline void assert_fails(struct table *t, const char *reason)
{
    assert_int_equal(server_state(t->server), SERVER_FAILED);
    if (!strstr(server_failure(t->server), reason))
        fail_msg("'%s' is missing in: %s", reason, server_failure(t->server));
    close_table(t);
}

/* Both devices through both rounds, and through the evaluation. */
static inline void train_both(struct table *t, uint32_t chunk)
{
    for (uint32_t round = 1; round <= 2; round++) {
        for (uint64_t peer = 10; peer <= 11; peer++)
            say(t, peer, activations(round, 1));
        for (uint64_t peer = 10; peer <= 11; peer++)
            drop(t, peer, MSG_GRADIENT);
        for (uint64_t peer = 10; peer <= 11; peer++)
            say(t, peer, round_done(round));
        for (uint64_t peer = 10; round == 1 && peer <= 11; peer++)
            drop(t, peer, MSG_ROUND);
    }
    for (uint64_t peer = 10; peer <= 11; peer++) {
        struct msg *ask = hear(t, peer, MSG_EVALUATE), *answer = msg_new(MSG_EVALUATION);
        assert_int_equal(ask->evaluate.n_samples, chunk);
        answer->evaluation = (struct msg_evaluation){1, ask->evaluate.first, chunk};
        attach_batch(answer, chunk, 1);
        msg_free(ask);
        say(t, peer, answer);
    }
}

#endif
