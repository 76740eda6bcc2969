/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a device's compute times come from, and that every policy takes them as they are. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/device_times.h"
#include "scheduler/plan.h"
#include "tests/scheduler/brute_force.h"
#include "tests/scheduler/sample_problems.h"

static const struct plan_options defaults = {.gap = 1e-4, .time_limit_s = 10};

static double one(void *of)
{
    (void)of;
    return 1;
}

static void make(struct plan *plan, const struct problem *problem, const char *policy)
{
    struct err err = ERR_INIT;

    if (plan_make(plan, problem, policy, &defaults, &err))
        fail_msg("%s: %s", policy, err.text);
}

static void assert_near(double got, double wanted)
{
    if (!(fabs(got - wanted) <= 1e-12 * fabs(wanted)))
        fail_msg("%.17g is not %.17g", got, wanted);
}

static void times_are_the_clocks_or_the_lists_and_slowed_down(void **state)
{
    double forward_s[] = {1, 2, 4}, backward_s[] = {8, 16, 32};
    double tail_forward_s[] = {64, 128, 256}, tail_backward_s[] = {512, 1024, 2048};
    struct problem p;

    (void)state;
    sample_problem_init(&p, 2, 1, 3, 0);
    assert_near(device_forward_s(&p, 0, 1), 64 * 2 * 9633792.0 / 16 / 1.2e9);
    assert_near(device_backward_s(&p, 0, 1), 64 * 4 * 9633792.0 / 16 / 1.2e9);
    assert_near(device_tail_forward_s(&p, 0, 1), 64 * p.cuts[1].server_forward_flop / 16 / 1.2e9);
    assert_near(device_tail_backward_s(&p, 0, 1), 64 * p.cuts[1].server_backward_flop / 16 / 1.2e9);
    double clock_s = device_backward_s(&p, 0, 2);
    p.devices[0].slowdown = 3;
    assert_near(device_backward_s(&p, 0, 2), 3 * clock_s);
    p.devices[1].forward_s_per_sample = forward_s;
    p.devices[1].backward_s_per_sample = backward_s;
    p.devices[1].tail_forward_s_per_sample = tail_forward_s;
    p.devices[1].tail_backward_s_per_sample = tail_backward_s;
    p.devices[1].n_times = 3;
    p.cuts[0].number = 2; /* the first of the cuts that are left */
    assert_true(device_forward_s(&p, 1, 0) == 64 * 4);
    assert_true(device_backward_s(&p, 1, 1) == 64 * 16);
    p.devices[1].slowdown = 0.5;
    assert_true(device_tail_forward_s(&p, 1, 0) == 32 * 256);
    assert_true(device_tail_backward_s(&p, 1, 1) == 32 * 1024);
    p.devices[1].forward_s_per_sample = p.devices[1].backward_s_per_sample = NULL;
    p.devices[1].tail_forward_s_per_sample = p.devices[1].tail_backward_s_per_sample = NULL;
    problem_release(&p);
}

/* By FLOP the first cut is better in everything; one device says otherwise. */
static void a_cut_is_only_passed_over_when_every_device_takes_longer(void **state)
{
    double forward_s[] = {9, 1e-4}, backward_s[] = {9, 1e-4};
    struct problem p;
    struct plan plan;

    (void)state;
    sample_problem_init(&p, 2, 4, 2, 0);
    p.cuts[1].activation_bits = p.cuts[1].gradient_bits = p.cuts[0].activation_bits * 1.01;
    p.cuts[1].device_forward_flop *= 1.01;
    p.cuts[1].server_forward_flop = p.cuts[0].server_forward_flop;
    make(&plan, &p, "exact");
    assert_int_equal(plan.cut, 0);
    plan_release(&plan);
    p.devices[1].n_times = 2;
    p.devices[1].forward_s_per_sample = mem_copy(forward_s, sizeof forward_s);
    p.devices[1].backward_s_per_sample = mem_copy(backward_s, sizeof backward_s);
    assert_false(device_times_cost_no_more(&p, 0, 1));
    assert_false(device_times_cost_no_more(&p, 1, 0));
    for (int i = 0; i < 2; i++) {
        make(&plan, &p, i ? "dual" : "exact");
        assert_int_equal(plan.cut, 1);
        plan_release(&plan);
    }
    problem_release(&p);
}

