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

#include "scheduler/ascent.h"
#include "scheduler/improve.h"
#include "scheduler/ownership.h"
#include "scheduler/plan.h"
#include "scheduler/relaxation.h"
#include "tests/scheduler/sample_problems.h"

static const struct plan_options defaults = {.gap = 0.005, .time_limit_s = 10, .seed = 7};

static double make(struct plan *plan, const struct problem *problem, const char *policy)
{
    struct err err = ERR_INIT;

    if (plan_make(plan, problem, policy, &defaults, &err))
        fail_msg("%s: %s", policy, err.text);
    return plan->latency_s;
}

/* The relaxation's bound is the best that any prices give. */
static void ascent_comes_near_the_best_bound_and_never_passes_it(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct problem problem;
        struct cell cell;
        struct cut_costs costs;
        struct allocation known;
        struct ascent ascent;
        struct relaxed best;
        struct relaxation *relaxation;
        bool allowed[4 * 16];
        int partner[4];
        double bound_s;
        memset(allowed, true, sizeof allowed);
        (seed % 2 ? random_problem : random_air_bound_problem)(&problem, seed, 4, 16, 3,
                                                               0.5 * (double)(seed % 3));
        cell_init(&cell, &problem);
        assert_true(ownership_match(&cell, partner, NULL));
        cut_costs_init(&costs, &cell, 2);
        allocation_init(&known, &cell, &costs);
        ownership_greedy(&known, partner);
        ascent_init(&ascent, &cell);
        ascent_start(&ascent, &known);
        bound_s = ascent_run(&ascent, &costs, NULL, 300, HUGE_VAL, INT64_MAX);
        relaxation = relaxation_new(&cell, &costs, &known);
        relaxed_init(&best, &cell);
        relaxation_solve(relaxation, allowed, HUGE_VAL, 0, INT64_MAX, &best);
        assert_true(bound_s <= best.bound_s * (1 + 1e-6));
        assert_true(bound_s >= best.bound_s * (1 - 0.003));
        relaxed_release(&best);
        relaxation_free(relaxation);
        ascent_release(&ascent);
        allocation_release(&known);
        cut_costs_release(&costs);
        cell_release(&cell);
        problem_release(&problem);
    }
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

/* Steps that look at some pairs only must not pass their sum off as a bound. */
static void a_large_cells_bound_is_one_over_all_pairs(void **state)
{
    struct problem problem;
    struct cell cell;
    struct cut_costs costs;
    struct allocation known;
    struct ascent ascent;
    struct lagrangian whole;
    int partner[300];

    (void)state;
    random_air_bound_problem(&problem, 5, 300, 400, 10, 0.5);
    problem.total_power_w *= 60;
    cell_init(&cell, &problem);
    cut_costs_init(&costs, &cell, 9);
    allocation_init(&known, &cell, &costs);
    assert_true(ownership_match(&cell, partner, NULL));
    ownership_greedy(&known, partner);
    ascent_init(&ascent, &cell);
    ascent_start(&ascent, &known);
    ascent_run(&ascent, &costs, NULL, 100, allocation_total_s(&known), INT64_MAX);
    assert_non_null(ascent.at.near); /* it did look near */
    lagrangian_init(&whole, &cell);
    lagrangian_evaluate(&whole, &cell, &costs, &ascent.best, NULL);
    assert_true(ascent.bound_s == whole.bound_s);
    assert_true(ascent.at.bound_s == whole.bound_s);
    assert_true(ascent.bound_s > 0.8 * allocation_total_s(&known));
    lagrangian_look_near(&whole, &cell, 0.999);
    for (int i = 0; i < cell.n_devices; i++)
        ascent.prices.uplink[i] *= i % 2 ? 1.2 : 0.8;
    lagrangian_evaluate(&whole, &cell, &costs, &ascent.prices, NULL);
    lagrangian_evaluate(&ascent.at, &cell, &costs, &ascent.prices, NULL);
    assert_true(whole.bound_s > ascent.at.bound_s); /* so it is none */
    lagrangian_release(&whole);
    ascent_release(&ascent);
    allocation_release(&known);
    cut_costs_release(&costs);
    cell_release(&cell);
    problem_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascent_comes_near_the_best_bound_and_never_passes_it),
        cmocka_unit_test(dual_bounds_hold_and_its_plans_are_near_the_optimum),
        cmocka_unit_test(a_large_cell_has_a_plan_with_a_small_gap),
        cmocka_unit_test(subchannels_that_are_alike_are_solved_to_the_end),
        cmocka_unit_test(a_large_cells_bound_is_one_over_all_pairs),
        cmocka_unit_test(improvement_never_lengthens_the_round_and_keeps_its_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
