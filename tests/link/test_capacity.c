/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outages, and what a transfer takes besides its bits over the rate. */
#include <math.h>

#include "link/capacity.h"
#include "tests/link/temp_file.h"

static struct outage two[] = {{1, 2}, {4, 4.5}};
static struct outages schedule = {.list = two, .n = 2};

static void outages_are_waited_out(void **state)
{
    struct capacity capacity = {.rate_bps = 100, .outages = &schedule};

    (void)state;
    assert_near(capacity_end_s(&capacity, 0, 100), 1, 1e-12);
    assert_near(capacity_end_s(&capacity, 0, 101), 2.01, 1e-12);
    assert_near(capacity_end_s(&capacity, 0.5, 250), 4, 1e-12);
    assert_near(capacity_end_s(&capacity, 0.5, 251), 4.51, 1e-12);
    assert_near(capacity_end_s(&capacity, 1.5, 10), 2.1, 1e-12);
    assert_near(capacity_end_s(&capacity, 2, 10), 2.1, 1e-12); /* up again */
    assert_near(capacity_end_s(&capacity, 7, 10), 7.1, 1e-12);
    assert_near(capacity_bits(&capacity, 0, 5), 350, 1e-9);
    assert_near(capacity_bits(&capacity, 1.2, 1.9), 0, 0);
}

static void a_recording_goes_on_during_an_outage(void **state)
{
    struct err err = ERR_INIT;
    write_text("x.trace", "500\n1000\n"); /* a packet every half second */
    struct trace *trace = trace_load("x.trace", &err);
    struct capacity capacity = {.trace = trace, .outages = &schedule};

    (void)state;
    assert_non_null(trace);
    assert_near(capacity_end_s(&capacity, 0, 2 * TRACE_PACKET_BITS), 1, 1e-12);
    assert_near(capacity_end_s(&capacity, 0, 3 * TRACE_PACKET_BITS), 2.5, 1e-12); /* 1.5, 2 lost */
    trace_free(trace);
}

static void drawn_outages_have_their_means_and_repeat(void **state)
{
    struct outages a, b;
    struct outage next;
    double down_s = 0, t = 0;
    int n = 0;

    (void)state;
    outages_init_drawn(&a, 3, 0.5, 7, 1);
    outages_init_drawn(&b, 3, 0.5, 7, 1);
    assert_true(outages_next(&b, 60000, &next)); /* asked about in another order */
    for (; t < 70000 && outages_next(&a, t, &next); n++) {
        struct outage same;
        assert_true(next.down_s >= t && next.up_s > next.down_s);
        assert_true(outages_next(&b, t, &same));
        assert_memory_equal(&same, &next, sizeof same);
        down_s += next.up_s - next.down_s;
        t = next.up_s;
    }
    assert_near(down_s / n, 0.5, 0.02);
    assert_near(t / n, 3.5, 0.1);
    outages_release(&a);
    outages_release(&b);
}

static void schedules_are_read_and_checked(void **state)
{
    static const char *const names[] = {"a", "b"};
    static const struct {
        const char *text, *message;
    } refused[] = {
        {"down_s,up_s\n", "x.csv:1: the columns must be device,down_s,up_s"},
        {"device,down_s,up_s\nc,1,2\n", "x.csv:2: device 'c': there is none of that name"},
        {"device,down_s,up_s\na,2,2\n", "x.csv:2: up_s '2': must be later than down_s"},
        {"device,down_s,up_s\na,-1,2\n", "x.csv:2: down_s '-1': must be a number in [0, 1e+09]"},
        {"device,down_s,up_s\nb,1,3\n*,2,4\n",
         "x.csv:3: down_s '2': device 'b' is not up again before 3 s"},
    };
    struct name_index index;
    struct outages outages[2];
    struct outage next;
    struct err err = ERR_INIT;

    (void)state;
    name_index_init(&index, names, 2);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        outages_init(&outages[0]);
        outages_init(&outages[1]);
        write_text("x.csv", refused[i].text);
        assert_int_equal(outages_load(outages, &index, "x.csv", &err), -1);
        assert_string_equal(err.text, refused[i].message);
        outages_release(&outages[0]);
        outages_release(&outages[1]);
    }
    write_text("x.csv", "device,down_s,up_s\n*,1,2\nb,5,6\n");
    assert_int_equal(outages_load(outages, &index, "x.csv", &err), 0);
    assert_false(outages_next(&outages[0], 2, &next));
    assert_true(outages_next(&outages[1], 2, &next));
    assert_true(next.down_s == 5 && next.up_s == 6);
    outages_release(&outages[0]);
    outages_release(&outages[1]);
    name_index_release(&index);
}