static void times_measured_as_the_clock_says_give_the_same_plan(void **state)
{
    (void)state;
    for (int p = 0; policy_at(p); p++) {
        struct problem clock, measured;
        struct plan a, b;
        random_problem(&clock, 3, 3, 6, 4, 0.5);
        random_problem(&measured, 3, 3, 6, 4, 0.5);
        for (int i = 0; i < 3; i++)
            measure_device(&measured, i, one, NULL);
        make(&a, &clock, policy_at(p)->name);
        make(&b, &measured, policy_at(p)->name);
        assert_int_equal(a.cut, b.cut);
        assert_memory_equal(a.owner, b.owner, 6 * sizeof(int));
        assert_near(b.latency_s / a.latency_s, 1);
        plan_release(&a);
        plan_release(&b);
        problem_release(&clock);
        problem_release(&measured);
    }
}

static void with_measured_devices_no_policy_beats_brute_force_and_exact_meets_it(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct problem problem;
        (seed % 2 ? random_problem : random_air_bound_problem)(&problem, 300 + seed, 3, 5, 4,
                                                               0.5 * (double)(seed % 3));
        measure_devices(&problem, seed);
        double best_s = brute_force_s(&problem);
        for (int p = 0; policy_at(p); p++) {
            struct plan plan;
            make(&plan, &problem, policy_at(p)->name);
            assert_true(plan.latency_s >= best_s * (1 - 1e-6));
            assert_true(plan.lower_bound_s <= best_s * (1 + 1e-9));
            if (!strcmp(policy_at(p)->name, "exact") || !strcmp(policy_at(p)->name, "auto"))
                assert_true(plan.latency_s <= best_s / (1 - 1e-4) * (1 + 1e-9));
            plan_release(&plan);
        }
        problem_release(&problem);
    }
}

static void turns_take_measured_times_and_slow_downs(void **state)
{
    struct problem p;
    struct plan plan;

    (void)state;
    random_problem(&p, 8, 3, 5, 4, 0);
    p.takes_turns = true;
    measure_devices(&p, 8);
    make(&plan, &p, "exact");
    for (int i = 0; i < 3; i++)
        assert_true(plan.terms.device_backward_s[i] == device_backward_s(&p, i, plan.cut));
    assert_near(plan.terms.device_forward_s[2],
                1.5 * 64 * p.devices[2].forward_s_per_sample[plan.cut]);
    plan_release(&plan);
    problem_release(&p);
}

/* The cut that fits is planned with its own times, not with those of the first. */
static void cuts_left_out_for_memory_leave_the_others_their_times(void **state)
{
    struct problem p;
    struct plan plan;

    (void)state;
    random_problem(&p, 9, 2, 4, 3, 0);
    measure_devices(&p, 9);
    for (int j = 0; j < 3; j++)
        p.cuts[j].device_memory_bytes = j == 2 ? 5 : 50;
    p.devices[0].memory_bytes = 10;
    make(&plan, &p, "exact");
    assert_int_equal(plan.cut, 2);
    assert_near(plan.terms.device_forward_s[1], 1.5 * 64 * p.devices[1].forward_s_per_sample[2]);
    plan_release(&plan);
    problem_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_the_clocks_or_the_lists_and_slowed_down),
        cmocka_unit_test(a_cut_is_only_passed_over_when_every_device_takes_longer),
        cmocka_unit_test(times_measured_as_the_clock_says_give_the_same_plan),
        cmocka_unit_test(with_measured_devices_no_policy_beats_brute_force_and_exact_meets_it),
        cmocka_unit_test(turns_take_measured_times_and_slow_downs),
        cmocka_unit_test(cuts_left_out_for_memory_leave_the_others_their_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
