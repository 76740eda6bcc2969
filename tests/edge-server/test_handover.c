/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers that devices hand up when the cut moves; what outside links are told of that and of front parts. */
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

/* The last one said; forgets the others. */
static struct link_pace last_pace(struct table *t)
{
    const struct link_pace *pace = server_next_pace(t->server);
    struct link_pace last = {0};
    assert_non_null(pace);
    for (; pace; pace = server_next_pace(t->server))
        last = *pace;
    return last;
}

static void layers_and_activations_behind_them_have_a_pace_each(void **state)
{
    (void)state;
    struct table t;
    open_table_over(&t, "testbed.link=netns", "training.framework=psl", "radio.jitter=20 ms", true);
    move_cut_up(&t);
    struct link_pace pace = last_pace(&t);
    double given_bps = round_radio_transfer(t.schedule.radio, LINK_GIVEN, 1)->rate_bps;
    assert_true(pace.device == 1 && pace.is_uplink && !pace.is_way_back);
    assert_int_equal(pace.payload_bytes, 2 * CONV2_PARAMS * sizeof(float));
    assert_true(fabs(pace.transfer_s * given_bps / (64.0 * CONV2_PARAMS) - 1) < 1e-9);
    say(&t, 11, layers(2, CONV2_PARAMS, CONV2_PARAMS));
    pace = last_pace(&t);
    assert_true(pace.device == 1 && pace.is_uplink && !pace.is_way_back);
    assert_int_equal(pace.payload_bytes, BATCH * (6 * 14 * 14 * sizeof(float) + sizeof(uint32_t)));
    assert_true(pace.delay_s > 0);
    close_table(&t);
}

static void a_front_part_handed_on_has_a_pace_of_its_own(void **state)
{
    (void)state;
    struct table t;
    open_table_over(&t, "testbed.link=netns", "training.framework=sl", "radio.jitter=20 ms", true);
    for (uint64_t peer = 10; peer <= 11; peer++) {
        say(&t, peer, hello(peer == 10 ? "pi-0" : "pi-1"));
        drop(&t, peer, MSG_ASSIGNMENT);
    }
    say(&t, 10, ready(4));
    say(&t, 11, ready(6));
    drop(&t, 10, MSG_ROUND);
    say(&t, 10, activations(1, 1));
    struct link_pace pace = last_pace(&t);
    const struct transfer *front = round_radio_transfer(t.schedule.radio, LINK_FRONT, 0);
    assert_true(pace.device == 0 && pace.is_uplink && !pace.is_way_back);
    assert_true(8 * (double)pace.payload_bytes == front->bits);
    assert_true(front->delay_s > 0 && fabs(pace.delay_s - front->delay_s) < 1e-12);
    assert_true(fabs(pace.carry_s - front->carry_s) < 1e-12);
    assert_true(fabs(pace.transfer_s - front->carry_s - front->delay_s) < 1e-12);

    drop(&t, 10, MSG_GRADIENT);
    struct msg *done = round_done(1);
    msg_attach(done, payload_zeros(pace.payload_bytes));
    say(&t, 10, done);
    const struct link_pace *down = server_next_pace(t.server);
    while (down && (down->device == 0 || down->is_uplink))
        down = server_next_pace(t.server);
    assert_non_null(down);
    const struct transfer *gained = round_radio_transfer(t.schedule.radio, LINK_GAINED, 1);
    assert_true(8 * (double)down->payload_bytes == gained->bits && gained->delay_s > 0);
    assert_true(fabs(down->delay_s - gained->delay_s) < 1e-12);
    assert_true(fabs(down->carry_s - gained->carry_s) < 1e-12);
    close_table(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_that_moves_up_waits_for_the_layers_of_all),
        cmocka_unit_test(layers_that_do_not_fit_end_the_run),
        cmocka_unit_test(layers_and_activations_behind_them_have_a_pace_each),
        cmocka_unit_test(a_front_part_handed_on_has_a_pace_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
