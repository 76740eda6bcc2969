/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/ownership.h"
#include "scheduler/plan.h"
#include "scheduler/policy_bcd.h"
#include "tests/scheduler/sample_problems.h"

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

static void exchange(struct problem_cut *a, struct problem_cut *b)
{
    struct problem_cut before = *a;

    *a = *b;
    *b = before;
}

/* Nothing that one of the three blocks could still change for the better. */
static void the_end_is_best_for_each_block_alone(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct problem problem;
        struct cell cell;
        struct cut_costs costs;
        struct allocation a;
        struct plan plan, greedy;
        struct plan_options options = {.gap = 0.005, .time_limit_s = 10};
        (seed % 2 ? random_problem : random_air_bound_problem)(&problem, seed, 4, 12, RESNET18_CUTS,
                                                               0.5 * (double)(seed % 3));
        assert_int_equal(plan_make(&plan, &problem, "bcd", &options, NULL), 0);
        for (int j = 0; j < RESNET18_CUTS; j++) {
            latency_evaluate(&problem, j, &plan.rates, &plan.terms);
            assert_true(latency_total(&problem, &plan.terms) >= plan.latency_s * (1 - 1e-9));
        }
        cell_init(&cell, &problem);
        cut_costs_init(&costs, &cell, plan.cut);
        allocation_init(&a, &cell, &costs);
        allocation_set(&a, plan.owner);
        assert_true(allocation_total_s(&a) >= plan.latency_s * (1 - 1e-5));
        allocation_release(&a);
        cut_costs_release(&costs);
        cell_release(&cell);
        exchange(&problem.cuts[0], &problem.cuts[plan.cut]);
        problem.n_cuts = 1;
        assert_int_equal(plan_make(&greedy, &problem, "greedy-uniform-best", &options, NULL), 0);
        problem.n_cuts = RESNET18_CUTS;
        assert_true(greedy.latency_s >= plan.latency_s * (1 - 1e-9));
        plan_release(&greedy);
        plan_release(&plan);
        problem_release(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_round_never_gets_longer_from_block_to_block),
        cmocka_unit_test(the_end_is_best_for_each_block_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
