/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's round logic against devices that are strange, late, wrong or gone. */
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

/* `setting`: a last override; `partition`: the table's own, or NULL. */
static void open_table_with(struct table *t, const char *framework, const char *setting,
                            bool has_partition)
{
    const struct experiment_override sets[] = {{framework},
                                               {"devices.0.count=2"},
                                               {"training.batch_size=4"},
                                               {"scheduler.cuts=[pool2]"},
                                               {"training.rounds=2"},
                                               {"training.evaluate_every=0"},
                                               {"testbed.link=native"},
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
    struct server_inputs inputs = {.experiment = &t->e,
                                   .schedule = &t->schedule,
                                   .partition = has_partition ? &t->partition : NULL,
                                   .n_test_samples = N_TEST};
    t->server = server_new(&inputs, &err);
    if (!t->server)
        fail_msg("%s", err.text);
}

static void open_table(struct table *t, const char *framework)
{
    open_table_with(t, framework, "experiment.seed=1", true);
}

static void close_table(struct table *t)
{
    server_free(t->server);
    schedule_release(&t->schedule);
    experiment_release(&t->e);
}

/* Between rounds: the next one. */
static void go_on(struct table *t)
{
    struct err err = ERR_INIT;
    uint32_t round = server_wanted_round(t->server);
    if (round == 0)
        return;
    if (schedule_next(&t->schedule, round, &err))
        fail_msg("%s", err.text);
    server_start_round(t->server, 0);
}

static void say(struct table *t, uint64_t peer, struct msg *msg)
{
    server_receive(t->server, peer, &msg, 0);
    assert_null(msg);
    go_on(t);
    server_advance(t->server, 0);
    server_advance(t->server, 0);
    server_advance(t->server, 0);
}

/* The next message has to be of this kind, to this peer. */
static struct msg *hear(struct table *t, uint64_t peer, enum msg_kind kind)
{
    uint64_t to = 0;
    struct msg *msg = server_next_message(t->server, &to);
    if (!msg)
        fail_msg("nothing to hear");
    assert_string_equal(msg_kind_name(msg->kind), msg_kind_name(kind));
    assert_int_equal(to, peer);
    return msg;
}

static void drop(struct table *t, uint64_t peer, enum msg_kind kind)
{
    msg_free(hear(t, peer, kind));
}

static void assert_silent(struct table *t)
{
    uint64_t peer;
    assert_null(server_next_message(t->server, &peer));
}

static struct msg *hello(const char *name)
{
    struct msg *msg = msg_new(MSG_HELLO);
    msg->hello.protocol_version = PROTOCOL_VERSION;
    strcpy(msg->hello.name, name);
    return msg;
}

static struct msg *ready(uint64_t n_train)
{
    struct msg *msg = msg_new(MSG_READY);
    msg->ready = (struct msg_ready){n_train, N_TEST};
    return msg;
}

static struct msg *front(size_t n_floats)
{
    struct msg *msg = msg_new(MSG_FRONT);
    msg_attach(msg, payload_new(n_floats * sizeof(float)));
    memset(payload_memory(msg->payload[0]), 0, n_floats * sizeof(float));
    return msg;
}

static void attach_batch(struct msg *msg, size_t n, uint32_t label)
{
    struct payload *activations = payload_new(n * FEATURES * sizeof(float));
    memset(payload_memory(activations), 0, n * FEATURES * sizeof(float));
    struct payload *labels = payload_new(n * sizeof(uint32_t));
    for (size_t i = 0; i < n; i++)
        ((uint32_t *)payload_memory(labels))[i] = label;
    msg_attach(msg, activations);
    msg_attach(msg, labels);
}

static struct msg *activations(uint32_t round, uint32_t label)
{
    struct msg *msg = msg_new(MSG_ACTIVATIONS);
    msg->activations.round = round;
    msg->activations.n_samples = BATCH;
    attach_batch(msg, BATCH, label);
    return msg;
}

static struct msg *round_done(uint32_t round)
{
    struct msg *msg = msg_new(MSG_ROUND_DONE);
    msg->round_done.round = round;
    return msg;
}

/* Both devices are there; peers 10 and 11 have got round 1. */
static void seat_both(struct table *t)
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

static void assert_fails(struct table *t, const char *reason)
{
    assert_int_equal(server_state(t->server), SERVER_FAILED);
    if (!strstr(server_failure(t->server), reason))
        fail_msg("'%s' is missing in: %s", reason, server_failure(t->server));
    close_table(t);
}

static void strangers_are_told_why_and_change_nothing(void **state)
{
    (void)state;
    static const char *const reasons[] = {"no device 'stranger'", "already connected", "version 9",
                                          "say hello before ready"};
    struct table t;
    open_table(&t, "training.framework=epsl");
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    struct msg *old = hello("pi-1");
    old->hello.protocol_version = 9;
    struct msg *strange[] = {hello("stranger"), hello("pi-0"), old, ready(4)};
    for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
        say(&t, 20 + i, strange[i]);
        struct msg *answer = hear(&t, 20 + i, MSG_ERROR);
        if (!strstr(answer->error.reason, reasons[i]))
            fail_msg("'%s' is missing in: %s", reasons[i], answer->error.reason);
        msg_free(answer);
        server_lost(t.server, 20 + i, "closed");
    }
    assert_int_equal(server_state(t.server), SERVER_GATHERING);
    close_table(&t);
}

