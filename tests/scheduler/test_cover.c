/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "scheduler/cover_search.h"
#include "scheduler/ownership.h"
#include "scheduler/plan.h"
#include "tests/bench/bench_cells.h"
#include "tests/scheduler/brute_force.h"

#define ITEMS 9

static void random_items(struct knapsack_item *items, struct rng *rng)
{
    for (int j = 0; j < ITEMS; j++)
        items[j] = (struct knapsack_item){
            .cost = rng_uniform_in(rng, -0.2, 1),
            .weight = {rng_uniform_in(rng, 0, 0.6), rng_uniform_in(rng, 0, 0.6)},
            .label = j};
}

/* A third condition, as a bit set of labels. */
static bool has_two_of_three(unsigned set)
{
    return (set >> 0 & 1) + (set >> 4 & 1) + (set >> 8 & 1) >= 2;
}

static bool will_do(void *context, const struct knapsack *s)
{
    unsigned set = 0;

    ++*(int *)context;
    for (int j = 0; j < s->n; j++)
        set |= (unsigned)s->taken[j] << s->items[j].label;
    return has_two_of_three(set);
}

static double all_sets(const struct knapsack_item *items, const bool is_needed[2], bool is_picky)
{
    double least = HUGE_VAL;

    for (unsigned set = 0; set < 1u << ITEMS; set++) {
        double cost = 0, weight[2] = {0, 0};
        for (int j = 0; j < ITEMS; j++)
            if (set >> j & 1) {
                cost += items[j].cost;
                weight[0] += items[j].weight[0];
                weight[1] += items[j].weight[1];
            }
        if (is_picky && !has_two_of_three(set))
            continue;
        if ((!is_needed[0] || weight[0] >= 1) && (!is_needed[1] || weight[1] >= 1))
            least = fmin(least, cost);
    }
    return least;
}

static void knapsacks_match_all_sets_on_one_scale_on_two_and_on_none(void **state)
{
    static const bool needs[][2] = {{true, true}, {true, false}, {false, true}, {false, false}};
    struct knapsack s;
    struct rng rng;

    (void)state;
    knapsack_init(&s, ITEMS);
    for (uint64_t seed = 0; seed < 400; seed++) {
        const bool *is_needed = needs[seed % 4];
        double mix = 0.25 * (double)(seed % 5), least, root;
        rng_seed(&rng, seed, 1);
        random_items(s.items, &rng);
        least = all_sets(s.items, is_needed, false);
        root = knapsack_root(&s, ITEMS, is_needed, mix);
        assert_true(root <= least + 1e-12);
        assert_true(fabs(knapsack_solve(&s, ITEMS, is_needed, mix, 0, 1000000) - least) <= 1e-12);
        assert_true(knapsack_solve(&s, ITEMS, is_needed, mix, 0.01, 1000000) >= least - 0.0100001);
        assert_true(knapsack_solve(&s, ITEMS, is_needed, mix, 0, 3) <= least + 1e-12);
    }
    knapsack_release(&s);
}

static void knapsacks_match_all_sets_that_will_do(void **state)
{
    static const bool needs[][2] = {{true, true}, {true, false}, {false, true}, {false, false}};
    int n_asked = 0;
    struct knapsack s;
    struct rng rng;

    (void)state;
    knapsack_init(&s, ITEMS);
    s.will_do = will_do;
    s.context = &n_asked;
    for (uint64_t seed = 0; seed < 400; seed++) {
        const bool *is_needed = needs[seed % 4];
        double least, found;
        rng_seed(&rng, seed, 2);
        random_items(s.items, &rng);
        least = all_sets(s.items, is_needed, true);
        found = knapsack_solve(&s, ITEMS, is_needed, 0.5, 0, 1000000);
        assert_true(found == least || fabs(found - least) <= 1e-12);
        assert_true(knapsack_solve(&s, ITEMS, is_needed, 0.5, 0, 3) <= least + 1e-12);
    }
    assert_true(n_asked > 400);
    knapsack_release(&s);
}

static void too_little_weight_in_all_costs_infinity(void **state)
{
    static const bool is_needed[2] = {true, false};
    struct knapsack s;

    (void)state;
    knapsack_init(&s, 2);
    s.items[0] = (struct knapsack_item){.cost = 1, .weight = {0.4, 9}};
    s.items[1] = (struct knapsack_item){.cost = -1, .weight = {0.5, 9}};
    assert_true(isinf(knapsack_solve(&s, 2, is_needed, 0.5, 0, 100)));
    knapsack_release(&s);
}

/* A cell with good prices for one of its cuts. */
struct setting {
    struct problem problem;
    struct cell cell;
    struct cut_costs costs;
    struct allocation known;
    struct ascent ascent;
};

