/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/ascent.h"
#include "scheduler/ownership.h"
#include "scheduler/relaxation.h"
#include "tests/scheduler/sample_problems.h"

/* An ascent at one of a problem's cuts, from the prices of greedy owners. */
struct setting {
    struct problem problem; /* by the test */
    struct cell cell;
    struct cut_costs costs;
    struct allocation known;
    struct ascent ascent;
};

static void setting_init(struct setting *s, int cut)
{
    int *partner = mem_zero((size_t)s->problem.n_devices, sizeof(int));

    cell_init(&s->cell, &s->problem);
    assert_true(ownership_match(&s->cell, partner, NULL));
    cut_costs_init(&s->costs, &s->cell, cut);
    allocation_init(&s->known, &s->cell, &s->costs);
    ownership_greedy(&s->known, partner);
    ascent_init(&s->ascent, &s->cell);
    ascent_start(&s->ascent, &s->known);
    free(partner);
}

static void setting_release(struct setting *s)
{
    ascent_release(&s->ascent);
    allocation_release(&s->known);
    cut_costs_release(&s->costs);
    cell_release(&s->cell);
    problem_release(&s->problem);
}

/* So many pairs that later steps look only at those near the best. */
static void large_setting_init(struct setting *s)
{
    random_air_bound_problem(&s->problem, 5, 300, 400, 10, 0.5);
    s->problem.total_power_w *= 60;
    setting_init(s, 9);
}

/* What the prices of the ascent's best bound give when every pair is looked at. */
static double whole_bound_s(const struct setting *s)
{
    struct lagrangian whole;
    double bound_s;

    lagrangian_init(&whole, &s->cell);
    lagrangian_evaluate(&whole, &s->cell, &s->costs, &s->ascent.best, NULL);
    bound_s = whole.bound_s;
    lagrangian_release(&whole);
    return bound_s;
}

/* The relaxation's bound is the best that any prices give. */
static void ascent_comes_near_the_best_bound_and_never_passes_it(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct setting s;
        struct relaxed best;
        struct relaxation *relaxation;
        bool allowed[4 * 16];
        double bound_s;
        memset(allowed, true, sizeof allowed);
        (seed % 2 ? random_problem : random_air_bound_problem)(&s.problem, seed, 4, 16, 3,
                                                               0.5 * (double)(seed % 3));
        setting_init(&s, 2);
        bound_s = ascent_run(&s.ascent, &s.costs, NULL, 300, HUGE_VAL, INT64_MAX);
        relaxation = relaxation_new(&s.cell, &s.costs, &s.known);
        relaxed_init(&best, &s.cell);
        relaxation_solve(relaxation, allowed, HUGE_VAL, 0, INT64_MAX, &best);
        assert_true(bound_s <= best.bound_s * (1 + 1e-6));
        assert_true(bound_s >= best.bound_s * (1 - 0.003));
        relaxed_release(&best);
        relaxation_free(relaxation);
        setting_release(&s);
    }
}

static void a_large_cells_bound_is_one_over_all_pairs(void **state)
{
    struct setting s;
    struct lagrangian whole;
    double known_s;

    (void)state;
    large_setting_init(&s);
    known_s = allocation_total_s(&s.known);
    ascent_run(&s.ascent, &s.costs, NULL, 100, known_s, INT64_MAX);
    assert_non_null(s.ascent.at.near); /* it did look near */
    assert_true(s.ascent.bound_s == whole_bound_s(&s));
    assert_true(s.ascent.at.bound_s == s.ascent.bound_s);
    assert_true(s.ascent.bound_s > 0.8 * known_s);
    lagrangian_look_near(&s.ascent.at, &s.cell, 0.999);
    for (int i = 0; i < s.cell.n_devices; i++)
        s.ascent.prices.uplink[i] *= i % 2 ? 1.2 : 0.8;
    lagrangian_init(&whole, &s.cell);
    lagrangian_evaluate(&whole, &s.cell, &s.costs, &s.ascent.prices, NULL);
    lagrangian_evaluate(&s.ascent.at, &s.cell, &s.costs, &s.ascent.prices, NULL);
    assert_true(s.ascent.at.bound_s > whole.bound_s); /* so it is none */
    lagrangian_release(&whole);
    setting_release(&s);
}

/*
 * Devices whose prices are so low that they have no pair near the best: until the next look at all
 * pairs nothing holds their prices down, and what the steps between add up to passes any bound.
 */
static void a_step_that_looks_near_counts_for_no_bound(void **state)
{
    struct setting s;
    double first_s, bound_s;

    (void)state;
    large_setting_init(&s);
    first_s = ascent_run(&s.ascent, &s.costs, NULL, 100, allocation_total_s(&s.known), INT64_MAX);
    s.ascent.first_step = 0.002;
    s.ascent.first_softness = s.ascent.last_softness = 0.005;
    ascent_restart(&s.ascent);
    for (int i = 0; i < s.cell.n_devices; i += 30) {
        s.ascent.prices.uplink[i] *= 0.1;
        s.ascent.prices.downlink[i] *= 0.1;
        s.ascent.step[i] = s.ascent.step[s.cell.n_devices + i] = 0.8;
    }
    bound_s = ascent_run(&s.ascent, &s.costs, NULL, 9, 1.1 * first_s, INT64_MAX);
    assert_true(bound_s < 1.1 * first_s); /* so all the steps were made */
    assert_true(bound_s == whole_bound_s(&s));
    assert_true(s.ascent.at.bound_s == bound_s);
    setting_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascent_comes_near_the_best_bound_and_never_passes_it),
        cmocka_unit_test(a_large_cells_bound_is_one_over_all_pairs),
        cmocka_unit_test(a_step_that_looks_near_counts_for_no_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
