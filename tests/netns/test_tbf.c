/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rates and bursts for messages, headers counted. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/mem.h"
#include "netns/tbf.h"

static void every_1448_bytes_of_the_stream_cost_a_frame_of_1514(void **state)
{
    (void)state;
    double full = 10 * TBF_SEGMENT_BYTES - TBF_MESSAGE_BYTES;
    assert_true(tbf_message_bytes(full) == 10 * 1514);
    assert_true(tbf_message_bytes(full + 1) == 10 * 1514 + 1 + 66);
    assert_true(tbf_message_bytes(0) == TBF_MESSAGE_BYTES + 66);
}

/* The burst at once, the rest at the rate. */
static double time_through_s(double bytes, struct tbf tbf)
{
    return (bytes - tbf.burst_bytes) / (double)tbf.bytes_per_s;
}

static void a_message_is_through_when_it_should_be(void **state)
{
    (void)state;
    static const double bits_per_s[] = {1e5, 1e6, 2.3e7, 1e8, 1e9};
    static const double payload_bytes[] = {1e4, 65536, 1e6, 16777216};
    for (size_t i = 0; i < ARRAY_LEN(bits_per_s); i++)
        for (size_t j = 0; j < ARRAY_LEN(payload_bytes); j++) {
            double bytes = tbf_message_bytes(payload_bytes[j]);
            double wall_s = 8 * payload_bytes[j] / bits_per_s[i];
            struct tbf tbf = tbf_for_bytes(bytes, wall_s, 0);
            assert_true(fabs(time_through_s(bytes, tbf) / wall_s - 1) < 1e-3);
        }
}

static void the_burst_is_two_milliseconds_or_a_quarter_but_at_least_a_frame(void **state)
{
    (void)state;
    assert_int_equal(tbf_for_bytes(1e6, 1, 0).burst_bytes, 2000);
    assert_int_equal(tbf_for_bytes(1e6, 0.004, 0).burst_bytes, 250000);
    assert_int_equal(tbf_for_bytes(1e6, 100, 0).burst_bytes, TBF_FRAME_BYTES);
}

static void a_bucket_takes_whatever_piece_may_be_queued(void **state)
{
    (void)state;
    assert_int_equal(tbf_for_bytes(1e6, 100, TBF_PIECE_BYTES).burst_bytes, TBF_PIECE_BYTES);
    assert_true(TBF_PIECE_SEGMENTS * TBF_FRAME_BYTES <= TBF_PIECE_BYTES);
}

static void what_fits_into_the_burst_still_has_a_rate(void **state)
{
    (void)state;
    struct tbf tbf = tbf_for_bytes(100, 10, 0);
    assert_int_equal(tbf.burst_bytes, TBF_FRAME_BYTES);
    assert_int_equal(tbf.bytes_per_s, 2);
    assert_int_equal(tbf_for_bytes(1, 1e6, 0).bytes_per_s, 1);
}

static void no_time_or_no_end_is_no_limit(void **state)
{
    (void)state;
    static const double times_s[] = {0, -1, HUGE_VAL, (double)NAN, 1e-12};
    for (size_t i = 0; i < ARRAY_LEN(times_s); i++) {
        struct tbf tbf = tbf_for_bytes(1e6, times_s[i], 0);
        assert_true(tbf.bytes_per_s > 1000000000);
        assert_true(tbf.burst_bytes > TBF_PIECE_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_1448_bytes_of_the_stream_cost_a_frame_of_1514),
        cmocka_unit_test(a_message_is_through_when_it_should_be),
        cmocka_unit_test(the_burst_is_two_milliseconds_or_a_quarter_but_at_least_a_frame),
        cmocka_unit_test(a_bucket_takes_whatever_piece_may_be_queued),
        cmocka_unit_test(what_fits_into_the_burst_still_has_a_rate),
        cmocka_unit_test(no_time_or_no_end_is_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