static void an_assignment_holds_what_the_device_needs(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=epsl");
    say(&t, 11, hello("pi-1"));
    struct msg *msg = hear(&t, 11, MSG_ASSIGNMENT);
    assert_int_equal(msg->assignment.device_index, 1);
    assert_int_equal(msg->assignment.batch_size, BATCH);
    assert_int_equal(msg->assignment.cut, 6);
    assert_int_equal(msg->assignment.layers.n_layers, 12);
    assert_string_equal(msg->assignment.layers.layers[3].kind, "conv2d");
    assert_string_equal(msg->assignment.layers.layers[3].name, "conv2");
    assert_int_equal(payload_bytes(msg->payload[0]), 6 * sizeof(uint32_t));
    assert_int_equal(((const uint32_t *)payload_data(msg->payload[0]))[0], 4);
    assert_int_equal(payload_bytes(msg->payload[1]), N_FRONT * sizeof(float));
    msg_free(msg);
    close_table(&t);
}

static void a_whole_run_goes_through_its_states(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=epsl");
    seat_both(&t);
    for (uint32_t round = 1; round <= 2; round++) {
        assert_int_equal(server_state(t.server), SERVER_TRAINING);
        say(&t, 11, activations(round, 3));
        assert_silent(&t);
        say(&t, 10, activations(round, 2));
        for (int shared = 1; shared >= 0; shared--)
            for (uint64_t peer = 10; peer <= 11; peer++) {
                struct msg *msg = hear(&t, peer, MSG_GRADIENT);
                assert_int_equal(msg->gradient.is_shared, shared);
                assert_int_equal(msg->gradient.first_slot, shared ? 0 : 2);
                assert_int_equal(msg->gradient.n_slots, 2);
                msg_free(msg);
            }
        say(&t, 10, round_done(round));
        assert_null(server_next_record(t.server));
        say(&t, 11, round_done(round));
        const struct round_record *record = server_next_record(t.server);
        if (round == 1) {
            assert_int_equal(record->round, 1);
            assert_false(record->is_evaluated);
            drop(&t, 10, MSG_ROUND);
            drop(&t, 11, MSG_ROUND);
        } else {
            assert_null(record);
        }
    }
    assert_int_equal(server_state(t.server), SERVER_EVALUATING);
    for (uint64_t peer = 10; peer <= 11; peer++) {
        struct msg *ask = hear(&t, peer, MSG_EVALUATE);
        assert_int_equal(ask->evaluate.n_samples, 3);
        struct msg *answer = msg_new(MSG_EVALUATION);
        answer->evaluation =
            (struct msg_evaluation){ask->evaluate.evaluation, ask->evaluate.first, 3};
        attach_batch(answer, 3, 1);
        msg_free(ask);
        server_receive(t.server, peer, &answer, 0);
    }
    const struct round_record *record = server_next_record(t.server);
    assert_int_equal(record->round, 2);
    assert_true(record->is_evaluated);
    assert_true(record->accuracy == 0 || record->accuracy == 1); /* six times the same sample */
    assert_int_equal(server_state(t.server), SERVER_COLLECTING);
    drop(&t, 10, MSG_COLLECT);
    drop(&t, 11, MSG_COLLECT);
    say(&t, 11, front(N_FRONT));
    assert_silent(&t);
    say(&t, 10, front(N_FRONT));
    assert_int_equal(server_state(t.server), SERVER_DONE);
    drop(&t, 10, MSG_STOP);
    drop(&t, 11, MSG_STOP);
    close_table(&t);
}

/* Both devices through both rounds, and through the evaluation. */
static void train_both(struct table *t, uint32_t chunk)
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

static void weights_that_nobody_wants_are_not_asked_for(void **state)
{
    (void)state;
    struct table t;
    open_table_with(&t, "training.framework=psl", "training.save_weights=never", true);
    seat_both(&t);
    train_both(&t, 3);
    assert_int_equal(server_state(t.server), SERVER_DONE);
    drop(&t, 10, MSG_STOP);
    drop(&t, 11, MSG_STOP);
    assert_int_equal(server_save_weights(t.server, "/nowhere", NULL), 0);
    close_table(&t);
}

