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
#include "tests/scheduler/sample_problems.h"

static const struct plan_options defaults = {.gap = 0.005, .time_limit_s = 10, .seed = 7};

/* Cuts that take 400, 100, 200, 300, ... bytes; device 1 has room for `cap`, device 2 for more, device 0 no limit. */
static void limit(struct problem *p, double cap)
{
    for (int j = 0; j < p->n_cuts; j++) {
        p->cuts[j].device_memory_bytes = 100 * (j ? j : 4);
        p->cuts[j].tail_memory_bytes = 10 * (p->n_cuts - j);
    }
    p->devices[1].memory_bytes = cap;
    p->devices[2].memory_bytes = cap + 100;
}

static void make(struct plan *plan, const struct problem *problem, const char *policy,
                 const struct plan_options *options)
{
    struct err err = ERR_INIT;

    if (plan_make(plan, problem, policy, options, &err))
        fail_msg("%s: %s", policy, err.text);
}

/* The problem as if it had only the cuts that take at most `cap`: to be freed, nothing else released. */
static struct problem_cut *only_fitting(struct problem *p, const struct problem *from, double cap)
{
    struct problem_cut *cuts = mem_zero((size_t)from->n_cuts, sizeof *cuts);

    *p = *from;
    p->n_cuts = 0;
    p->cuts = cuts;
    for (int j = 0; j < from->n_cuts; j++)
        if (from->cuts[j].device_memory_bytes <= cap)
            cuts[p->n_cuts++] = from->cuts[j];
    return cuts;
}

static void every_policy_plans_as_if_cuts_that_do_not_fit_were_not_there(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++)
        for (int i = 0; policy_at(i); i++) {
            const char *name = policy_at(i)->name;
            struct problem all, fitting;
            struct plan plan, reference;
            struct problem_cut *cuts;
            random_problem(&all, 20 + seed, 3, 6, 6, 0.5);
            limit(&all, 200); /* cuts 1 and 2 */
            cuts = only_fitting(&fitting, &all, 200);
            assert_int_equal(fitting.n_cuts, 2);
            make(&plan, &all, name, &defaults);
            make(&reference, &fitting, name, &defaults);
            assert_int_not_equal(plan.status, PLAN_INFEASIBLE);
            assert_int_equal(plan.cut, reference.cut + 1);
            assert_true(plan.latency_s == reference.latency_s);
            assert_true(plan.lower_bound_s == reference.lower_bound_s);
            plan_release(&plan);
            plan_release(&reference);
            free(cuts);
            problem_release(&all);
        }
}

static void devices_that_take_turns_are_cut_where_it_fits(void **state)
{
    struct problem p;
    struct plan free_plan, plan;

    (void)state;
    random_problem(&p, 3, 3, 6, 6, 0.5);
    p.takes_turns = true;
    make(&free_plan, &p, "auto", &defaults);
    limit(&p, 100);
    make(&plan, &p, "auto", &defaults);
    assert_int_equal(plan.cut, 1);
    assert_true(plan.latency_s >= free_plan.latency_s);
    plan_release(&plan);
    plan_release(&free_plan);
    problem_release(&p);
}

static void a_limit_that_all_cuts_keep_changes_nothing(void **state)
{
    struct problem p;
    struct plan a, b;

    (void)state;
    random_problem(&p, 4, 3, 6, 6, 0.5);
    make(&a, &p, "exact", &defaults);
    limit(&p, 500);
    make(&b, &p, "exact", &defaults);
    assert_int_equal(a.cut, b.cut);
    assert_true(a.latency_s == b.latency_s);
    plan_release(&a);
    plan_release(&b);
    problem_release(&p);
}

static void a_previous_plan_counts_at_its_cut_if_that_is_offered(void **state)
{
    struct problem p;
    struct plan previous, plan;
    struct plan_options options = {.gap = 0.99, .time_limit_s = 0, .seed = 7};

    (void)state;
    random_problem(&p, 5, 3, 6, 6, 0.5);
    limit(&p, 200);
    make(&previous, &p, "exact", &defaults);
    options.previous = &previous;
    make(&plan, &p, "exact", &options); /* no time to find it anew */
    assert_true(plan.latency_s <= previous.latency_s * (1 + 1e-9));
    plan_release(&plan);
    p.devices[1].memory_bytes = 100; /* its cut is gone, or is the only one */
    make(&plan, &p, "exact", &options);
    assert_int_equal(plan.cut, 1);
    plan_release(&plan);
    plan_release(&previous);
    problem_release(&p);
}

static void infeasible_says_who_has_too_little(void **state)
{
    struct problem p;
    struct plan plan;

    (void)state;
    random_problem(&p, 1, 3, 6, 6, 0.5);
    limit(&p, 99);
    for (int i = 0; policy_at(i); i++) {
        make(&plan, &p, policy_at(i)->name, &defaults);
        assert_int_equal(plan.status, PLAN_INFEASIBLE);
        assert_string_equal(plan.reason, "no cut fits: device d1 has memory for 99 bytes; maxpool, "
                                         "the cut that takes least, takes 100");
        plan_release(&plan);
    }
    problem_release(&p);
}

