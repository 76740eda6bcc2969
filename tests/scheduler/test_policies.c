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
#include "scheduler/power.h"
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

static void every_plan_of_one_cut_is_matched_by_the_best_cut(void **state)
{
    static const char *const policies[] = {"rss-uniform-best",
                                           "rss-optimised-best",
                                           "greedy-uniform-best",
                                           "greedy-optimised-best",
                                           "equal",
                                           "fixed"};

    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++)
        for (size_t p = 0; p < ARRAY_LEN(policies); p++) {
            struct problem problem;
            double best_s, least_s = HUGE_VAL;
            (seed % 2 ? random_problem : random_air_bound_problem)(&problem, seed, 3, 9, 6, 0.5);
            best_s = latency_of_s(&problem, policies[p]);
            for (int j = 0; j < 6; j++) {
                struct problem_cut all = problem.cuts[0];
                problem.cuts[0] = problem.cuts[j];
                problem.n_cuts = 1;
                least_s = fmin(least_s, latency_of_s(&problem, policies[p]));
                problem.cuts[0] = all;
                problem.n_cuts = 6;
            }
            assert_true(fabs(best_s - least_s) <= 1e-12 * least_s);
            problem_release(&problem);
        }
}

static int n_owned(const struct plan *plan, int device)
{
    int n = 0;

    for (int k = 0; k < plan->n_subchannels; k++)
        n += plan->owner[k] == device;
    return n;
}

static void rss_gives_each_subchannel_to_the_device_that_is_received_best(void **state)
{
    struct problem problem;
    struct plan plan;

    (void)state;
    sample_problem_init(&problem, 3, 9, 2, 0);
    for (int k = 0; k < 9; k++)
        problem.devices[k * k % 3].gain[k] *= 2 + k;
    problem.devices[2].gain[4] *= 100;
    make(&plan, &problem, "rss-uniform-best");
    for (int k = 0; k < 9; k++)
        assert_int_equal(plan.owner[k], k == 4 ? 2 : k * k % 3);
    plan_release(&plan);
    problem_release(&problem);
}

static void equal_gives_as_many_to_each_at_one_density(void **state)
{
    struct problem problem;
    struct plan plan;

    (void)state;
    random_problem(&problem, 3, 4, 12, 3, 0);
    make(&plan, &problem, "equal");
    for (int i = 0; i < 4; i++)
        assert_int_equal(n_owned(&plan, i), 3);
    for (int k = 0; k < 12; k++)
        assert_true(fabs(plan.psd_w_per_hz[k] * 12 * 10e6 - 5) <= 1e-9);
    plan_release(&plan);
    problem_release(&problem);
}

static void greedy_gives_most_to_the_straggler(void **state)
{
    struct problem problem;
    struct plan plan;

    (void)state;
    sample_problem_init(&problem, 3, 15, 2, 0);
    for (int k = 0; k < 15; k++)
        problem.devices[1].gain[k] *= 1e-4;
    make(&plan, &problem, "greedy-uniform-best");
    assert_true(n_owned(&plan, 1) >= 8);
    plan_release(&plan);
    problem_release(&problem);
}

static void uniform_power_is_one_density_but_for_devices_at_their_limit(void **state)
{
    struct problem problem;
    struct plan plan;

    (void)state;
    random_problem(&problem, 3, 3, 9, 2, 0);
    problem.devices[1].max_power_w = 0.1;
    make(&plan, &problem, "greedy-uniform-best");
    for (int k = 0; k < 9; k++) {
        double wanted = plan.owner[k] == 1 ? 0.1 / n_owned(&plan, 1) / 10e6 : 5.0 / 9 / 10e6;
        if (plan.owner[k] != 1 && n_owned(&plan, plan.owner[k]) * wanted * 10e6 > 1.5)
            wanted = 1.5 / n_owned(&plan, plan.owner[k]) / 10e6;
        assert_true(fabs(plan.psd_w_per_hz[k] - wanted) <= 1e-9 * wanted);
    }
    plan_release(&plan);
    problem_release(&problem);
}

/* Of what the owners allow at the cut, nothing is left. */
static void optimised_power_is_the_best_for_the_owners(void **state)
{
    static const char *const policies[] = {"rss-optimised-best", "greedy-optimised-best",
                                           "rss-optimised-random", "fixed"};

    (void)state;
    for (size_t p = 0; p < ARRAY_LEN(policies); p++) {
        struct problem problem;
        struct cell cell;
        struct cut_costs costs;
        struct allocation a;
        struct plan plan;
        random_air_bound_problem(&problem, p, 3, 9, 4, 0.5);
        make(&plan, &problem, policies[p]);
        cell_init(&cell, &problem);
        cut_costs_init(&costs, &cell, plan.cut);
        allocation_init(&a, &cell, &costs);
        allocation_set(&a, plan.owner);
        assert_true(plan.latency_s <= allocation_total_s(&a) * (1 + 1e-9));
        allocation_release(&a);
        cut_costs_release(&costs);
        cell_release(&cell);
        plan_release(&plan);
        problem_release(&problem);
    }
}

static void auto_is_exact_in_small_cells(void **state)
{
    struct problem problem;
    struct plan exact, chosen;

    (void)state;
    random_air_bound_problem(&problem, 9, 4, 20, 4, 0.5);
    make(&exact, &problem, "exact");
    make(&chosen, &problem, "auto");
    assert_true(exact.lower_bound_s == chosen.lower_bound_s);
    assert_memory_equal(exact.owner, chosen.owner, 20 * sizeof(int));
    plan_release(&exact);
    plan_release(&chosen);
    problem_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_policy_beats_exact_and_every_bound_holds),
        cmocka_unit_test(each_switch_of_the_baselines_for_the_better_never_lengthens_the_round),
        cmocka_unit_test(the_seed_alone_decides_a_random_cut),
        cmocka_unit_test(fixed_owners_are_taken_checked_and_refused),
        cmocka_unit_test(every_plan_of_one_cut_is_matched_by_the_best_cut),
        cmocka_unit_test(rss_gives_each_subchannel_to_the_device_that_is_received_best),
        cmocka_unit_test(equal_gives_as_many_to_each_at_one_density),
        cmocka_unit_test(greedy_gives_most_to_the_straggler),
        cmocka_unit_test(uniform_power_is_one_density_but_for_devices_at_their_limit),
        cmocka_unit_test(optimised_power_is_the_best_for_the_owners),
        cmocka_unit_test(auto_is_exact_in_small_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
