/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From how late a rehearsal was to the time scale, and what is said of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "testbed/lateness.h"
#include "testbed/rehearsal.h"

/* In time, at a scale of 2: a round of 100 ms with an uplink of 10 ms and a server's pass of 80 ms. */
static struct lateness in_time(void)
{
    return (struct lateness){.time_scale = 2,
                             .n_rounds = 12,
                             .n_phases = 2,
                             .round = {"the round", 0.1, 0.1},
                             .phases = {{"uplink", 0.01, 0.01}, {"server forward", 0.08, 0.08}}};
}

static void assert_scale(const struct lateness *lateness, double floor, double exact,
                         const char *words)
{
    struct time_scale found = lateness_time_scale(lateness, floor);
    if (fabs(found.exact / exact - 1) > 1e-9 || !strstr(found.text, words))
        fail_msg("%.12g instead of %.12g, '%s' does not say '%s'", found.exact, exact, found.text,
                 words);
    assert_true(found.value >= found.exact && found.floor == floor);
}

static void what_was_in_time_needs_what_passes_and_bytes_need(void **state)
{
    (void)state;
    struct lateness lateness = in_time();
    assert_scale(&lateness, 0.5, 0.5, "passes and bytes bind, 12 rounds rehearsed at 2 were in");
    lateness.round.measured_s = 0.09; /* early is no reason for anything */
    assert_scale(&lateness, 0.5, 0.5, "passes and bytes bind");
}

/* 5 ms of modelled time at 2: 10 ms of the wall's, which are 2 % of 100 ms at 5. */
static void a_late_round_may_be_late_by_two_percent(void **state)
{
    (void)state;
    struct lateness lateness = in_time();
    lateness.round.measured_s = 0.105;
    assert_scale(&lateness, 0.5, 5,
                 "(the round of 100 ms: 10 ms of wall time late in 12 rounds "
                 "rehearsed at 2)");
    lateness.time_scale = 5; /* the same wall time at 5: the same answer */
    lateness.round.measured_s = 0.102;
    assert_scale(&lateness, 0.5, 5, "10 ms of wall time late");
    assert_scale(&lateness, 7, 7, "passes and bytes bind");
}

/* 0.8 of 2 ms for a short one, 0.8 of 5 % for a long one. */
static void a_phase_has_to_be_close(void **state)
{
    (void)state;
    struct lateness lateness = in_time();
    lateness.phases[0].measured_s = 0.018;
    assert_scale(&lateness, 0.5, 0.008 * 2 / 0.0016, "(uplink of 10 ms: 16 ms of wall time late");
    lateness = in_time();
    lateness.phases[1].measured_s = 0.096;
    assert_scale(&lateness, 0.5, 0.016 * 2 / 0.0032, "server forward of 80 ms");
}

static void overruns_ask_for_more_than_they_had(void **state)
{
    (void)state;
    struct lateness lateness = in_time();
    lateness.n_overruns = 1;
    assert_scale(&lateness, 0.5, 2.5, "passes bind (1 overruns in 12 rounds rehearsed at 2)");
    lateness.round.measured_s = 0.105;
    assert_scale(&lateness, 0.5, 5, "the round");
}

/* About 2.5 s, 5 if these go into 10 s, and at least one. */
static void rehearsals_are_short(void **state)
{
    (void)state;
    assert_int_equal(rehearsal_n_rounds(0.01), 20);
    assert_int_equal(rehearsal_n_rounds(0.25), 10);
    assert_int_equal(rehearsal_n_rounds(1.5), 5);
    assert_int_equal(rehearsal_n_rounds(3), 3);
    assert_int_equal(rehearsal_n_rounds(100), 1);
    assert_int_equal(rehearsal_n_rounds(HUGE_VAL), 1);
}

static void no_scale_is_beyond_what_experiments_allow(void **state)
{
    (void)state;
    struct lateness lateness = in_time();
    lateness.round.measured_s = 1e7;
    struct time_scale found = lateness_time_scale(&lateness, 0.5);
    assert_true(found.exact > 1e6 && found.value == 1e6);
    assert_non_null(strstr(found.text, "1e+06, the largest there is"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_in_time_needs_what_passes_and_bytes_need),
        cmocka_unit_test(a_late_round_may_be_late_by_two_percent),
        cmocka_unit_test(a_phase_has_to_be_close),
        cmocka_unit_test(overruns_ask_for_more_than_they_had),
        cmocka_unit_test(rehearsals_are_short),
        cmocka_unit_test(no_scale_is_beyond_what_experiments_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
