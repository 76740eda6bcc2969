/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instants on a clock of double microseconds, compared to a nanosecond. */
#ifndef TESTS_LINK_NEAR_H
#define TESTS_LINK_NEAR_H

#include <math.h>

#define NEAR_US 1e-3

#define assert_near_us(got, want)                                                                  \
    do {                                                                                           \
        double got_us_ = (got), want_us_ = (want);                                                 \
        if (!(fabs(got_us_ - want_us_) <= NEAR_US))                                                \
            fail_msg("%s is %.17g, wanted %.17g", #got, got_us_, want_us_);                        \
    } while (0)

#endif