static void fronts_of_another_size_or_out_of_turn_end_the_run(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    seat_both(&t);
    train_both(&t, 3);
    assert_int_equal(server_state(t.server), SERVER_COLLECTING);
    say(&t, 10, front(N_FRONT + 1));
    assert_fails(&t, "device pi-0: sent 10292 bytes of front weights instead of 10288");
    open_table(&t, "training.framework=psl");
    seat_both(&t);
    say(&t, 10, front(N_FRONT));
    assert_fails(&t, "device pi-0: sent front weights that nobody waits for");
}

/* 1 and 3 samples: the losses of labels 1 and 2 count 1/4 and 3/4. */
static void without_a_partition_devices_weigh_what_they_say_they_hold(void **state)
{
    (void)state;
    struct table t;
    open_table_with(&t, "training.framework=psl", "data.partition=local", false);
    for (uint64_t peer = 10; peer <= 11; peer++) {
        say(&t, peer, hello(peer == 10 ? "pi-0" : "pi-1"));
        struct msg *msg = hear(&t, peer, MSG_ASSIGNMENT);
        assert_true(msg->assignment.has_own_samples);
        assert_int_equal(payload_bytes(msg->payload[0]), 0);
        msg_free(msg);
    }
    struct msg *few = ready(1), *many = ready(3);
    few->ready.n_test_samples = 4; /* the fewest: 2 of them for each device */
    say(&t, 10, few);
    say(&t, 11, many);
    drop(&t, 10, MSG_ROUND);
    drop(&t, 11, MSG_ROUND);
    say(&t, 10, activations(1, 1));
    say(&t, 11, activations(1, 2));
    drop(&t, 10, MSG_GRADIENT);
    drop(&t, 11, MSG_GRADIENT);
    say(&t, 10, round_done(1));
    say(&t, 11, round_done(1));
    const struct round_record *record = server_next_record(t.server);
    double wanted = 0.25 * record->devices[0].loss + 0.75 * record->devices[1].loss;
    assert_true(record->devices[0].loss != record->devices[1].loss);
    assert_true(record->loss == wanted);
    drop(&t, 10, MSG_ROUND);
    drop(&t, 11, MSG_ROUND);
    close_table(&t);
}

static void without_a_partition_the_shortest_test_set_counts(void **state)
{
    (void)state;
    struct table t;
    open_table_with(&t, "training.framework=psl", "data.partition=local", false);
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    say(&t, 11, hello("pi-1"));
    drop(&t, 11, MSG_ASSIGNMENT);
    struct msg *few = ready(7);
    few->ready.n_test_samples = 4;
    say(&t, 10, ready(5));
    say(&t, 11, few);
    drop(&t, 10, MSG_ROUND);
    drop(&t, 11, MSG_ROUND);
    train_both(&t, 2);
    close_table(&t);
}

static void a_device_without_samples_of_its_own_ends_the_run(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct table t;
        open_table_with(&t, "training.framework=psl", "data.partition=local", false);
        say(&t, 10, hello("pi-0"));
        drop(&t, 10, MSG_ASSIGNMENT);
        struct msg *empty = ready(which ? 5 : 0);
        empty->ready.n_test_samples = which ? 0 : N_TEST;
        say(&t, 10, empty);
        assert_fails(&t, which ? "device pi-0: has 5 training and 0 test samples, allowed are 1 to "
                                 "4294967295 each"
                               : "device pi-0: has 0 training and 6 test samples");
    }
}

static void a_device_that_goes_ends_the_run_and_the_others_are_told(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    seat_both(&t);
    server_lost(t.server, 11, "power cut");
    struct msg *end = hear(&t, 10, MSG_ERROR);
    assert_string_equal(end->error.reason, "device pi-1 is gone: power cut");
    msg_free(end);
    assert_silent(&t);
    assert_fails(&t, "device pi-1 is gone: power cut");
}

static void a_round_that_is_over_counts_even_if_its_evaluation_is_not(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    seat_both(&t);
    for (uint32_t round = 1; round <= 2; round++) {
        for (uint64_t peer = 10; peer <= 11; peer++)
            say(&t, peer, activations(round, 1));
        for (uint64_t peer = 10; peer <= 11; peer++)
            drop(&t, peer, MSG_GRADIENT);
        for (uint64_t peer = 10; peer <= 11; peer++)
            say(&t, peer, round_done(round));
        for (uint64_t peer = 10; peer <= 11; peer++)
            drop(&t, peer, round == 1 ? MSG_ROUND : MSG_EVALUATE);
        if (round == 1)
            assert_non_null(server_next_record(t.server));
    }
    assert_null(server_next_record(t.server));
    server_lost(t.server, 11, "power cut");
    const struct round_record *record = server_next_record(t.server);
    assert_non_null(record);
    assert_int_equal(record->round, 2);
    assert_false(record->is_evaluated);
    assert_fails(&t, "device pi-1 is gone");
}

