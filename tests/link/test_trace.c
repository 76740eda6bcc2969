/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdbool.h>

#include "base/rng.h"
#include "link/trace.h"
#include "tests/link/temp_file.h"

#define PACKET TRACE_PACKET_BITS

static struct trace *load(const char *name, const char *text)
{
    struct err err = ERR_INIT;
    write_text(name, text);
    struct trace *trace = trace_load(name, &err);
    if (!trace)
        fail_msg("%s", err.text);
    return trace;
}

static void a_packet_trace_lets_1500_bytes_go_at_each_line(void **state)
{
    struct trace *trace = load("x.trace", "3\n3\n5\n9\n");

    (void)state;
    assert_near(trace_end_s(trace, 0, 1), 0.003, 1e-15);
    assert_near(trace_end_s(trace, 0, PACKET), 0.003, 1e-15);
    assert_near(trace_end_s(trace, 0, 2 * PACKET), 0.003, 1e-15);
    assert_near(trace_end_s(trace, 0, 2 * PACKET + 1), 0.005, 1e-15);
    assert_near(trace_end_s(trace, 0, 4 * PACKET), 0.009, 1e-15);
    assert_near(trace_end_s(trace, 0.0029, PACKET), 0.003, 1e-15);
    assert_near(trace_end_s(trace, 0.003, PACKET), 0.005, 1e-15); /* that one is past */
    assert_near(trace_end_s(trace, 0.0071, 0), 0.0071, 0);
    assert_near(trace_mean_bps(trace), 4 * PACKET / 0.009, 1e-6);
    trace_free(trace);
}

/* As in Mahimahi, the next lap begins when the last line's millisecond is there. */
static void a_packet_trace_starts_over_at_its_last_line(void **state)
{
    struct trace *trace = load("x.trace", "3\n3\n5\n9\n"), *one = load("x.trace", "1\n");

    (void)state;
    assert_near(trace_end_s(trace, 0, 5 * PACKET), 0.012, 1e-15);
    assert_near(trace_end_s(trace, 0, 8 * PACKET), 0.018, 1e-15);
    assert_near(trace_end_s(trace, 0.009, PACKET), 0.012, 1e-15);
    assert_near(trace_end_s(trace, 0, 4 * PACKET * 1e6), 9e3, 1e-9);
    assert_near(trace_end_s(one, 0, 1000 * PACKET), 1, 1e-12); /* 12 Mbit/s */
    trace_free(trace);
    trace_free(one);
}

static void a_zero_millisecond_comes_with_the_end_of_the_lap_before(void **state)
{
    struct trace *trace = load("x.trace", "0\n2\n");

    (void)state;
    assert_near(trace_end_s(trace, 0, PACKET), 0.002, 1e-15);     /* that of 0 is past */
    assert_near(trace_end_s(trace, 0, 2 * PACKET), 0.002, 1e-15); /* 2 and the next lap's 0 */
    assert_near(trace_end_s(trace, 0, 3 * PACKET), 0.004, 1e-15);
    trace_free(trace);
}

static void a_rate_trace_is_integrated(void **state)
{
    struct trace *trace = load("x.csv", "time_s,rate_bps\n0,100\n1,0\n3,50\n5,200\n"); /* to 7 s */

    (void)state;
    assert_near(trace_end_s(trace, 0, 50), 0.5, 1e-12);
    assert_near(trace_end_s(trace, 0, 100), 1, 1e-12); /* before nothing goes for 2 s */
    assert_near(trace_end_s(trace, 0, 150), 4, 1e-12);
    assert_near(trace_end_s(trace, 2, 1), 3.02, 1e-12);
    assert_near(trace_end_s(trace, 0, 600), 7, 1e-12);
    assert_near(trace_end_s(trace, 0, 650), 7.5, 1e-12);
    assert_near(trace_end_s(trace, 6, 250), 7.5, 1e-12);
    assert_near(trace_end_s(trace, 7e6, 50), 7e6 + 0.5, 1e-6);
    assert_near(trace_bits(trace, 0.5, 4), 100, 1e-9);
    assert_near(trace_bits(trace, 6, 15), 200 + 600 + 100, 1e-9);
    assert_near(trace_mean_bps(trace), 600.0 / 7, 1e-9);
    trace_free(trace);
}

