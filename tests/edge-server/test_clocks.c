/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices' clocks: what the server makes of their answers and of the stamps on what they send. */
#include "tests/edge-server/server_table.h"

static void say_at(struct table *t, uint64_t peer, struct msg *msg, double now_us)
{
    server_receive(t->server, peer, &msg, now_us);
    server_advance(t->server, now_us);
}

/* A table that asks for the time every second, both devices seated. */
static void open_table_with_clocks(struct table *t, const char *framework)
{
    open_table(t, framework);
    server_free(t->server);
    make_server(t, true, 1e6);
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
        cmocka_unit_test(the_shortest_round_trip_says_how_far_a_clock_is_ahead),
        cmocka_unit_test(passes_lie_where_stamps_of_other_clocks_say),
        cmocka_unit_test(stamps_of_no_sense_leave_passes_between_what_the_server_saw),
        cmocka_unit_test(fronts_are_handed_over_from_stamp_to_stamp_and_phases_add_up),
        cmocka_unit_test(times_that_nobody_asked_for_end_the_run),
        cmocka_unit_test(a_clock_that_no_offset_places_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
