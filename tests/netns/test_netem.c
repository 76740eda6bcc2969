/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What netem is asked for; and, as root on a kernel that has it, what it then does, by the kernel's own counters. On
 * other kernels those tests are skipped; `make check-netem` runs them on one in a virtual machine.
 */
#include "tests/netns/line.h"

#include <math.h>

#include "base/clock.h"
#include "netns/netem.h"
#include "netns/windows.h"

/* As often without a loss as by the equations: so many segments of 1500 are so many others of 1448. */
static void a_message_gets_through_without_a_loss_as_often_as_by_the_equations(void **state)
{
    (void)state;
    const double losses[] = {1e-6, 0.01, 0.1, 0.5};
    assert_true(netem_frame_loss(0) == 0);
    for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
        double by_segments = 1448 * log1p(-losses[i]);
        double by_frames = 1500 * log1p(-netem_frame_loss(losses[i]));
        assert_true(fabs(by_frames / by_segments - 1) < 1e-12);
    }
    assert_true(fabs(netem_frame_loss(0.01) - 0.0096550) < 1e-7);
}

static void delay_and_loss_are_in_the_kernels_units(void **state)
{
    (void)state;
    struct netem netem = netem_for(0.0203, 0.01), none = netem_for(0, 0);
    assert_int_equal(netem.delay_ns, 20300000);
    assert_int_equal(netem.loss, lround(netem_frame_loss(0.01) * 4294967295.0));
    assert_int_equal(none.delay_ns, 0);
    assert_int_equal(none.loss, 0);
    assert_int_equal(netem_for(60 * 1e6, 0).delay_ns, 60000000000000000); /* the largest there is */
    assert_int_equal(netem_for(HUGE_VAL, 0).delay_ns, 1000000000000000000);
}

static void all_that_a_window_lets_out_has_room(void **state)
{
    (void)state;
    assert_true((double)NETEM_LIMIT_PIECES * TBF_SEGMENT_BYTES > 10.0 * WINDOWS_MAX_BYTES);
}

static void open_impaired(struct line *line, bool has_loss)
{
    struct err err = ERR_INIT;
    int answer = netns_has_netem(&err);
    if (answer <= 0) {
        printf("skipped: %s\n", answer ? err.text : "this kernel has no netem");
        skip();
    }
    open_link(line);
    if (buckets_use_netem(line->buckets, line->netns.fds, has_loss, &err))
        fail_msg("%s", err.text);
    connect_line(line);
}

static void impair(struct line *line, double delay_s, double segment_loss)
{
    struct err err = ERR_INIT;
    if (buckets_impair(line->buckets, 0, BUCKET_HUB, delay_s, segment_loss, &err))
        fail_msg("%s", err.text);
}

static void assert_impaired(double delay_s, double segment_loss)
{
    struct qdisc_state found = qdisc_state(RTNETLINK_NETEM);
    struct netem wanted = netem_for(delay_s, segment_loss);
    assert_int_equal(found.delay_ns, wanted.delay_ns);
    assert_int_equal(found.loss, wanted.loss);
}

static void a_change_of_the_bucket_keeps_delay_and_loss(void **state)
{
    (void)state;
    struct line line;
    open_impaired(&line, true);
    assert_impaired(0, 0);
    impair(&line, 0.02, 0.01);
    assert_impaired(0.02, 0.01);
    set(&line, 1e6, 1);
    set(&line, 2000, 0.2);
    set(&line, 0, 0);
    assert_impaired(0.02, 0.01);
    impair(&line, 5, 0);
    assert_impaired(5, 0);
    close_line(&line);
}

/* Sends so much and takes it at the same time; seconds. */
static double carry(struct line *line, size_t n)
{
    char bytes[65536] = {0};
    struct pollfd ends[] = {{.fd = line->hub, .events = POLLOUT},
                            {.fd = line->device, .events = POLLIN}};
    size_t n_sent = 0, n_taken = 0;
    int64_t start_us = clock_now_us();
    while (n_taken < n) {
        ends[0].events = n_sent < n ? POLLOUT : 0;
        if (poll(ends, 2, DEADLINE_MS) <= 0)
            fail_msg("%zu bytes did not come", n - n_taken);
        size_t n_next = n - n_sent < sizeof bytes ? n - n_sent : sizeof bytes;
        if (ends[0].revents & POLLOUT)
            n_sent += (size_t)fmax(0, send(line->hub, bytes, n_next, MSG_DONTWAIT));
        if (ends[1].revents & POLLIN)
            n_taken += (size_t)fmax(0, recv(line->device, bytes, sizeof bytes, MSG_DONTWAIT));
    }
    return (double)(clock_now_us() - start_us) * 1e-6;
}

