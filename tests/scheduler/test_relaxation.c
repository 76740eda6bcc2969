/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glpk.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "scheduler/branch.h"
#include "scheduler/glpk_guard.h"
#include "scheduler/improve.h"
#include "scheduler/ownership.h"
#include "scheduler/relaxation.h"
#include "tests/scheduler/sample_problems.h"

struct setting {
    struct problem problem;
    struct cell cell;
    struct cut_costs costs;
    struct allocation known; /* improved */
    int *partner;
    bool *allowed; /* everything */
};

static void setting_init(struct setting *s, uint64_t seed, double phi)
{
    size_t n;

    random_air_bound_problem(&s->problem, seed, 4, 9, 3, phi);
    cell_init(&s->cell, &s->problem);
    cut_costs_init(&s->costs, &s->cell, 1);
    allocation_init(&s->known, &s->cell, &s->costs);
    s->partner = mem_zero(4, sizeof(int));
    assert_true(ownership_match(&s->cell, s->partner, NULL));
    ownership_greedy(&s->known, s->partner);
    improve_owners(&s->known, LONG_MAX, INT64_MAX);
    n = cell_at(&s->cell, 4, 0);
    s->allowed = mem_zero(n, sizeof(bool));
    for (size_t at = 0; at < n; at++)
        s->allowed[at] = true;
}

static void setting_release(struct setting *s)
{
    free(s->partner);
    free(s->allowed);
    allocation_release(&s->known);
    cut_costs_release(&s->costs);
    cell_release(&s->cell);
    problem_release(&s->problem);
}

/* Any prices at all, however silly, must stay below a round that exists. */
static void any_prices_give_a_valid_bound(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1, 1);
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct setting s;
        struct prices prices;
        struct lagrangian l;
        setting_init(&s, seed, 0.5 * (double)(seed % 3));
        prices_init(&prices, 4);
        lagrangian_init(&l, &s.cell);
        for (int draw = 0; draw < 200; draw++) {
            for (int i = 0; i < 4; i++) {
                prices.uplink[i] =
                    pow(10, rng_uniform_in(&rng, -14, -6)) * (double)rng_below(&rng, 3);
                prices.downlink[i] =
                    pow(10, rng_uniform_in(&rng, -14, -6)) * (double)rng_below(&rng, 3);
                prices.power[i] = pow(10, rng_uniform_in(&rng, -6, 2)) * (double)rng_below(&rng, 3);
            }
            prices.total_power = pow(10, rng_uniform_in(&rng, -6, 2)) * (double)rng_below(&rng, 3);
            lagrangian_evaluate(&l, &s.cell, &s.costs, &prices, s.allowed);
            assert_true(l.bound_s <= allocation_total_s(&s.known));
        }
        lagrangian_release(&l);
        prices_release(&prices);
        setting_release(&s);
    }
}

static void the_bound_is_close_below_a_good_allocation(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct setting s;
        struct relaxed relaxed;
        struct relaxation *r;
        double known_s;
        setting_init(&s, seed, 1);
        known_s = allocation_total_s(&s.known);
        r = relaxation_new(&s.cell, &s.costs, &s.known);
        relaxed_init(&relaxed, &s.cell);
        relaxation_solve(r, s.allowed, HUGE_VAL, 1e-9 * known_s, INT64_MAX, &relaxed);
        assert_true(relaxed.is_known);
        assert_true(relaxed.bound_s <= known_s);
        assert_true(relaxed.bound_s >= 0.9 * known_s);
        assert_true(relaxed.bound_s >= cut_costs_least_s(&s.costs));
        relaxed_release(&relaxed);
        relaxation_free(r);
        setting_release(&s);
    }
}

/* With every owner fixed there is nothing to share: the relaxation is the problem itself. */
static void with_all_owners_fixed_the_bound_is_the_round(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct setting s;
        struct relaxed relaxed;
        struct relaxation *r;
        double known_s;
        setting_init(&s, seed, 0.5 * (double)(seed % 3));
        known_s = allocation_total_s(&s.known);
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < 9; k++)
                s.allowed[cell_at(&s.cell, i, k)] = s.known.owner[k] == i;
        r = relaxation_new(&s.cell, &s.costs, &s.known);
        relaxed_init(&relaxed, &s.cell);
        relaxation_solve(r, s.allowed, HUGE_VAL, 1e-9 * known_s, INT64_MAX, &relaxed);
        assert_true(relaxed.bound_s <= known_s);
        assert_true(relaxed.bound_s >= known_s * (1 - 1e-6));
        relaxed_release(&relaxed);
        relaxation_free(r);
        setting_release(&s);
    }
}

/* bound + loss[i][k] must hold for every round in which i owns k: every seventh is looked at. */
static void losses_bound_every_choice_of_an_owner(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct setting s;
        struct relaxed relaxed;
        struct relaxation *r;
        struct allocation tried;
        int owner[9] = {0};
        setting_init(&s, seed, 0.5 * (double)(seed % 3));
        r = relaxation_new(&s.cell, &s.costs, &s.known);
        relaxed_init(&relaxed, &s.cell);
        relaxation_solve(r, s.allowed, HUGE_VAL, 1e-6, INT64_MAX, &relaxed);
        allocation_init(&tried, &s.cell, &s.costs);
        for (int code = 0; code < 1 << 18; code += 7) { /* two bits a subchannel */
            double total_s, bound_s = relaxed.bound_s;
            for (int k = 0; k < 9; k++) {
                owner[k] = code >> (2 * k) & 3;
                bound_s =
                    fmax(bound_s, relaxed.bound_s + relaxed.loss_s[cell_at(&s.cell, owner[k], k)]);
            }
            allocation_set(&tried, owner);
            total_s = allocation_total_s(&tried);
            assert_true(bound_s <= total_s);
        }
        allocation_release(&tried);
        relaxed_release(&relaxed);
        relaxation_free(r);
        setting_release(&s);
    }
}