static void delay_is_added_and_jitter_lies_in_its_range(void **state)
{
    struct capacity capacity = {.rate_bps = 1e6};
    struct impairments fixed = {.delay_s = 0.02}, jittery = {.delay_s = 0.02, .jitter_s = 0.01};
    struct rng rng;
    double sum = 0;

    (void)state;
    rng_seed(&rng, 1, 0);
    assert_near(capacity_arrival(&capacity, &fixed, &rng, 3, 1e6).at_s, 4.02, 1e-12);
    for (int i = 0; i < 10000; i++) {
        double extra_s = capacity_arrival(&capacity, &jittery, &rng, 3, 1e6).at_s - 4.02;
        assert_true(extra_s >= -1e-12 && extra_s < 0.01);
        sum += extra_s;
    }
    assert_near(sum / 10000, 0.005, 2e-4);
}

/*
 * n segments sent with loss p: p n of them again after the wait, p^2 n a second time, and so on:
 * with many segments the link is busy for bits / (1 - p).
 */
static void lost_segments_cost_time_on_the_link_and_waits(void **state)
{
    struct capacity capacity = {.rate_bps = CAPACITY_SEGMENT_BITS}; /* a segment a second */
    struct impairments busy = {.loss = 0.1}, waits = {.loss = 0.5, .retransmission_s = 1e6};
    struct impairments none = {.retransmission_s = 1e6};
    struct rng rng;
    double sum = 0, n_waits = 0;

    (void)state;
    rng_seed(&rng, 1, 0);
    assert_near(capacity_arrival(&capacity, &none, &rng, 0, CAPACITY_SEGMENT_BITS).at_s, 1, 1e-12);
    for (int i = 0; i < 200; i++)
        sum += capacity_arrival(&capacity, &busy, &rng, 0, 5000 * CAPACITY_SEGMENT_BITS).at_s;
    assert_near(sum / 200 / 5000, 1 / 0.9, 0.002);
    for (int i = 0; i < 20000; i++) /* one segment: waits are geometric with mean p/(1-p) */
        n_waits += floor(capacity_arrival(&capacity, &waits, &rng, 0, 100).at_s / 1e6);
    assert_near(n_waits / 20000, 1, 0.04);
}

static void what_came_on_top_is_told_apart(void **state)
{
    struct capacity capacity = {.rate_bps = CAPACITY_SEGMENT_BITS};
    struct impairments all = {.delay_s = 0.25, .jitter_s = 0.5, .loss = 0.5, .retransmission_s = 8};
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1, 0);
    for (int i = 0; i < 100; i++) {
        struct arrival a = capacity_arrival(&capacity, &all, &rng, 3, 10 * CAPACITY_SEGMENT_BITS);
        assert_true(a.propagation_s >= 0.25 && a.propagation_s < 0.75);
        assert_true(a.again_s == 0 || a.again_s >= 9); /* a wait, and a segment at least */
        assert_near(a.at_s - a.again_s - a.propagation_s, 13, 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outages_are_waited_out),
        cmocka_unit_test(a_recording_goes_on_during_an_outage),
        cmocka_unit_test(drawn_outages_have_their_means_and_repeat),
        cmocka_unit_test(schedules_are_read_and_checked),
        cmocka_unit_test(delay_is_added_and_jitter_lies_in_its_range),
        cmocka_unit_test(lost_segments_cost_time_on_the_link_and_waits),
        cmocka_unit_test(what_came_on_top_is_told_apart),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
