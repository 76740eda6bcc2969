/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers that devices hand up when the cut moves. */
#include "tests/edge-server/server_table.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_that_moves_up_waits_for_the_layers_of_all),
        cmocka_unit_test(layers_that_do_not_fit_end_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