static void out_of_time_the_bound_is_the_simple_one(void **state)
{
    struct setting s;
    struct relaxed relaxed;
    struct relaxation *r;

    (void)state;
    setting_init(&s, 1, 0);
    r = relaxation_new(&s.cell, &s.costs, &s.known);
    relaxed_init(&relaxed, &s.cell);
    relaxation_solve(r, s.allowed, HUGE_VAL, 0, clock_now_us() - 1, &relaxed);
    assert_false(relaxed.is_known);
    assert_true(relaxed.bound_s >= cut_costs_least_s(&s.costs));
    assert_true(relaxed.bound_s <= allocation_total_s(&s.known));
    relaxed_release(&relaxed);
    relaxation_free(r);
    setting_release(&s);
}

static void provoke_an_error(void *data)
{
    glp_add_rows(data, -1);
}

/* GLPK's own error ends in abort() without the guard; masters that lived then only bound less
 * tightly. */
static void an_error_inside_glpk_is_a_status_and_bounds_stay_valid(void **state)
{
    struct setting s;
    struct relaxed relaxed;
    struct relaxation *r;
    unsigned before;

    (void)state;
    setting_init(&s, 1, 0);
    r = relaxation_new(&s.cell, &s.costs, &s.known);
    relaxed_init(&relaxed, &s.cell);
    before = glpk_generation();
    assert_int_equal(glpk_guard(provoke_an_error, glp_create_prob()), -1);
    assert_int_equal(glpk_generation(), before + 1);
    relaxation_solve(r, s.allowed, HUGE_VAL, 0, INT64_MAX, &relaxed);
    assert_false(relaxed.is_known);
    assert_true(relaxed.bound_s >= cut_costs_least_s(&s.costs));
    assert_true(relaxed.bound_s <= allocation_total_s(&s.known));
    relaxation_free(r);
    r = relaxation_new(&s.cell, &s.costs, &s.known); /* and GLPK is usable again */
    relaxation_solve(r, s.allowed, HUGE_VAL, 0, INT64_MAX, &relaxed);
    assert_true(relaxed.is_known);
    relaxed_release(&relaxed);
    relaxation_free(r);
    setting_release(&s);
    glp_free_env();
}

static void open_nodes_come_back_least_bound_first_with_their_choices(void **state)
{
    struct open_list list;
    struct rng rng;
    bool allowed[11];
    double bound_s, last_s = -1;
    int cut, n = 0;

    (void)state;
    rng_seed(&rng, 1, 1);
    open_list_init(&list, 11, 0);
    assert_true(isinf(open_list_least_s(&list)));
    for (int p = 0; p < 300; p++) {
        for (int at = 0; at < 11; at++)
            allowed[at] = p >> (at % 9) & 1;
        open_list_push(&list, rng_uniform(&rng), p, allowed, NULL);
    }
    while (open_list_pop(&list, &bound_s, &cut, allowed, NULL, NULL)) {
        assert_true(bound_s >= last_s);
        for (int at = 0; at < 11; at++)
            assert_int_equal(allowed[at], cut >> (at % 9) & 1);
        last_s = bound_s;
        n++;
    }
    assert_int_equal(n, 300);
    open_list_push(&list, 1, 0, allowed, NULL);
    open_list_release(&list);
}

static void improvement_never_lengthens_the_round(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct setting s;
        double greedy_s, improved_s;
        setting_init(&s, seed, 0);
        ownership_greedy(&s.known, s.partner);
        greedy_s = allocation_total_s(&s.known);
        improved_s = improve_owners(&s.known, LONG_MAX, INT64_MAX);
        assert_true(improved_s <= greedy_s);
        assert_true(fabs(improved_s - allocation_total_s(&s.known)) <= 1e-12 * improved_s);
        setting_release(&s);
    }
}

/* A device that prefers what another needs must step aside, over several steps. */
static void matching_finds_a_partner_for_everyone_if_there_is_one(void **state)
{
    static const double gain[3][3] = {{9e-9, 8e-9, 0}, {9e-9, 0, 8e-9}, {9e-9, 0, 0}};
    struct problem problem;
    struct cell cell;
    int partner[3], owner[3] = {0, 1, 1};

    (void)state;
    sample_problem_init(&problem, 3, 3, 1, 0);
    for (int i = 0; i < 3; i++)
        memcpy(problem.devices[i].gain, gain[i], sizeof gain[i]);
    cell_init(&cell, &problem);
    assert_true(ownership_match(&cell, partner, NULL));
    assert_int_equal(partner[0], 1);
    assert_int_equal(partner[1], 2);
    assert_int_equal(partner[2], 0);
    ownership_repair(&cell, partner, owner);
    assert_int_equal(owner[0], 2);
    assert_int_equal(owner[1], 0);
    assert_int_equal(owner[2], 1);
    cell_release(&cell);
    problem_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_prices_give_a_valid_bound),
        cmocka_unit_test(the_bound_is_close_below_a_good_allocation),
        cmocka_unit_test(with_all_owners_fixed_the_bound_is_the_round),
        cmocka_unit_test(losses_bound_every_choice_of_an_owner),
        cmocka_unit_test(out_of_time_the_bound_is_the_simple_one),
        cmocka_unit_test(an_error_inside_glpk_is_a_status_and_bounds_stay_valid),
        cmocka_unit_test(open_nodes_come_back_least_bound_first_with_their_choices),
        cmocka_unit_test(improvement_never_lengthens_the_round),
        cmocka_unit_test(matching_finds_a_partner_for_everyone_if_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
