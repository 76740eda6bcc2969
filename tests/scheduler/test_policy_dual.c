/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/improve.h"
#include "scheduler/ownership.h"
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

static void dual_bounds_hold_and_its_plans_are_near_the_optimum(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct problem problem;
        struct plan dual, exact;
        random_air_bound_problem(&problem, seed, 4, 12, 4, 0.5 * (double)(seed % 3));
        make(&dual, &problem, "dual");
        make(&exact, &problem, "exact");
        assert_true(dual.lower_bound_s <= exact.latency_s * (1 + 1e-9));
        assert_true(exact.lower_bound_s <= dual.latency_s * (1 + 1e-9));
        assert_true(dual.latency_s <= exact.latency_s * 1.03);
        plan_release(&dual);
        plan_release(&exact);
        problem_release(&problem);
    }
}

static void a_large_cell_has_a_plan_with_a_small_gap(void **state)
{
    struct problem problem;
    struct plan a, b;

    (void)state;
    random_problem(&problem, 3, 30, 150, RESNET18_CUTS, 0.5);
    problem.total_power_w = 30;
    make(&a, &problem, "auto");
    make(&b, &problem, "dual");
    assert_true(plan_gap(&a) <= 0.03);
    assert_memory_equal(a.owner, b.owner, 150 * sizeof(int));
    assert_true(a.lower_bound_s == b.lower_bound_s);
    plan_release(&a);
    plan_release(&b);
    problem_release(&problem);
}

static void subchannels_that_are_alike_are_solved_to_the_end(void **state)
{
    struct problem problem;
    struct plan plan;

    (void)state;
    random_air_bound_problem(&problem, 4, 6, 40, 5, 0);
    for (int i = 0; i < 6; i++)
        for (int k = 1; k < 40; k++)
            problem.devices[i].gain[k] = problem.devices[i].gain[0];
    make(&plan, &problem, "exact");
    assert_true(plan_gap(&plan) <= 1e-6);
    plan_release(&plan);
    problem_release(&problem);
}

static void improvement_never_lengthens_the_round_and_keeps_its_books(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct problem problem;
        struct cell cell;
        struct cut_costs costs;
        struct allocation a, fresh;
        int partner[5];
        double before_s, after_s;
        random_air_bound_problem(&problem, seed, 5, 15, 2, 0.5 * (double)(seed % 3));
        if (seed % 4 == 3)
            problem.total_power_w = 1000; /* only the devices' own limits hold */
        cell_init(&cell, &problem);
        assert_true(ownership_match(&cell, partner, NULL));
        cut_costs_init(&costs, &cell, 1);
        allocation_init(&a, &cell, &costs);
        allocation_init(&fresh, &cell, &costs);
        ownership_greedy(&a, partner);
        before_s = allocation_total_s(&a);
        after_s = improve_owners(&a, LONG_MAX, INT64_MAX);
        allocation_set(&fresh, a.owner);
        assert_true(after_s <= before_s * (1 + 1e-12));
        assert_true(fabs(after_s - allocation_total_s(&fresh)) <= 1e-11 * after_s);
        allocation_release(&a);
        allocation_release(&fresh);
        cut_costs_release(&costs);
        cell_release(&cell);
        problem_release(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dual_bounds_hold_and_its_plans_are_near_the_optimum),
        cmocka_unit_test(a_large_cell_has_a_plan_with_a_small_gap),
        cmocka_unit_test(subchannels_that_are_alike_are_solved_to_the_end),
        cmocka_unit_test(improvement_never_lengthens_the_round_and_keeps_its_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
