/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/median.h"

static void it_is_the_middle_or_the_mean_of_the_middle_two(void **state)
{
    (void)state;
    const double values[] = {5, 1, 9, 3};
    assert_true(median(values, 1) == 5);
    assert_true(median(values, 3) == 5);
    assert_true(median(values, 4) == 4);
}

static void the_numbers_stay_in_their_order(void **state)
{
    (void)state;
    const double values[] = {3, 2, 1};
    median(values, 3);
    assert_true(values[0] == 3 && values[1] == 2 && values[2] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_middle_or_the_mean_of_the_middle_two),
        cmocka_unit_test(the_numbers_stay_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
