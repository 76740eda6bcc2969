/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The search without the dynamic programming that the policy prefers in cells as small as these, and with
 * poor rounds to begin with, so that its proof is all there is.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scheduler/dual_search.h"
#include "scheduler/exact_search.h"
#include "tests/bench/bench_cells.h"
#include "tests/scheduler/brute_force.h"

/* A small cell of any kind, with its optimum. */
struct setting {
    struct problem problem;
    struct cell cell;
    int partner[3];
    bool is_cut_wanted[4];
    double best_s;
};

static void setting_init(struct setting *s, uint64_t seed, int n_cuts)
{
    bench_cell(&s->problem, (enum bench_kind)(seed % 3), seed / 3, 3, 6, n_cuts);
    s->best_s = brute_force_s(&s->problem);
    cell_init(&s->cell, &s->problem);
    assert_true(ownership_match(&s->cell, s->partner, NULL));
    for (int j = 0; j < n_cuts; j++)
        s->is_cut_wanted[j] = true;
}

static void setting_release(struct setting *s)
{
    cell_release(&s->cell);
    problem_release(&s->problem);
}

/* Started with rounds that nobody improved. */
static void start(struct exact_search *search, struct setting *s, double gap)
{
    exact_search_init(search, &s->cell, s->partner, s->is_cut_wanted, gap, INT64_MAX);
    search->is_rough = true;
    search->aim = gap;
    exact_search_start(search);
}

/* A wide gap, so that the optimum is often among what is dropped. */
static void the_bound_holds_whatever_the_search_drops(void **state)
{
    static const double gaps[] = {0.01, 0.03, 0.1};
    int n_worse = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        double gap = gaps[seed % 3];
        struct setting s;
        struct exact_search search;
        setting_init(&s, seed, 2);
        start(&search, &s, gap);
        exact_search_run(&search);
        n_worse += search.best_s > s.best_s * (1 + 1e-6);
        assert_true(search.best_s >= s.best_s * (1 - 1e-9));
        assert_true(exact_search_bound_s(&search) <= s.best_s * (1 + 1e-9));
        assert_true(exact_search_bound_s(&search) >= search.best_s * (1 - gap) * (1 - 1e-9));
        exact_search_release(&search);
        setting_release(&s);
    }
    assert_true(n_worse > 5); /* or the test shows nothing */
}

static void branching_alone_finds_the_optimum(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct setting s;
        struct exact_search search;
        setting_init(&s, seed, 2);
        start(&search, &s, 1e-4);
        search.has_covered = true;
        exact_search_run(&search);
        assert_true(search.best_s <= s.best_s * (1 + 1.1e-4));
        assert_true(search.best_s >= s.best_s * (1 - 1e-9));
        assert_true(exact_search_bound_s(&search) <= s.best_s * (1 + 1e-9));
        exact_search_release(&search);
        setting_release(&s);
    }
}

/* With a narrow gap nearly all cuts are covered, with a wide one most are left to their simple bounds. */
static void bounds_by_covers_hold_for_all_cuts_together(void **state)
{
    static const double gaps[] = {0.3, 0.1, 0.02, 0.001};
    double closed = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 48; seed++) {
        double gap = gaps[seed % 4];
        struct setting s;
        struct exact_search search;
        setting_init(&s, seed, 4);
        start(&search, &s, gap);
        exact_search_cover(&search);
        assert_true(search.best_s >= s.best_s * (1 - 1e-9));
        assert_true(search.covered_s <= s.best_s * (1 + 1e-9));
        assert_true(exact_search_bound_s(&search) <= s.best_s * (1 + 1e-9));
        closed += (search.covered_s >= search.best_s * (1 - gap)) / 48.0;
        exact_search_release(&search);
        setting_release(&s);
    }
    assert_true(closed > 0.5);
}

/* The same of "dual", whose cuts are bounded by prices, by covers or by neither. */
static void bounds_of_dual_hold_for_all_cuts_together(void **state)
{
    static const double gaps[] = {0.3, 0.1, 0.02, 0.001};
    bool is_covered = false;

    (void)state;
    for (uint64_t seed = 0; seed < 48; seed++) {
        struct plan_options options = {.gap = gaps[seed % 4], .time_limit_s = 100, .seed = seed};
        struct setting s;
        struct dual_search search;
        struct rng rng;
        setting_init(&s, seed, 4);
        rng_seed(&rng, seed, RNG_POLICY);
        dual_search_init(&search, &s.cell, s.partner, s.is_cut_wanted, &options, &rng);
        dual_search_run(&search);
        for (int j = 0; j < search.n_cuts; j++)
            is_covered |= search.cuts[j].is_covered;
        assert_true(search.best_s >= s.best_s * (1 - 1e-9));
        assert_true(dual_search_bound_s(&search) <= s.best_s * (1 + 1e-9));
        dual_search_release(&search);
        setting_release(&s);
    }
    assert_true(is_covered);
}

/* Cut by cut: no cut's bound may be above what is best at that cut. */
static void bounds_of_dual_hold_at_every_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct plan_options options = {.gap = 0.002, .time_limit_s = 100, .seed = seed};
        struct setting s;
        struct dual_search search;
        struct rng rng;
        setting_init(&s, seed, 4);
        rng_seed(&rng, seed, RNG_POLICY);
        dual_search_init(&search, &s.cell, s.partner, s.is_cut_wanted, &options, &rng);
        dual_search_run(&search);
        for (int j = 0; j < search.n_cuts; j++) {
            struct problem_cut *cut = &s.problem.cuts[search.cuts[j].cut],
                               first = s.problem.cuts[0];
            double best_s;
            s.problem.cuts[0] = *cut;
            s.problem.n_cuts = 1;
            best_s = brute_force_s(&s.problem);
            s.problem.cuts[0] = first;
            s.problem.n_cuts = 4;
            /* A cover's bound says no more than that nothing is within the gap. */
            assert_true(fmin(search.cuts[j].bound_s, search.best_s * (1 - options.gap)) <=
                        best_s * (1 + 1e-9));
        }
        dual_search_release(&search);
        setting_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bound_holds_whatever_the_search_drops),
        cmocka_unit_test(branching_alone_finds_the_optimum),
        cmocka_unit_test(bounds_by_covers_hold_for_all_cuts_together),
        cmocka_unit_test(bounds_of_dual_hold_for_all_cuts_together),
        cmocka_unit_test(bounds_of_dual_hold_at_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
