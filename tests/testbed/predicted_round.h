/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rounds of a line (virtual_line.h) that take what the equations say, exactly but for the rounding of doubles. */
#ifndef TESTS_TESTBED_PREDICTED_ROUND_H
#define TESTS_TESTBED_PREDICTED_ROUND_H

#include "tests/testbed/virtual_line.h"

static inline void assert_near_s(double got_s, double want_s)
{
    if (!(fabs(got_s - want_s) <= 1e-9 * want_s + 1e-15))
        fail_msg("%.17g s instead of %.17g s", got_s, want_s);
}

static inline void assert_terms_near(const struct latency_terms *got,
                                     const struct latency_terms *want)
{
    for (int i = 0; i < want->n_devices; i++) {
        assert_near_s(got->device_forward_s[i], want->device_forward_s[i]);
        assert_near_s(got->uplink_s[i], want->uplink_s[i]);
        assert_near_s(got->downlink_s[i], want->downlink_s[i]);
        assert_near_s(got->device_backward_s[i], want->device_backward_s[i]);
        assert_near_s(got->handover_s[i], want->handover_s[i]);
    }
    assert_near_s(got->server_forward_s, want->server_forward_s);
    assert_near_s(got->server_backward_s, want->server_backward_s);
    assert_near_s(got->broadcast_s, want->broadcast_s);
}

static inline void line_assert_as_predicted(const struct line_round *round)
{
    assert_terms_near(&round->measured, &round->predicted);
    assert_near_s(round->measured_s, round->predicted_s);
}

#endif