/* Slow, so that a machine whose timers are late by milliseconds can say something about delays of some twenty. */
static void delay_and_bits_over_rate_add_up(void **state)
{
    (void)state;
    static const double delays_s[] = {0, 0.02, 0.5};
    const size_t n = 80000;
    const double carry_s = 2;
    struct line line;
    open_impaired(&line, false);
    set(&line, 0, 0);
    carry(&line, 10 * n); /* the receiver offers little to begin with */
    for (size_t i = 0; i < ARRAY_LEN(delays_s); i++) {
        impair(&line, delays_s[i], 0);
        set(&line, n - TBF_MESSAGE_BYTES, carry_s);
        assert_impaired(delays_s[i], 0);
        double s = carry(&line, n), wanted_s = delays_s[i] + carry_s;
        printf("measured: bits over rate %.3f s, delay %.3f s: %.3f s\n", carry_s, delays_s[i], s);
        assert_true(s > delays_s[i] + 0.97 * carry_s);
        assert_true(s < 1.25 * wanted_s);
    }
    assert_int_equal(qdisc_state(RTNETLINK_NETEM).n_dropped, 0);
    close_line(&line);
}

static void a_frame_arrives_a_delay_later(void **state)
{
    (void)state;
    static const double delays_s[] = {0, 0.02, 0.1};
    struct line line;
    open_impaired(&line, false);
    for (size_t i = 0; i < ARRAY_LEN(delays_s); i++) {
        double least_s = HUGE_VAL;
        impair(&line, delays_s[i], 0);
        for (int k = 0; k < 5; k++)
            least_s = fmin(least_s, carry(&line, 100));
        printf("measured: a frame, delay %.3f s: %.4f s\n", delays_s[i], least_s);
        assert_true(least_s >= delays_s[i]);
        assert_true(least_s < delays_s[i] + 1);
    }
    close_line(&line);
}

static struct tcp_info tcp_info(const struct line *line)
{
    struct tcp_info info;
    socklen_t n = sizeof info;
    assert_int_equal(getsockopt(line->hub, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
    return info;
}

static void a_delayed_sender_waits_for_no_acknowledgement(void **state)
{
    (void)state;
    struct line line;
    open_impaired(&line, false);
    assert_true(tcp_info(&line).tcpi_snd_cwnd >= WINDOWS_MAX_BYTES / TBF_SEGMENT_BYTES);
    impair(&line, 0.02, 0);
    carry(&line, 5000000);
    assert_int_equal(tcp_info(&line).tcpi_total_retrans,
                     0); /* nothing lost, nothing out of order */
    assert_int_equal(qdisc_state(RTNETLINK_NETEM).n_dropped, 0);
    close_line(&line);
}

/* The first has to wait until the receiver offers as much, a few delays. */
static void the_second_large_message_takes_one_delay_alone(void **state)
{
    (void)state;
    const double delay_s = 0.5;
    struct line line;
    open_impaired(&line, false);
    impair(&line, delay_s, 0);
    double first_s = carry(&line, 1000000), second_s = carry(&line, 1000000);
    printf("measured: 1 MB, delay %.3f s: %.3f s, the second time %.3f s\n", delay_s, first_s,
           second_s);
    assert_true(second_s >= delay_s && second_s < 2 * delay_s);
    close_line(&line);
}

/* All of the message arrives; the share of what the kernel dropped is within five standard deviations. */
static void frames_are_lost_as_often_as_asked(void **state)
{
    (void)state;
    const size_t n_messages = 100, n = 200000;
    struct line line;
    open_impaired(&line, true);
    impair(&line, 0, 0.01);
    for (size_t i = 0; i < n_messages; i++)
        carry(&line, n);
    struct qdisc_state found = qdisc_state(RTNETLINK_NETEM);
    double n_frames = (double)found.n_passed + found.n_dropped, p = netem_frame_loss(0.01);
    printf("measured: loss of segments 1 %%: %u of %.0f frames lost, %.2f %%; TCP sent %u again\n",
           found.n_dropped, n_frames, 100 * found.n_dropped / n_frames,
           tcp_info(&line).tcpi_total_retrans);
    assert_true(n_frames > (double)(n_messages * n) / TBF_SEGMENT_BYTES); /* each by itself */
    assert_true(fabs(found.n_dropped - p * n_frames) < 5 * sqrt(p * n_frames));
    assert_true(tcp_info(&line).tcpi_total_retrans >= found.n_dropped / 2);
    close_line(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_gets_through_without_a_loss_as_often_as_by_the_equations),
        cmocka_unit_test(delay_and_loss_are_in_the_kernels_units),
        cmocka_unit_test(all_that_a_window_lets_out_has_room),
        cmocka_unit_test(a_change_of_the_bucket_keeps_delay_and_loss),
        cmocka_unit_test(delay_and_bits_over_rate_add_up),
        cmocka_unit_test(a_frame_arrives_a_delay_later),
        cmocka_unit_test(a_delayed_sender_waits_for_no_acknowledgement),
        cmocka_unit_test(the_second_large_message_takes_one_delay_alone),
        cmocka_unit_test(frames_are_lost_as_often_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