static void a_single_rate_lasts_for_ever(void **state)
{
    struct trace *trace = load("x.csv", "time_s,rate_bps\n0,1e6\n");

    (void)state;
    assert_near(trace_end_s(trace, 0.25, 3.7e6), 3.95, 1e-9);
    assert_near(trace_end_s(trace, 12345.5, 1e9), 13345.5, 1e-6);
    assert_true(trace_end_s(trace, 0, 1e300) == HUGE_VAL);
    trace_free(trace);
}

/* What the two questions say fits, later or more is never sooner, and parts add up. */
static void random_questions_to_random_traces_fit_together(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 4, 0);
    for (int k = 0; k < 60; k++) {
        char text[4096];
        size_t n = 0;
        double at = 0;
        bool is_packets = k % 2;
        if (!is_packets)
            n = (size_t)snprintf(text, sizeof text, "time_s,rate_bps\n");
        for (int i = 0; i < 30; i++) {
            n += (size_t)(is_packets ? snprintf(text + n, sizeof text - n, "%.0f\n", at + 1)
                                     : snprintf(text + n, sizeof text - n, "%.6f,%d\n", at,
                                                (int)rng_below(&rng, 3) * 100000));
            at += is_packets ? (double)rng_below(&rng, 5) : 0.001 + rng_uniform(&rng);
        }
        if (!is_packets)
            snprintf(text + n, sizeof text - n, "%.6f,5\n", at);
        struct trace *trace = load(is_packets ? "x.trace" : "x.csv", text);
        for (int i = 0; i < 100; i++) {
            double start = rng_uniform_in(&rng, 0, is_packets ? 0.3 : 40);
            double bits = rng_uniform_in(&rng, 0, is_packets ? 1e6 : 3e6);
            double end = trace_end_s(trace, start, bits);
            double carried = trace_bits(trace, start, end);
            assert_true(end >= start);
            assert_true(carried >= bits - 1e-3);
            if (is_packets) /* a millisecond before, it was not there */
                assert_true(trace_bits(trace, start, end - 0.001) < bits);
            else
                assert_near(carried, bits, 1e-3);
            assert_true(trace_end_s(trace, start, bits + 1) >= end);
            assert_true(trace_end_s(trace, start + 0.01, bits) >= end - 1e-9);
        }
        trace_free(trace);
    }
}

static void what_is_no_trace_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *name, *text, *message;
    } rows[] = {
        {"x.trace", "", "x.trace: no rows"},
        {"x.trace", "0\n0\n", "x.trace: lasts no time: one line must be above 0"},
        {"x.trace", "1\n5\n4\n",
         "x.trace:3: millisecond '4': must not be earlier than the one before"},
        {"x.trace", "1\n2.5\n", "x.trace:2: millisecond '2.5': must be an integer"},
        {"x.trace", "-1\n", "x.trace:1: millisecond '-1': must be a number in [0, 1e+12]"},
        {"x.trace", "1,2\n", "x.trace:1: one number a line is wanted"},
        {"x.csv", "t,r\n0,1\n", "x.csv:1: the columns must be time_s,rate_bps"},
        {"x.csv", "time_s,rate_bps\n", "x.csv: no rows"},
        {"x.csv", "time_s,rate_bps\n1,1\n", "x.csv:2: time_s '1': the first must be 0"},
        {"x.csv", "time_s,rate_bps\n0,1\n0,2\n",
         "x.csv:3: time_s '0': must be later than the one before"},
        {"x.csv", "time_s,rate_bps\n0,1\n1,1e-300\n",
         "x.csv:3: rate_bps '1e-300': must be 0 or at least 0.001"},
        {"x.csv", "time_s,rate_bps\n0,-1\n",
         "x.csv:2: rate_bps '-1': must be a number in [0, 1e+15]"},
        {"x.csv", "time_s,rate_bps\n0,0\n1,0\n",
         "x.csv: carries nothing: one rate must be above 0"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = ERR_INIT;
        write_text(rows[i].name, rows[i].text);
        assert_null(trace_load(rows[i].name, &err));
        assert_string_equal(err.text, rows[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_trace_lets_1500_bytes_go_at_each_line),
        cmocka_unit_test(a_packet_trace_starts_over_at_its_last_line),
        cmocka_unit_test(a_zero_millisecond_comes_with_the_end_of_the_lap_before),
        cmocka_unit_test(a_rate_trace_is_integrated),
        cmocka_unit_test(a_single_rate_lasts_for_ever),
        cmocka_unit_test(random_questions_to_random_traces_fit_together),
        cmocka_unit_test(what_is_no_trace_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
