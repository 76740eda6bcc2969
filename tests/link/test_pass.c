/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Emulated computing: over when both the modelled time and the real computing are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "link/pass.h"
#include "tests/link/near.h"

static void quick_computing_waits_for_the_modelled_time(void **state)
{
    (void)state;
    struct pass pass;
    pass_start(&pass, 1000, 0.005);
    assert_near_us(pass_wake_us(&pass), 1000); /* a look at the clock is wanted at once */
    assert_false(pass_is_over(&pass, 1700));
    assert_near_us(pass_wake_us(&pass), 6000);
    assert_false(pass_is_over(&pass, 5999));
    assert_true(pass_is_over(&pass, 6000));
    assert_false(pass_overran(&pass));
    assert_true(pass_busy_s(&pass) == 700 * 1e-6);
    assert_true(pass_elapsed_s(&pass, 6000) == 5000 * 1e-6);
}

static void slow_computing_is_over_at_the_first_look_and_an_overrun(void **state)
{
    (void)state;
    struct pass pass;
    pass_start(&pass, 0, 0.005);
    assert_true(pass_is_over(&pass, 8000));
    assert_true(pass_overran(&pass));
    assert_true(pass_busy_s(&pass) == 8000 * 1e-6);
}

static void waking_late_is_no_overrun(void **state)
{
    (void)state;
    struct pass pass;
    pass_start(&pass, 0, 0.005);
    assert_false(pass_is_over(&pass, 1000));
    assert_true(pass_is_over(&pass, 9000));
    assert_false(pass_overran(&pass));
}

static void without_a_model_it_is_over_when_computed(void **state)
{
    (void)state;
    struct pass pass;
    pass_start(&pass, 50, 0);
    assert_true(pass_is_over(&pass, 80));
    assert_false(pass_overran(&pass));
    assert_true(pass_elapsed_s(&pass, 80) == 30 * 1e-6);
}

static void a_shifted_clock_changes_no_duration(void **state)
{
    (void)state;
    struct pass pass;
    pass_start(&pass, 1000, 0.005);
    assert_false(pass_is_over(&pass, 1700));
    pass_shift_clock(&pass, -1000);
    assert_near_us(pass_wake_us(&pass), 5000);
    assert_true(pass_is_over(&pass, 5000));
    assert_near_us(pass_elapsed_s(&pass, 5000) * 1e6, 5000);
    assert_near_us(pass_busy_s(&pass) * 1e6, 700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quick_computing_waits_for_the_modelled_time),
        cmocka_unit_test(slow_computing_is_over_at_the_first_look_and_an_overrun),
        cmocka_unit_test(waking_late_is_no_overrun),
        cmocka_unit_test(a_shifted_clock_changes_no_duration),
        cmocka_unit_test(without_a_model_it_is_over_when_computed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
