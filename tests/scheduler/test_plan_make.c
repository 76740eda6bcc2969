/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/plan.h"
#include "tests/scheduler/sample_problems.h"

static const struct plan_options defaults = {.gap = 0.005, .time_limit_s = 10, .seed = 7};

static double make(struct plan *plan, const struct problem *problem, const char *policy)
{
    struct err err = ERR_INIT;

    if (plan_make(plan, problem, policy, &defaults, &err))
        fail_msg("%s: %s", policy, err.text);
    return plan->latency_s;
}

static void every_policy_says_why_there_is_no_plan(void **state)
{
    struct problem problem;

    (void)state;
    random_problem(&problem, 1, 3, 5, 3, 0.5);
    for (int k = 0; k < 5; k++)
        problem.devices[2].gain[k] = 0;
    for (int p = 0; policy_at(p); p++) {
        struct plan plan;
        make(&plan, &problem, policy_at(p)->name);
        assert_int_equal(plan.status, PLAN_INFEASIBLE);
        assert_non_null(strstr(plan.reason, "device d2 "));
        plan_release(&plan);
    }
    for (int k = 0; k < 5; k++)
        problem.devices[2].gain[k] = 1e-310;
    problem.total_power_w = 1e-30;
    for (int p = 0; policy_at(p); p++) {
        struct plan plan;
        make(&plan, &problem, policy_at(p)->name);
        assert_int_equal(plan.status, PLAN_INFEASIBLE);
        if (!strstr(plan.reason,
                    "device d2: its limit of 1e-30 W (total_power_w) gives at most ") ||
            !strstr(plan.reason, " bit would need "))
            fail_msg("%s: %s", policy_at(p)->name, plan.reason);
        plan_release(&plan);
    }
    problem_release(&problem);
}

static void an_endless_round_names_the_device_its_limit_and_the_rate(void **state)
{
    struct problem problem;
    struct plan plan;

    (void)state;
    random_problem(&problem, 1, 2, 4, 3, 0);
    problem.devices[1].max_power_w = 1e-30;
    for (int k = 0; k < 4; k++)
        problem.devices[1].gain[k] = 1e-310;
    make(&plan, &problem, "exact");
    assert_int_equal(plan.status, PLAN_INFEASIBLE);
    assert_non_null(strstr(plan.reason, "device d1: its limit of 1e-30 W (max_power_w) gives"));
    assert_non_null(strstr(plan.reason, "within a day"));
    plan_release(&plan);
    problem_release(&problem);
}

static void a_previous_plan_of_another_size_is_refused(void **state)
{
    static const int sizes[][2] = {{3, 8}, {4, 7}, {5, 8}, {4, 9}};

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
        for (int p = 0; policy_at(p); p++) {
            struct plan_options options = defaults;
            struct problem before, after;
            struct plan previous, plan;
            struct err err = ERR_INIT, wanted = ERR_INIT;
            random_problem(&before, 1, sizes[s][0], sizes[s][1], 2, 0);
            random_problem(&after, 1, 4, 8, 2, 0);
            make(&previous, &before, "equal");
            options.previous = &previous;
            assert_int_equal(plan_make(&plan, &after, policy_at(p)->name, &options, &err), -1);
            err_set(&wanted,
                    "previous plan: is of %d devices and %d subchannels, the problem has 4 and 8",
                    sizes[s][0], sizes[s][1]);
            assert_string_equal(err.text, wanted.text);
            plan_release(&previous);
            problem_release(&before);
            problem_release(&after);
        }
}

/* Its cut is one the problem no longer has, its owners are nobody's: it is passed over. */
static void a_previous_plan_of_the_right_size_never_does_harm(void **state)
{
    struct plan_options options = defaults;
    struct problem problem;
    struct plan previous, without, with;

    (void)state;
    random_air_bound_problem(&problem, 1, 4, 8, 3, 0);
    make(&previous, &problem, "equal");
    make(&without, &problem, "exact");
    options.previous = &previous;
    previous.cut = 77;
    assert_int_equal(plan_make(&with, &problem, "exact", &options, NULL), 0);
    assert_true(with.latency_s == without.latency_s);
    plan_release(&with);
    previous.cut = 0;
    for (int k = 0; k < 8; k++)
        previous.owner[k] = k % 2 ? 1000 : -1;
    assert_int_equal(plan_make(&with, &problem, "exact", &options, NULL), 0);
    assert_true(with.latency_s <= without.latency_s * (1 + 0.005));
    plan_release(&with);
    plan_release(&without);
    plan_release(&previous);
    problem_release(&problem);
}

/* The channel has changed a little since the plan before. */
static void a_warm_start_is_never_worse_than_the_plan_before(void **state)
{
    static const char *const policies[] = {"exact", "dual"};

    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct plan_options options = {.gap = 0.3, .time_limit_s = 10};
        struct problem problem;
        struct plan before, after, kept;
        random_air_bound_problem(&problem, seed, 4, 16, 4, 0.5 * (double)(seed % 3));
        assert_int_equal(plan_make(&before, &problem, "exact", &defaults, NULL), 0);
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < 16; k++)
                problem.devices[i].gain[k] *= 1 + 0.02 * ((i + k) % 3);
        options.previous = &before;
        make(&kept, &problem, "exact");
        assert_int_equal(plan_make(&after, &problem, policies[seed % 2], &options, NULL), 0);
        assert_true(after.latency_s <= before.latency_s * (1 + 1e-9));
        assert_true(after.lower_bound_s <= kept.latency_s * (1 + 1e-9));
        plan_release(&before);
        plan_release(&after);
        plan_release(&kept);
        problem_release(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_policy_says_why_there_is_no_plan),
        cmocka_unit_test(an_endless_round_names_the_device_its_limit_and_the_rate),
        cmocka_unit_test(a_previous_plan_of_another_size_is_refused),
        cmocka_unit_test(a_previous_plan_of_the_right_size_never_does_harm),
        cmocka_unit_test(a_warm_start_is_never_worse_than_the_plan_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
