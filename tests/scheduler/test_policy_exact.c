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
#include "tests/scheduler/brute_force.h"
#include "tests/scheduler/sample_problems.h"

static const struct plan_options defaults = {.gap = 0.005, .time_limit_s = 10};

static void make(struct plan *plan, const struct problem *problem,
                 const struct plan_options *options)
{
    struct err err = ERR_INIT;

    if (plan_make(plan, problem, "exact", options, &err))
        fail_msg("%s", err.text);
}

/* Unequal widths and limits, a few dead subchannels, sometimes weak links and a fast server. */
static void vary(struct problem *p, uint64_t seed)
{
    struct rng rng;

    rng_seed(&rng, seed, 99);
    if (rng_below(&rng, 2))
        p->total_power_w = rng_uniform_in(&rng, 0.5, 4);
    for (int k = 0; k < p->n_subchannels; k++)
        p->bandwidth_hz[k] = rng_uniform_in(&rng, 1e6, 20e6);
    for (int i = 0; i < p->n_devices; i++) {
        p->devices[i].max_power_w = rng_uniform_in(&rng, 0.2, 2);
        if (rng_below(&rng, 3) == 0)
            p->devices[i].gain[rng_below(&rng, (uint64_t)p->n_subchannels)] = 0;
    }
}

static void assert_matches_brute_force(const struct problem *problem, double gap)
{
    struct plan_options options = {.gap = gap, .time_limit_s = 10};
    double best_s = brute_force_s(problem);
    struct plan plan;

    make(&plan, problem, &options);
    assert_int_equal(plan.status, PLAN_OPTIMAL);
    assert_true(plan.lower_bound_s <= best_s * (1 + 1e-9));
    assert_true(plan.latency_s >= best_s * (1 - 1e-9));
    assert_true(plan.latency_s <= best_s / (1 - gap) * (1 + 1e-9));
    assert_true(plan_gap(&plan) <= gap + 1e-9);
    plan_release(&plan);
}

static void small_problems_match_brute_force(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 36; seed++) {
        struct problem problem;
        random_problem(&problem, seed, 3, 6, 3, 0.5 * (double)(seed % 3));
        if (seed % 2)
            vary(&problem, seed);
        assert_matches_brute_force(&problem, seed % 4 < 2 ? 0.005 : 0.0001);
        problem_release(&problem);
    }
}

static void small_air_bound_problems_match_brute_force(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 36; seed++) {
        struct problem problem;
        random_air_bound_problem(&problem, 100 + seed, 3, 6, 3, 0.5 * (double)(seed % 3));
        if (seed % 2)
            vary(&problem, seed);
        assert_matches_brute_force(&problem, seed % 4 < 2 ? 0.005 : 0.0001);
        problem_release(&problem);
    }
}

static void as_many_subchannels_as_devices_match_brute_force(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct problem problem;
        random_air_bound_problem(&problem, 200 + seed, 4, 4, 4, 0.5 * (double)(seed % 3));
        assert_matches_brute_force(&problem, 0.0001);
        problem_release(&problem);
    }
}

static void problems_of_the_papers_size_are_solved_to_the_gap(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 9; seed++) {
        struct problem problem;
        struct plan plan;
        random_problem(&problem, seed, 5, 20, RESNET18_CUTS, 0.5 * (double)(seed % 3));
        make(&plan, &problem, &defaults);
        assert_int_equal(plan.status, PLAN_OPTIMAL);
        assert_true(plan_gap(&plan) <= 0.005 + 1e-12);
        assert_true(plan.lower_bound_s > 0);
        plan_release(&plan);
        problem_release(&problem);
    }
}

static void the_same_problem_gives_the_same_plan(void **state)
{
    struct problem problem;
    struct plan a, b;

    (void)state;
    random_air_bound_problem(&problem, 4, 4, 12, 6, 0);
    make(&a, &problem, &defaults);
    make(&b, &problem, &defaults);
    assert_int_equal(a.cut, b.cut);
    assert_memory_equal(a.owner, b.owner, 12 * sizeof(int));
    assert_memory_equal(a.psd_w_per_hz, b.psd_w_per_hz, 12 * sizeof(double));
    assert_true(a.lower_bound_s == b.lower_bound_s);
    plan_release(&a);
    plan_release(&b);
    problem_release(&problem);
}

static void out_of_time_still_gives_a_checked_plan_with_a_bound(void **state)
{
    struct plan_options options = {.gap = 0, .time_limit_s = 0};
    struct problem problem;
    struct plan plan, exact;

    (void)state;
    random_air_bound_problem(&problem, 3, 3, 6, 4, 0);
    make(&plan, &problem, &options);
    make(&exact, &problem, &defaults);
    assert_true(plan.lower_bound_s > 0);
    assert_true(plan.lower_bound_s <= exact.latency_s);
    assert_true(plan.latency_s < HUGE_VAL);
    assert_true(plan.is_out_of_time && !exact.is_out_of_time);
    plan_release(&plan);
    plan_release(&exact);
    problem_release(&problem);
}