static void plan_check_refuses_a_cut_that_does_not_fit(void **state)
{
    struct problem p;
    struct plan plan;
    struct err err = ERR_INIT;

    (void)state;
    random_problem(&p, 2, 3, 6, 6, 0.5);
    make(&plan, &p, "exact", &defaults);
    limit(&p, 500);
    assert_int_equal(plan_check(&plan, &p, NULL), 0);
    p.cuts[plan.cut].device_memory_bytes = 1e9;
    p.devices[1].memory_bytes = 2e9;
    p.devices[2].memory_bytes = 1e9 - 1;
    assert_int_equal(plan_check(&plan, &p, &err), -1);
    assert_string_equal(err.text, "device d2: its layers take 1000000000 bytes of memory, it has "
                                  "999999999");
    plan_release(&plan);
    problem_release(&p);
}

static void u_problem(struct problem *p, uint64_t seed)
{
    struct rng rng;

    sample_problem_init(p, 3, 1, 6, 0);
    p->is_u_shaped = true;
    p->n_subchannels = 0;
    rng_seed(&rng, seed, RNG_DEVICES);
    for (int i = 0; i < 3; i++) {
        p->devices[i].clock_hz *= rng_uniform_in(&rng, 0.2, 20);
        p->devices[i].uplink_bps = rng_uniform_in(&rng, 2e7, 8e8);
        p->devices[i].downlink_bps = rng_uniform_in(&rng, 2e7, 8e8);
    }
}

/* Each device's own pairs: with one pair left to a device it takes that, whatever the others do. */
static void u_shaped_each_device_takes_a_pair_that_fits_it(void **state)
{
    static const char *const policies[] = {"exact", "equal", "auto"};

    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(policies); k++) {
        struct err err = ERR_INIT;
        struct problem p;
        struct plan plan;
        u_problem(&p, 9 + k);
        limit(&p, 500);
        p.devices[1].memory_bytes = 110; /* 1 to 5: 100 + 10; all others take more */
        make(&plan, &p, policies[k], &defaults);
        assert_int_equal(plan.u->head[1], 1);
        assert_int_equal(plan.u->tail[1], 5);
        assert_int_equal(plan_check(&plan, &p, NULL), 0);
        p.devices[1].memory_bytes = 109;
        assert_int_equal(plan_check(&plan, &p, &err), -1);
        assert_string_equal(err.text, "device d1: its layers take 110 bytes of memory, it has 109");
        plan_release(&plan);
        make(&plan, &p, policies[k], &defaults);
        assert_int_equal(plan.status, PLAN_INFEASIBLE);
        assert_string_equal(plan.reason,
                            "no pair of cuts fits: device d1 has memory for 109 bytes; maxpool and "
                            "layer2.1, the cuts that take least, take 110");
        plan_release(&plan);
        problem_release(&p);
    }
}

static void where_a_device_has_a_limit_cuts_must_say_what_they_take(void **state)
{
    struct problem p;
    struct err err = ERR_INIT, tail = ERR_INIT;

    (void)state;
    random_problem(&p, 1, 3, 6, 6, 0.5);
    limit(&p, 500);
    p.cuts[3].device_memory_bytes = 0;
    assert_int_equal(problem_check(&p, &err), -1);
    assert_string_equal(err.text, "cuts[3].device_memory_bytes: must be there and > 0: devices[1] "
                                  "has memory_bytes");
    p.devices[1].memory_bytes = p.devices[2].memory_bytes = 0;
    assert_int_equal(problem_check(&p, NULL), 0);
    problem_release(&p);
    u_problem(&p, 1);
    limit(&p, 500);
    p.cuts[2].tail_memory_bytes = 0;
    assert_int_equal(problem_check(&p, &tail), -1);
    assert_string_equal(tail.text, "cuts[2].tail_memory_bytes: must be there and > 0: devices[1] "
                                   "has memory_bytes");
    problem_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_policy_plans_as_if_cuts_that_do_not_fit_were_not_there),
        cmocka_unit_test(devices_that_take_turns_are_cut_where_it_fits),
        cmocka_unit_test(a_limit_that_all_cuts_keep_changes_nothing),
        cmocka_unit_test(a_previous_plan_counts_at_its_cut_if_that_is_offered),
        cmocka_unit_test(infeasible_says_who_has_too_little),
        cmocka_unit_test(plan_check_refuses_a_cut_that_does_not_fit),
        cmocka_unit_test(u_shaped_each_device_takes_a_pair_that_fits_it),
        cmocka_unit_test(where_a_device_has_a_limit_cuts_must_say_what_they_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