static void setting_init(struct setting *s, enum bench_kind kind, uint64_t seed, int c, int m)
{
    int partner[8];

    bench_cell(&s->problem, kind, seed, c, m, 1);
    cell_init(&s->cell, &s->problem);
    assert_true(ownership_match(&s->cell, partner, NULL));
    cut_costs_init(&s->costs, &s->cell, 0);
    allocation_init(&s->known, &s->cell, &s->costs);
    ownership_greedy(&s->known, partner);
    ascent_init(&s->ascent, &s->cell);
    ascent_start(&s->ascent, &s->known);
    ascent_run(&s->ascent, &s->costs, NULL, 200, HUGE_VAL, INT64_MAX);
}

static void setting_release(struct setting *s)
{
    ascent_release(&s->ascent);
    allocation_release(&s->known);
    cut_costs_release(&s->costs);
    cell_release(&s->cell);
    problem_release(&s->problem);
}

/* However far it is asked to go, and whatever the windows: the optimum lies in one of them. */
static void no_bound_is_above_the_optimum(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 24; seed++) {
        struct setting s;
        struct cover_search covers;
        double best_s;

        setting_init(&s, (enum bench_kind)(seed % 3), seed / 3, 3, 6);
        best_s = brute_force_s(&s.problem);
        cover_search_init(&covers, &s.cell, INT64_MAX);
        cover_search_add(&covers, 0, &s.costs, 0, best_s * 1.001, &s.ascent);
        for (int turn = 0; turn < 10; turn++)
            cover_search_run(&covers, best_s * 1.001, best_s * 1.0005, 5e3);
        assert_true(cover_search_bound_s(&covers) <= best_s * (1 + 1e-9));
        assert_true(cover_search_bound_s(&covers) >= best_s * 0.9);
        cover_search_release(&covers);
        setting_release(&s);
    }
}

/* Prices that nobody chose give bounds too, in every window that holds the optimum's downlink
 * stage. */
static void any_prices_give_a_valid_bound(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 4, 1);
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct setting s;
        struct cover c;
        double total_s, down_s;

        setting_init(&s, (enum bench_kind)(seed % 3), seed / 3, 4, 9);
        total_s = allocation_total_s(&s.known);
        down_s = allocation_down_s(&s.known);
        cover_init(&c, &s.cell);
        for (int draw = 0; draw < 20; draw++) {
            double part = draw % 2 ? 1e-9 : 0.01;
            cover_start(&c, &s.ascent.at, &s.ascent.prices);
            for (size_t p = 0; p < c.n_prices; p++)
                c.price[p] *= rng_uniform_in(&rng, 0.7, 1.4);
            assert_true(cover_raise(&c, &s.costs, down_s * (1 - part), down_s * (1 + part),
                                    total_s * 1.1, total_s * 1.1, 1 + draw,
                                    INT64_MAX) <= total_s * (1 + 1e-9));
        }
        cover_release(&c);
        setting_release(&s);
    }
}

static void whole_subchannels_raise_the_bound_of_the_relaxation(void **state)
{
    double sum = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct setting s;
        struct cover_search covers;
        double best_s;

        setting_init(&s, BENCH_AIR, 3 * seed, 3, 6);
        best_s = brute_force_s(&s.problem);
        cover_search_init(&covers, &s.cell, INT64_MAX);
        cover_search_add(&covers, 0, &s.costs, 0, best_s, &s.ascent);
        cover_search_run(&covers, best_s, best_s, 1e5);
        sum += (cover_search_bound_s(&covers) - s.ascent.bound_s) / (best_s - s.ascent.bound_s) / 6;
        cover_search_release(&covers);
        setting_release(&s);
    }
    assert_true(sum > 0.5); /* of the gap, in the mean */
}

/* One that the relaxation leaves at 1.7 %. */
static void a_cell_of_twenty_devices_where_the_air_decides_is_nearly_closed(void **state)
{
    struct plan_options options = {.gap = 0.012, .time_limit_s = 100, .seed = 1};
    struct problem problem;
    struct plan plan;

    (void)state;
    bench_cell(&problem, BENCH_AIR, 6, 20, 100, 10);
    assert_int_equal(plan_make(&plan, &problem, "auto", &options, NULL), 0);
    assert_true(plan_gap(&plan) <= 0.012);
    plan_release(&plan);
    problem_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knapsacks_match_all_sets_on_one_scale_on_two_and_on_none),
        cmocka_unit_test(knapsacks_match_all_sets_that_will_do),
        cmocka_unit_test(too_little_weight_in_all_costs_infinity),
        cmocka_unit_test(no_bound_is_above_the_optimum),
        cmocka_unit_test(any_prices_give_a_valid_bound),
        cmocka_unit_test(whole_subchannels_raise_the_bound_of_the_relaxation),
        cmocka_unit_test(a_cell_of_twenty_devices_where_the_air_decides_is_nearly_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
