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
#include "scheduler/policy_bcd.h"
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

static double latency_of_s(const struct problem *problem, const char *policy)
{
    struct plan plan;
    double latency_s = make(&plan, problem, policy);

    plan_release(&plan);
    return latency_s;
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

static void no_policy_beats_exact_and_every_bound_holds(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct problem problem;
        struct plan exact, plan;
        random_air_bound_problem(&problem, 50 + seed, 4, 10, 5, 0.5 * (double)(seed % 3));
        make(&exact, &problem, "exact");
        for (int p = 0; policy_at(p); p++) {
            make(&plan, &problem, policy_at(p)->name);
            assert_string_equal(plan.policy, policy_at(p)->name);
            assert_true(plan.latency_s >= exact.latency_s * (1 - 1e-6));
            assert_true(plan.lower_bound_s > 0);
            assert_true(plan.lower_bound_s <= exact.latency_s * (1 + 1e-9));
            plan_release(&plan);
        }
        plan_release(&exact);
        problem_release(&problem);
    }
}

static void the_round_never_gets_longer_from_block_to_block(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct problem problem;
        struct cell cell;
        struct bcd b;
        int partner[4];
        (seed % 2 ? random_problem : random_air_bound_problem)(&problem, seed, 4, 12, RESNET18_CUTS,
                                                               0.5 * (double)(seed % 3));
        cell_init(&cell, &problem);
        assert_true(ownership_match(&cell, partner, NULL));
        bcd_init(&b, &cell, partner, (int)(seed % RESNET18_CUTS));
        bcd_run(&b);
        assert_true(b.n_blocks >= 6);
        for (int block = 1; block < b.n_blocks; block++)
            assert_true(b.after_s[block] <= b.after_s[block - 1]);
        assert_true(b.after_s[b.n_blocks - 1] < b.after_s[0]);
        bcd_release(&b);
        cell_release(&cell);
        problem_release(&problem);
    }
}

static void each_switch_of_the_baselines_for_the_better_never_lengthens_the_round(void **state)
{
    static const char *const pairs[][2] = {
        {"rss-uniform-random", "rss-uniform-best"},
        {"rss-optimised-random", "rss-optimised-best"},
        {"rss-uniform-random", "rss-optimised-random"},
        {"rss-uniform-best", "rss-optimised-best"},
        {"greedy-uniform-random", "greedy-uniform-best"},
        {"greedy-uniform-best", "greedy-optimised-best"},
        {"greedy-uniform-random", "greedy-optimised-random"},
    };

    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct problem problem;
        random_air_bound_problem(&problem, 80 + seed, 4, 12, 6, 0.5 * (double)(seed % 3));
        for (size_t p = 0; p < ARRAY_LEN(pairs); p++)
            assert_true(latency_of_s(&problem, pairs[p][0]) >=
                        latency_of_s(&problem, pairs[p][1]) * (1 - 1e-9));
        problem_release(&problem);
    }
}

static void the_seed_alone_decides_a_random_cut(void **state)
{
    struct plan_options options = defaults;
    struct problem problem;
    bool is_drawn[6] = {false};
    int n_drawn = 0;

    (void)state;
    random_problem(&problem, 1, 2, 6, 6, 0);
    for (options.seed = 0; options.seed < 60; options.seed++) {
        struct plan a, b;
        assert_int_equal(plan_make(&a, &problem, "rss-uniform-random", &options, NULL), 0);
        assert_int_equal(plan_make(&b, &problem, "rss-uniform-random", &options, NULL), 0);
        assert_int_equal(a.cut, b.cut);
        n_drawn += !is_drawn[a.cut];
        is_drawn[a.cut] = true;
        plan_release(&a);
        plan_release(&b);
    }
    assert_int_equal(n_drawn, 6);
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

static void fixed_owners_are_taken_checked_and_refused(void **state)
{
    char d0[] = "d0", d1[] = "d1", dx[] = "dx";
    char *names[] = {d1, d0, d0}, *unknown[] = {d0, dx}, *alone[] = {d1};
    struct plan_options options = {.gap = 0.005, .time_limit_s = 1, .owners = names, .n_owners = 3};
    struct err err = ERR_INIT;
    struct problem problem;
    struct plan plan;

    (void)state;
    random_problem(&problem, 1, 2, 6, 3, 0.5);
    assert_int_equal(plan_make(&plan, &problem, "fixed", &options, NULL), 0);
    for (int k = 0; k < 6; k++)
        assert_int_equal(plan.owner[k], k % 3 == 0);
    plan_release(&plan);
    options.owners = alone;
    options.n_owners = 1;
    assert_int_equal(plan_make(&plan, &problem, "fixed", &options, NULL), 0);
    assert_int_equal(plan.status, PLAN_INFEASIBLE);
    assert_string_equal(plan.reason, "device d0 owns no subchannel that it can use");
    plan_release(&plan);
    options.owners = unknown;
    options.n_owners = 2;
    assert_int_equal(plan_make(&plan, &problem, "fixed", &options, &err), -1);
    assert_string_equal(err.text, "owners: 'dx': there is no such device");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascent_comes_near_the_best_bound_and_never_passes_it),
        cmocka_unit_test(dual_bounds_hold_and_its_plans_are_near_the_optimum),
        cmocka_unit_test(a_large_cell_has_a_plan_with_a_small_gap),
        cmocka_unit_test(subchannels_that_are_alike_are_solved_to_the_end),
        cmocka_unit_test(improvement_never_lengthens_the_round_and_keeps_its_books),
        cmocka_unit_test(no_policy_beats_exact_and_every_bound_holds),
        cmocka_unit_test(the_round_never_gets_longer_from_block_to_block),
        cmocka_unit_test(each_switch_of_the_baselines_for_the_better_never_lengthens_the_round),
        cmocka_unit_test(the_seed_alone_decides_a_random_cut),
        cmocka_unit_test(fixed_owners_are_taken_checked_and_refused),
        cmocka_unit_test(an_endless_round_names_the_device_its_limit_and_the_rate),
        cmocka_unit_test(a_warm_start_is_never_worse_than_the_plan_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