static void a_device_cannot_end_a_round_between_its_two_gradients(void **state)
{
    (void)state;
    struct table t;
    /* So that the broadcast and the rest do not arrive together. */
    open_table_with(&t, "training.framework=epsl", "testbed.link=modelled", true);
    seat_both(&t);
    say(&t, 10, activations(1, 1));
    say(&t, 11, activations(1, 1));
    server_advance(t.server, server_wake_us(t.server)); /* the broadcast has arrived */
    drop(&t, 10, MSG_GRADIENT);
    drop(&t, 11, MSG_GRADIENT);
    assert_silent(&t);
    say(&t, 10, round_done(1));
    assert_fails(&t, "device pi-0: ended round 1, which it is not in");
}

static void a_device_that_gives_up_ends_the_run_with_its_reason(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    say(&t, 10, msg_reason(MSG_ERROR, "no data here"));
    assert_silent(&t);
    assert_fails(&t, "device pi-0: no data here");
}

static void stopping_tells_every_device(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    seat_both(&t);
    server_stop(t.server, "enough");
    drop(&t, 10, MSG_ERROR);
    drop(&t, 11, MSG_ERROR);
    assert_fails(&t, "enough");
}

static void messages_that_do_not_fit_end_the_run(void **state)
{
    (void)state;
    struct msg *thin = msg_new(MSG_ACTIVATIONS), *few = activations(1, 0), *gradient = NULL;
    thin->activations = (struct msg_activations){.round = 1, .n_samples = BATCH};
    attach_batch(thin, BATCH - 1, 0);
    few->activations.n_samples = BATCH - 1;
    gradient = msg_new(MSG_GRADIENT);
    struct {
        struct msg *msg;
        const char *reason;
    } cases[] = {
        {activations(2, 0), "sent activations of round 2 that nobody waits for"},
        {activations(1, 10), "a label the model has no class for"},
        {thin, "activations of another size than the batch at the cut"},
        {few, "another number of samples than the batch"},
        {round_done(1), "ended round 1, which it is not in"},
        {ready(4), "said ready twice"},
        {gradient, "sent gradient out of turn"},
        {hello("pi-0"), "sent hello out of turn"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct table t;
        open_table(&t, "training.framework=psl");
        seat_both(&t);
        say(&t, 10, cases[i].msg);
        char *reason = mem_format("device pi-0: %s", cases[i].reason);
        assert_fails(&t, reason);
        free(reason);
    }
}

/* LeNet-5's conv2, layers [3, 6) with relu2 and pool2. */
#define CONV2_PARAMS 2416

/* Round 1 is over; in round 2 the cut moves from after pool2 to after pool1. Both devices have got it. */
static void move_cut_up(struct table *t)
{
    static char pool1[] = "pool1";
    struct err err = ERR_INIT;
    struct problem_cut *cut;
    seat_both(t);
    for (uint64_t peer = 10; peer <= 11; peer++)
        say(t, peer, activations(1, 1));
    for (uint64_t peer = 10; peer <= 11; peer++)
        drop(t, peer, MSG_GRADIENT);
    server_receive(t->server, 10, &(struct msg *){round_done(1)}, 0);
    server_receive(t->server, 11, &(struct msg *){round_done(1)}, 0);
    assert_int_equal(server_wanted_round(t->server), 2);
    assert_int_equal(schedule_next(&t->schedule, 2, &err), 0);
    cut = &t->schedule.problem.cuts[0];
    free(cut->name);
    cut->name = mem_string(pool1);
    cut->layer = 3;
    t->schedule.cut = 3;
    server_start_round(t->server, 0);
    for (uint64_t peer = 10; peer <= 11; peer++) {
        struct msg *msg = hear(t, peer, MSG_ROUND);
        assert_int_equal(msg->round.cut, 3);
        assert_true(msg->round.returns_layers && msg->round.returns_optimizer);
        assert_int_equal(msg->n_payloads, 0);
        msg_free(msg);
    }
}

static struct msg *layers(uint32_t round, size_t n_weights, size_t n_optimizer)
{
    size_t floats[] = {n_weights, n_optimizer};
    struct msg *msg = msg_new(MSG_LAYERS);
    msg->layers.round = round;
    for (size_t i = 0; i < 2; i++) {
        struct payload *payload = payload_new(floats[i] * sizeof(float));
        memset(payload_memory(payload), 0, floats[i] * sizeof(float));
        msg_attach(msg, payload);
    }
    return msg;
}

static void a_cut_that_moves_up_waits_for_the_layers_of_all(void **state)
{
    (void)state;
    const size_t features = 6 * 14 * 14;
    struct table t;
    open_table(&t, "training.framework=psl");
    move_cut_up(&t);
    say(&t, 11, layers(2, CONV2_PARAMS, CONV2_PARAMS));
    say(&t, 10, layers(2, CONV2_PARAMS, CONV2_PARAMS));
    assert_silent(&t);
    for (uint64_t peer = 10; peer <= 11; peer++) {
        struct msg *msg = msg_new(MSG_ACTIVATIONS);
        msg->activations = (struct msg_activations){.round = 2, .n_samples = BATCH};
        msg_attach(msg, payload_new(BATCH * features * sizeof(float)));
        msg_attach(msg, payload_new(BATCH * sizeof(uint32_t)));
        for (int i = 0; i < 2; i++)
            memset(payload_memory(msg->payload[i]), 0, payload_bytes(msg->payload[i]));
        say(&t, peer, msg);
    }
    for (uint64_t peer = 10; peer <= 11; peer++) {
        struct msg *msg = hear(&t, peer, MSG_GRADIENT);
        assert_int_equal(msg_payload_bytes(msg), BATCH * features * sizeof(float));
        msg_free(msg);
    }
    close_table(&t);
}

static void layers_that_do_not_fit_end_the_run(void **state)
{
    (void)state;
    struct {
        struct msg *msg;
        const char *reason;
    } cases[] = {
        {layers(1, CONV2_PARAMS, CONV2_PARAMS), "sent layers in round 1 that nobody waits for"},
        {layers(2, CONV2_PARAMS - 1, CONV2_PARAMS),
         "handed up 9660 bytes of weights instead of 9664"},
        {layers(2, CONV2_PARAMS, 0), "handed up 0 bytes of optimiser state instead of 9664"},
        {activations(2, 1), "sent activations of round 2 that nobody waits for"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct table t;
        open_table(&t, "training.framework=psl");
        move_cut_up(&t);
        say(&t, 10, cases[i].msg);
        char *reason = mem_format("device pi-0: %s", cases[i].reason);
        assert_fails(&t, reason);
        free(reason);
    }
    struct table t;
    open_table(&t, "training.framework=psl");
    move_cut_up(&t);
    say(&t, 10, layers(2, CONV2_PARAMS, CONV2_PARAMS));
    say(&t, 10, layers(2, CONV2_PARAMS, CONV2_PARAMS));
    assert_fails(&t, "device pi-0: sent layers in round 2 that nobody waits for");
    open_table(&t, "training.framework=psl");
    seat_both(&t);
    say(&t, 10, layers(1, 0, 0));
    assert_fails(&t, "device pi-0: sent layers in round 1 that nobody waits for");
}

static void between_rounds_the_server_waits_to_be_told_to_go_on(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    assert_int_equal(server_wanted_round(t.server), 0);
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    say(&t, 11, hello("pi-1"));
    drop(&t, 11, MSG_ASSIGNMENT);
    say(&t, 10, ready(4));
    server_receive(t.server, 11, &(struct msg *){ready(6)}, 0);
    assert_int_equal(server_state(t.server), SERVER_PLANNING);
    assert_int_equal(server_wanted_round(t.server), 1);
    assert_silent(&t);
    go_on(&t);
    assert_int_equal(server_wanted_round(t.server), 0);
    drop(&t, 10, MSG_ROUND);
    drop(&t, 11, MSG_ROUND);
    close_table(&t);
}

static void a_device_with_too_little_data_is_refused(void **state)
{
    (void)state;
    struct table t;
    open_table(&t, "training.framework=psl");
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    struct msg *msg = ready(4);
    msg->ready.n_test_samples = N_TEST - 1;
    say(&t, 10, msg);
    assert_fails(&t, "4 training and 5 test samples, wanted are 4 and 6");
}

static void taking_turns_one_device_trains_at_a_time(void **state)
{
    (void)state;
    const size_t front_bytes = (156 + 2416) * sizeof(float);
    struct table t;
    open_table(&t, "training.framework=sl");
    say(&t, 10, hello("pi-0"));
    drop(&t, 10, MSG_ASSIGNMENT);
    say(&t, 11, hello("pi-1"));
    drop(&t, 11, MSG_ASSIGNMENT);
    say(&t, 10, ready(4));
    say(&t, 11, ready(6));
    struct msg *round = hear(&t, 10, MSG_ROUND);
    assert_true(round->round.returns_front);
    assert_int_equal(round->n_payloads, 0);
    msg_free(round);
    assert_silent(&t);
    say(&t, 10, activations(1, 0));
    drop(&t, 10, MSG_GRADIENT);
    struct msg *done = round_done(1);
    struct payload *front = payload_new(front_bytes);
    memset(payload_memory(front), 0, front_bytes);
    msg_attach(done, front);
    say(&t, 10, done);
    round = hear(&t, 11, MSG_ROUND);
    assert_int_equal(msg_payload_bytes(round), front_bytes);
    msg_free(round);
    say(&t, 11, activations(1, 0));
    drop(&t, 11, MSG_GRADIENT);
    say(&t, 11, round_done(1)); /* without the front it was asked for */
    assert_fails(&t, "device pi-1: handed on 0 bytes of front weights instead of 10288");
}

static void say_at(struct table *t, uint64_t peer, struct msg *msg, double now_us)
{
    server_receive(t->server, peer, &msg, now_us);
    server_advance(t->server, now_us);
}

/* A table that asks for the time every second, both devices seated. */
static void open_table_with_clocks(struct table *t, const char *framework)
{
    struct err err = ERR_INIT;
    open_table(t, framework);
    server_free(t->server);
    struct server_inputs inputs = {.experiment = &t->e,
                                   .schedule = &t->schedule,
                                   .partition = &t->partition,
                                   .n_test_samples = N_TEST,
                                   .clock_every_us = 1e6};
    t->server = server_new(&inputs, &err);
    static const char *const names[] = {"pi-0", "pi-1"};
    for (uint64_t i = 0; i < 2; i++) {
        say_at(t, 10 + i, hello(names[i]), 0);
        drop(t, 10 + i, MSG_ASSIGNMENT);
    }
    say_at(t, 10, ready(4), 0);
    say_at(t, 11, ready(6), 0);
}

/* The answer to the question that is there, of a clock so much ahead; the ways take so long. */
static double tell_time(struct table *t, uint64_t peer, double ahead_us, double there_us,
                        double back_us)
{
    struct msg *msg = hear(t, peer, MSG_CLOCK);
    double asked_us = msg->clock.server_sent_s * 1e6;
    msg->clock.device_received_s = (asked_us + there_us + ahead_us) * 1e-6;
    msg->clock.device_sent_s = (asked_us + there_us + 5 + ahead_us) * 1e-6;
    double now_us = asked_us + there_us + 5 + back_us;
    say_at(t, peer, msg, now_us);
    return now_us;
}

static double tell_times(struct table *t)
{
    double now_us = 0;
    for (int i = 0; i < 8; i++) /* the fourth has the shortest round trip */
        now_us = tell_time(t, 10, 250000, i == 3 ? 60 : 100, i == 3 ? 20 : 900);
    for (int i = 0; i < 8; i++)
        now_us = tell_time(t, 11, -1e9, 50, 50);
    return now_us;
}

static void the_shortest_round_trip_says_how_far_a_clock_is_ahead(void **state)
{
    (void)state;
    struct table t;
    open_table_with_clocks(&t, "training.framework=psl");
    assert_int_equal(server_state(t.server), SERVER_CLOCKS);
    assert_int_equal(server_wanted_round(t.server), 0);
    double now_us = tell_times(&t);
    assert_silent(&t);
    assert_int_equal(server_wanted_round(t.server), 1);
    go_on(&t); /* begins at 0 */
    for (uint64_t peer = 10; peer <= 11; peer++) {
        drop(&t, peer, MSG_ROUND);
        struct msg *msg = activations(1, 0);
        msg->activations.forward_start_s = peer == 10 ? 0.25 + 0.001 : -1000 + 0.002;
        say_at(&t, peer, msg, now_us);
    }
    for (int i = 0; i < 3; i++)
        server_advance(t.server, now_us);
    for (uint64_t peer = 10; peer <= 11; peer++)
        drop(&t, peer, MSG_GRADIENT);
    for (uint64_t peer = 10; peer <= 11; peer++)
        say_at(&t, peer, round_done(1), now_us);
    const struct round_record *record = server_next_record(t.server);
    assert_non_null(record);
    const struct device_record *one = &record->devices[0], *two = &record->devices[1];
    assert_true(one->has_clock && two->has_clock);
    assert_true(fabs(one->clock_offset_s - 0.25 - 20e-6) < 1e-9); /* half of what the ways differ */
    assert_true(fabs(one->clock_bound_s - 40e-6) < 1e-9);
    assert_true(fabs(two->clock_offset_s + 1000) < 1e-9);
    assert_true(fabs(two->clock_bound_s - 50e-6) < 1e-9);
    assert_true(fabs(one->forward_start_us - 980) < 1e-3);
    assert_true(fabs(two->forward_start_us - 2000) < 1e-3);
    /* Not asked again before a second is over. */
    assert_int_equal(server_wanted_round(t.server), 2);
    server_advance(t.server, now_us + 0.9e6);
    assert_silent(&t);
    server_advance(t.server, now_us + 1.1e6);
    assert_int_equal(server_wanted_round(t.server), 0);
    drop(&t, 10, MSG_CLOCK);
    close_table(&t);
}

/* What two devices with clocks say of one round; on their own clocks. */
struct stamps {
    double forward_start_s, forward_s, backward_start_s, backward_s;
};

#define AHEAD_US 250020.0 /* what the server thinks the first is ahead after tell_times() */

/*
 * Round 1 from 0 on: both devices' activations come at 10 and 11 ms, gradients go at 11 ms, answers come at 20 and
 * 21 ms. The record lives as long as the table.
 */
static const struct round_record *stamped_round(struct table *t, const struct stamps stamps[2])
{
    open_table_with_clocks(t, "training.framework=psl");
    tell_times(t);
    go_on(t);
    for (int i = 0; i < 2; i++) {
        drop(t, 10 + (uint64_t)i, MSG_ROUND);
        struct msg *msg = activations(1, 0);
        msg->activations.forward_s = stamps[i].forward_s;
        msg->activations.forward_start_s = stamps[i].forward_start_s;
        say_at(t, 10 + (uint64_t)i, msg, 10000 + 1000 * i);
    }
    for (int i = 0; i < 3; i++)
        server_advance(t->server, 11000);
    for (uint64_t peer = 10; peer <= 11; peer++)
        drop(t, peer, MSG_GRADIENT);
    for (int i = 0; i < 2; i++) {
        struct msg *msg = round_done(1);
        msg->round_done.backward_s = stamps[i].backward_s;
        msg->round_done.backward_start_s = stamps[i].backward_start_s;
        say_at(t, 10 + (uint64_t)i, msg, 20000 + 1000 * i);
    }
    const struct round_record *record = server_next_record(t->server);
    assert_non_null(record);
    return record;
}

static void assert_us(double found_us, double wanted_us)
{
    if (!(fabs(found_us - wanted_us) < 1e-2))
        fail_msg("%.6f us instead of %.6f", found_us, wanted_us);
}

/* The first runs 200 ppm fast since it was asked; the second's clock is 1000 s behind. */
static void passes_lie_where_stamps_of_other_clocks_say(void **state)
{
    (void)state;
    struct table t;
    const double fast = 1.0002;
    const struct stamps stamps[2] = {
        {AHEAD_US * 1e-6 + 2e-3 * fast, 5e-3 * fast, AHEAD_US * 1e-6 + 14e-3 * fast, 3e-3 * fast},
        {-1000 + 3e-3, 6e-3, -1000 + 13e-3, 4e-3}};
    const struct round_record *record = stamped_round(&t, stamps);
    const struct device_times *one = &record->devices[0].times, *two = &record->devices[1].times;
    assert_us(one->forward_us, 2000.4);
    assert_us(one->forward_end_us, 7001.4);
    assert_us(one->arrived_us, 10000);
    assert_us(one->backward_us, 14002.8);
    assert_us(one->backward_end_us, 17003.4);
    assert_us(one->done_us, 20000);
    assert_us(two->forward_us, 3000);
    assert_us(two->forward_end_us, 9000);
    assert_us(two->backward_us, 13000);
    assert_us(two->backward_end_us, 17000);
    close_table(&t);
}

static void assert_ascending(const struct device_times *times, double arrived_us, double done_us)
{
    const double us[] = {0,     times->forward_us,  times->forward_end_us,  times->arrived_us,
                         11000, times->backward_us, times->backward_end_us, times->done_us};
    for (size_t i = 1; i < ARRAY_LEN(us); i++)
        if (!(us[i] >= us[i - 1]))
            fail_msg("%.9g us comes after %.9g", us[i], us[i - 1]);
    assert_us(times->arrived_us, arrived_us);
    assert_us(times->done_us, done_us);
}

static void stamps_of_no_sense_leave_passes_between_what_the_server_saw(void **state)
{
    (void)state;
    static const struct stamps nonsense[] = {
        {-1e9, 1e-3, -1e9, 1e-3},         {1e9, 1e-3, 1e9, 1e-3}, {1e308, 1e308, 1e308, 1e308},
        {-1e308, 1e308, -1e308, 1e308},   {0.25, 1e9, 0.25, 1e9}, {-1e308, 0, 1e308, 0},
        {0.25 + 9e-3, 5e-3, 0.2599, 9e-3}};
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        struct table t;
        const struct stamps stamps[2] = {nonsense[i], nonsense[i]};
        const struct round_record *record = stamped_round(&t, stamps);
        assert_ascending(&record->devices[0].times, 10000, 20000);
        assert_ascending(&record->devices[1].times, 11000, 21000);
        close_table(&t);
    }
}

/* Hears ROUND, and tells activations, then the answer with the front weights, at times of the server's clock. */
static void take_turn(struct table *t, uint64_t peer, const struct stamps *stamps,
                      double activations_us, double done_us)
{
    const size_t front_bytes = N_FRONT * sizeof(float);
    drop(t, peer, MSG_ROUND);
    struct msg *msg = activations(1, 0);
    msg->activations.forward_s = stamps->forward_s;
    msg->activations.forward_start_s = stamps->forward_start_s;
    say_at(t, peer, msg, activations_us);
    for (int i = 0; i < 3; i++)
        server_advance(t->server, activations_us);
    drop(t, peer, MSG_GRADIENT);
    msg = round_done(1);
    msg->round_done.backward_s = stamps->backward_s;
    msg->round_done.backward_start_s = stamps->backward_start_s;
    msg_attach(msg, payload_new(front_bytes));
    memset(payload_memory(msg->payload[0]), 0, front_bytes);
    say_at(t, peer, msg, done_us);
}

/* The ROUND with weights is with the second device 5 ms after it went, the gradients 2 and 8 ms after they did. */
static void fronts_are_handed_over_from_stamp_to_stamp_and_phases_add_up(void **state)
{
    (void)state;
    struct table t;
    const double ahead_s = AHEAD_US * 1e-6;
    const struct stamps one = {ahead_s + 1e-3, 5e-3, ahead_s + 12e-3, 3e-3},
                        two = {-1000 + 25e-3, 6e-3, -1000 + 48e-3, 4e-3};
    open_table_with_clocks(&t, "training.framework=sl");
    tell_times(&t);
    go_on(&t);
    take_turn(&t, 10, &one, 10000, 20000);
    take_turn(&t, 11, &two, 40000, 60000);
    const struct round_record *record = server_next_record(t.server);
    assert_non_null(record);
    const struct latency_terms *measured = &record->measured;
    assert_us(measured->uplink_s[0] * 1e6, 5000); /* with ROUND's trip: nothing came with it */
    assert_us(measured->downlink_s[0] * 1e6, 2000);
    assert_us(measured->handover_s[0] * 1e6, 5000 + 5000);
    assert_us(measured->uplink_s[1] * 1e6, 9000);
    assert_us(measured->downlink_s[1] * 1e6, 8000);
    assert_us(measured->handover_s[1] * 1e6, 8000);
    double sum_s = measured->server_forward_s + measured->server_backward_s;
    for (int i = 0; i < 2; i++)
        sum_s += measured->device_forward_s[i] + measured->uplink_s[i] + measured->downlink_s[i] +
                 measured->device_backward_s[i] + measured->handover_s[i];
    assert_us(sum_s * 1e6, record->measured_s * 1e6);
    close_table(&t);
}

static void times_that_nobody_asked_for_end_the_run(void **state)
{
    (void)state;
    struct table t;
    for (int wrong = 0; wrong < 3; wrong++) {
        open_table_with_clocks(&t, "training.framework=psl");
        struct msg *msg = hear(&t, 10, MSG_CLOCK);
        msg->clock.device_sent_s = wrong == 0 ? -1 : 0;
        msg->clock.server_sent_s += wrong == 1;
        say_at(&t, wrong == 2 ? 11 : 10, msg, 10);
        assert_fails(&t, wrong == 0   ? "device pi-0: its clock went back by 1 s while it looked"
                         : wrong == 1 ? "device pi-0: told a time that nobody asked for"
                                      : "device pi-1: told a time that nobody asked for");
    }
}

static void a_clock_that_no_offset_places_ends_the_run(void **state)
{
    (void)state;
    struct table t;
    open_table_with_clocks(&t, "training.framework=psl");
    struct msg *msg = hear(&t, 10, MSG_CLOCK);
    msg->clock.device_received_s = msg->clock.device_sent_s = 1e305;
    say_at(&t, 10, msg, 10);
    assert_fails(&t, "device pi-0: its clock is at 1e+305 s, which is out of all range");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_are_told_why_and_change_nothing),
        cmocka_unit_test(an_assignment_holds_what_the_device_needs),
        cmocka_unit_test(a_whole_run_goes_through_its_states),
        cmocka_unit_test(weights_that_nobody_wants_are_not_asked_for),
        cmocka_unit_test(fronts_of_another_size_or_out_of_turn_end_the_run),
        cmocka_unit_test(without_a_partition_devices_weigh_what_they_say_they_hold),
        cmocka_unit_test(without_a_partition_the_shortest_test_set_counts),
        cmocka_unit_test(a_device_without_samples_of_its_own_ends_the_run),
        cmocka_unit_test(a_device_that_goes_ends_the_run_and_the_others_are_told),
        cmocka_unit_test(a_round_that_is_over_counts_even_if_its_evaluation_is_not),
        cmocka_unit_test(a_device_cannot_end_a_round_between_its_two_gradients),
        cmocka_unit_test(a_device_that_gives_up_ends_the_run_with_its_reason),
        cmocka_unit_test(stopping_tells_every_device),
        cmocka_unit_test(messages_that_do_not_fit_end_the_run),
        cmocka_unit_test(a_cut_that_moves_up_waits_for_the_layers_of_all),
        cmocka_unit_test(layers_that_do_not_fit_end_the_run),
        cmocka_unit_test(between_rounds_the_server_waits_to_be_told_to_go_on),
        cmocka_unit_test(a_device_with_too_little_data_is_refused),
        cmocka_unit_test(taking_turns_one_device_trains_at_a_time),
        cmocka_unit_test(the_shortest_round_trip_says_how_far_a_clock_is_ahead),
        cmocka_unit_test(passes_lie_where_stamps_of_other_clocks_say),
        cmocka_unit_test(stamps_of_no_sense_leave_passes_between_what_the_server_saw),
        cmocka_unit_test(fronts_are_handed_over_from_stamp_to_stamp_and_phases_add_up),
        cmocka_unit_test(times_that_nobody_asked_for_end_the_run),
        cmocka_unit_test(a_clock_that_no_offset_places_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
