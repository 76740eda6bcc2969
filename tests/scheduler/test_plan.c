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

/* On its turn a device has all subchannels, the whole of min(p_i^max, p_total), and the best cut.
 * */
static void turns_use_the_whole_band_and_the_best_cut(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, true);
    assert_string_equal(p.plan.policy, "turns");
    assert_int_equal(p.plan.status, PLAN_OPTIMAL);
    assert_true(plan_gap(&p.plan) == 0);
    for (int i = 0; i < 3; i++) {
        double power_w = 0;
        for (int k = 0; k < 6; k++)
            power_w += p.plan.turn_psd_w_per_hz[6 * i + k] * 10e6;
        assert_true(fabs(power_w - 1.5) <= 1e-12);
    }
    for (int j = 0; j < 4; j++) {
        latency_evaluate(&p.problem, j, &p.plan.rates, &p.plan.terms);
        assert_true(latency_total(&p.problem, &p.plan.terms) >= p.plan.latency_s);
    }
    planned_release(&p);
}

static void turns_work_with_fewer_subchannels_than_devices(void **state)
{
    struct problem problem;
    struct plan plan;

    (void)state;
    random_problem(&problem, 2, 4, 1, 3, 0);
    problem.takes_turns = true;
    assert_int_equal(plan_make(&plan, &problem, "exact", &defaults, NULL), 0);
    assert_int_equal(plan.status, PLAN_OPTIMAL);
    plan_release(&plan);
    problem.devices[2].gain[0] = 0;
    assert_int_equal(plan_make(&plan, &problem, "exact", &defaults, NULL), 0);
    assert_int_equal(plan.status, PLAN_INFEASIBLE);
    assert_string_equal(plan.reason, "device d2 has no usable subchannel: every gain is 0");
    plan_release(&plan);
    problem_release(&problem);
}

/* With one device nothing can be aggregated across devices, and turns and sharing are the same
 * round. */
static void one_device_taking_turns_equals_one_that_shares(void **state)
{
    struct problem problem;
    struct plan shared, turns;

    (void)state;
    random_problem(&problem, 2, 1, 6, 4, 0);
    assert_int_equal(plan_make(&shared, &problem, "exact", &defaults, NULL), 0);
    problem.takes_turns = true;
    assert_int_equal(plan_make(&turns, &problem, "exact", &defaults, NULL), 0);
    assert_int_equal(shared.cut, turns.cut);
    assert_true(fabs(shared.latency_s - turns.latency_s) <= 1e-12 * turns.latency_s);
    plan_release(&shared);
    plan_release(&turns);
    problem_release(&problem);
}

static void unknown_policies_and_bad_options_are_refused(void **state)
{
    struct plan_options bad_gap = {.gap = 1, .time_limit_s = 10},
                        bad_time = {.gap = 0.1, .time_limit_s = -1};
    struct err err = ERR_INIT;
    struct problem problem;
    struct plan plan;

    (void)state;
    random_problem(&problem, 2, 2, 4, 2, 0);
    assert_int_equal(plan_make(&plan, &problem, "exakt", &defaults, &err), -1);
    assert_non_null(
        strstr(err.text, "policy 'exakt': allowed are auto, bcd, dual, equal, exact, "));
    assert_int_equal(plan_make(&plan, &problem, "exact", &bad_gap, &err), -1);
    assert_string_equal(err.text, "gap 1: must be at least 0 and below 1");
    assert_int_equal(plan_make(&plan, &problem, "exact", &bad_time, &err), -1);
    assert_string_equal(err.text, "time limit -1 s: must be 0 to 1e9");
    problem.batch_size = 0;
    assert_int_equal(plan_make(&plan, &problem, "exact", &defaults, &err), -1);
    assert_string_equal(err.text, "batch_size: 0: must be 1 to 16777216");
    problem_release(&problem);
}

static void names_and_table_of_policies_agree(void **state)
{
    int n = 0;

    (void)state;
    for (; policy_at(n); n++) {
        assert_string_equal(policy_names()[n], policy_at(n)->name);
        assert_ptr_equal(policy_find(policy_names()[n]), policy_at(n));
    }
    assert_null(policy_names()[n]);
    assert_null(policy_at(-1));
    assert_null(policy_find("nobody"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_use_the_whole_band_and_the_best_cut),
        cmocka_unit_test(turns_work_with_fewer_subchannels_than_devices),
        cmocka_unit_test(one_device_taking_turns_equals_one_that_shares),
        cmocka_unit_test(unknown_policies_and_bad_options_are_refused),
        cmocka_unit_test(names_and_table_of_policies_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
