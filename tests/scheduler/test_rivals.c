/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/exact_search.h"
#include "scheduler/plan.h"
#include "tests/bench/bench_cells.h"

static double make_s(const struct problem *problem, const char *policy, double time_limit_s)
{
    struct plan_options options = {.gap = 0.005, .time_limit_s = time_limit_s, .seed = 3};
    struct err err = ERR_INIT;
    struct plan plan;
    double latency_s;

    if (plan_make(&plan, problem, policy, &options, &err))
        fail_msg("%s: %s", policy, err.text);
    latency_s = plan.latency_s;
    plan_release(&plan);
    return latency_s;
}

/* Without any time to search, so that only what the search begins with can hold the promise. */
static void no_baseline_is_better_even_without_time_to_search(void **state)
{
    static const char *const searching[] = {"exact", "dual", "auto"};

    (void)state;
    for (uint64_t seed = 0; seed < 6 * BENCH_KINDS; seed++) {
        struct problem problem;
        double best_s = HUGE_VAL;
        bench_cell(&problem, (enum bench_kind)(seed % BENCH_KINDS), seed / BENCH_KINDS, 4, 12, 10);
        for (int p = 0; policy_at(p); p++) {
            const char *name = policy_at(p)->name;
            if (strcmp(name, "exact") && strcmp(name, "dual") && strcmp(name, "auto"))
                best_s = fmin(best_s, make_s(&problem, name, 0));
        }
        for (size_t s = 0; s < ARRAY_LEN(searching); s++)
            assert_true(make_s(&problem, searching[s], 0) <= best_s * (1 + 1e-9));
        problem_release(&problem);
    }
}

/* With its deadline past, the search starts at one cut only. */
static void owners_are_tried_at_a_dropped_cut_too(void **state)
{
    bool is_wanted[10];
    int partner[4], owner[12];
    struct exact_search s;
    struct problem problem;
    struct cell cell;

    (void)state;
    for (int j = 0; j < 10; j++)
        is_wanted[j] = true;
    for (int k = 0; k < 12; k++)
        owner[k] = k % 4;
    bench_cell(&problem, BENCH_AIR, 0, 4, 12, 10);
    cell_init(&cell, &problem);
    assert_true(ownership_match(&cell, partner, NULL));
    exact_search_init(&s, &cell, partner, is_wanted, 0.005, 0);
    exact_search_start(&s);
    assert_false(s.cuts[9].is_started);
    exact_search_try(&s, 9, owner);
    assert_true(s.cuts[9].known_s > 0 && s.cuts[9].known_s < HUGE_VAL);
    exact_search_release(&s);
    cell_release(&cell);
    problem_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_baseline_is_better_even_without_time_to_search),
        cmocka_unit_test(owners_are_tried_at_a_dropped_cut_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