static void one_device_gets_everything_and_is_proven_optimal(void **state)
{
    (void)state;
    for (int turn = 0; turn < 3; turn++) {
        struct problem problem;
        struct plan plan;
        random_problem(&problem, 5, 1, 8, 6, 0.5 * turn);
        make(&plan, &problem, &defaults);
        for (int k = 0; k < 8; k++)
            assert_int_equal(plan.owner[k], 0);
        assert_true(plan_gap(&plan) <= 1e-9);
        plan_release(&plan);
        problem_release(&problem);
    }
}

static void equal_cuts_go_to_the_last_and_dearer_ones_are_passed_over(void **state)
{
    struct problem problem;
    struct plan plan;

    (void)state;
    random_problem(&problem, 5, 2, 4, 3, 0.5);
    for (int j = 0; j < 2; j++) {
        free(problem.cuts[j].name);
        problem.cuts[j] = problem.cuts[2];
        problem.cuts[j].name = mem_format("same%d", j);
    }
    problem.cuts[1].activation_bits *= 1 + 1e-12;
    make(&plan, &problem, &defaults);
    assert_int_equal(plan.cut, 2);
    plan_release(&plan);
    problem_release(&problem);
}

static void cuts_without_data_need_no_rates(void **state)
{
    struct problem problem;
    struct plan plan;

    (void)state;
    random_problem(&problem, 5, 2, 4, 1, 0);
    problem.cuts[0].activation_bits = problem.cuts[0].gradient_bits = 0;
    make(&plan, &problem, &defaults);
    assert_true(plan.terms.uplink_s[0] == 0 && plan.terms.downlink_s[1] == 0);
    assert_true(plan_gap(&plan) <= 1e-9);
    plan_release(&plan);
    problem_release(&problem);
}

static void assert_infeasible(const struct problem *problem, const char *reason)
{
    struct plan plan;

    make(&plan, problem, &defaults);
    assert_int_equal(plan.status, PLAN_INFEASIBLE);
    assert_string_equal(plan.reason, reason);
    assert_true(plan_gap(&plan) == 1);
    plan_release(&plan);
}

static void infeasible_problems_name_the_devices(void **state)
{
    struct problem problem;

    (void)state;
    random_problem(&problem, 1, 3, 2, 2, 0.5);
    assert_infeasible(
        &problem, "3 devices need a subchannel each and have 2 usable between them: d0, d1, d2");
    problem_release(&problem);
    random_problem(&problem, 1, 3, 5, 2, 0.5);
    for (int k = 0; k < 5; k++)
        problem.devices[1].gain[k] = 0;
    assert_infeasible(&problem, "device d1 has no usable subchannel: every gain is 0");
    problem_release(&problem);
    random_problem(&problem, 1, 3, 5, 2, 0.5);
    for (int k = 0; k < 5; k++)
        problem.devices[0].gain[k] = problem.devices[2].gain[k] = k == 3 ? 1e-9 : 0;
    assert_infeasible(&problem,
                      "2 devices need a subchannel each and have 1 usable between them: d0, d2");
    problem_release(&problem);
}

/* Gains and limits at the ends of what problem_check() lets through: an answer, never a crash. */
static void extreme_numbers_do_no_harm(void **state)
{
    static const double gains[] = {1e-300, 1e-30, 1e-9, 1e30}, powers[] = {1e-30, 1.5, 1e30};
    struct plan_options options = {.gap = 0.005, .time_limit_s = 0.2};

    (void)state;
    for (size_t g = 0; g < ARRAY_LEN(gains); g++)
        for (size_t w = 0; w < ARRAY_LEN(powers); w++) {
            struct problem problem;
            struct plan plan;
            struct err err = ERR_INIT;
            random_problem(&problem, 1, 3, 6, 3, 0.5);
            for (int k = 0; k < 6; k++)
                problem.devices[1].gain[k] = gains[g] * (1 + k);
            problem.devices[0].max_power_w = powers[w];
            problem.total_power_w = powers[ARRAY_LEN(powers) - 1 - w];
            for (int k = 0; k < 6; k++)
                if (problem.devices[1].gain[k] > 1e30)
                    problem.devices[1].gain[k] = 1e30;
            if (plan_make(&plan, &problem, "exact", &options, &err))
                fail_msg("gain %g power %g: %s", gains[g], powers[w], err.text);
            plan_release(&plan);
            problem_release(&problem);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_problems_match_brute_force),
        cmocka_unit_test(small_air_bound_problems_match_brute_force),
        cmocka_unit_test(as_many_subchannels_as_devices_match_brute_force),
        cmocka_unit_test(problems_of_the_papers_size_are_solved_to_the_gap),
        cmocka_unit_test(the_same_problem_gives_the_same_plan),
        cmocka_unit_test(out_of_time_still_gives_a_checked_plan_with_a_bound),
        cmocka_unit_test(one_device_gets_everything_and_is_proven_optimal),
        cmocka_unit_test(equal_cuts_go_to_the_last_and_dearer_ones_are_passed_over),
        cmocka_unit_test(cuts_without_data_need_no_rates),
        cmocka_unit_test(infeasible_problems_name_the_devices),
        cmocka_unit_test(extreme_numbers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
