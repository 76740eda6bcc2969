/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/kernels.h"
#include "models/net.h"
#include "models/peak.h"

static void operations_grow_with_rounds_on_every_instruction_set(void **state)
{
    (void)state;
    for (size_t i = 0; kernels_at(i); i++) {
        double once = kernels_at(i)->peak(1);
        assert_true(once >= 2 * 12 * 4);
        assert_true(kernels_at(i)->peak(100000) == 100000 * once);
    }
}

static void it_is_that_of_the_kernels_in_use(void **state)
{
    (void)state;
    net_set_threads(2);
    assert_string_equal(peak_instruction_set(), kernels()->isa);
    assert_true(peak_flop_per_s(1) > 1e6);
    assert_true(peak_flop_per_s(2) > 1e6);
    net_set_threads(1);
    assert_true(peak_flop_per_s(9) > 1e6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_grow_with_rounds_on_every_instruction_set),
        cmocka_unit_test(it_is_that_of_the_kernels_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
