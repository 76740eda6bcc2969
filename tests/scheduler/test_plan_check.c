/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/scheduler/planned.h"

static void assert_refused(struct planned *p, const char *wanted)
{
    struct err err = ERR_INIT;

    assert_int_equal(plan_check(&p->plan, &p->problem, &err), -1);
    if (strncmp(err.text, wanted, strlen(wanted)))
        fail_msg("'%s' does not begin with '%s'", err.text, wanted);
    planned_release(p);
}

static void owners_out_of_range_are_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.owner[2] = 3;
    assert_refused(&p, "owner[2]: 3: must be a device from 0 to 2, or -1");
    planned_init(&p, false);
    p.plan.owner[5] = -2;
    assert_refused(&p, "owner[5]: -2: must be a device from 0 to 2, or -1");
}

static void powers_below_zero_or_not_finite_are_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.psd_w_per_hz[1] = -1e-9;
    assert_refused(&p, "psd_w_per_hz[1]: -1e-09: must be finite and >= 0");
    planned_init(&p, false);
    p.plan.psd_w_per_hz[0] = (double)NAN;
    assert_refused(&p, "psd_w_per_hz[0]: ");
}

static void power_on_a_subchannel_of_nobody_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.owner[4] = -1;
    p.plan.psd_w_per_hz[4] = 1e-9;
    assert_refused(&p, "psd_w_per_hz[4]: 1e-09: must be 0, nobody owns the subchannel");
}

static void a_device_above_its_limit_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.psd_w_per_hz[0] += 2e-7; /* 2 W more */
    assert_refused(&p, "device d");
}

static void all_devices_above_the_total_are_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.problem.total_power_w = 1;
    assert_refused(&p, "all devices: ");
}

static void a_wrong_latency_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.latency_s *= 1 + 1e-8;
    assert_refused(&p, "latency_s: ");
}

static void a_device_without_a_rate_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    for (int k = 0; k < 6; k++)
        if (p.plan.owner[k] == 1)
            p.plan.psd_w_per_hz[k] = 0;
    assert_refused(&p, "latency: infinite, a device has data but no rate");
}

static void a_bound_above_the_latency_or_below_zero_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.lower_bound_s = p.plan.latency_s * 1.001;
    assert_refused(&p, "lower_bound_s: ");
    planned_init(&p, false);
    p.plan.lower_bound_s = -1;
    assert_refused(&p, "lower_bound_s: ");
}

static void a_cut_out_of_range_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.cut = 4;
    assert_refused(&p, "cut_index: 4: must be 0 to 3");
}

static void an_infeasible_plan_has_nothing_to_check(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.status = PLAN_INFEASIBLE;
    assert_refused(&p, "status: infeasible, there is nothing to check");
}

static void broken_plans_of_devices_taking_turns_are_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, true);
    p.plan.turn_psd_w_per_hz[6 + 2] += 1e-7;
    assert_refused(&p, "device d1: ");
    planned_init(&p, true);
    p.plan.turn_psd_w_per_hz[3] = -1;
    assert_refused(&p, "turn_psd_w_per_hz[3]: -1: must be finite and >= 0");
    planned_init(&p, true);
    p.plan.owner[3] = 0;
    assert_refused(&p, "owner[3]: 0: must be -1, the devices take turns");
    planned_init(&p, true);
    p.plan.latency_s *= 0.999;
    assert_refused(&p, "latency_s: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_out_of_range_are_refused),
        cmocka_unit_test(powers_below_zero_or_not_finite_are_refused),
        cmocka_unit_test(power_on_a_subchannel_of_nobody_is_refused),
        cmocka_unit_test(a_device_above_its_limit_is_refused),
        cmocka_unit_test(all_devices_above_the_total_are_refused),
        cmocka_unit_test(a_wrong_latency_is_refused),
        cmocka_unit_test(a_device_without_a_rate_is_refused),
        cmocka_unit_test(a_bound_above_the_latency_or_below_zero_is_refused),
        cmocka_unit_test(a_cut_out_of_range_is_refused),
        cmocka_unit_test(an_infeasible_plan_has_nothing_to_check),
        cmocka_unit_test(broken_plans_of_devices_taking_turns_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
