/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flat gains: kept once, read as if they were all there; policy equal needs no more for any number of devices. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "scheduler/plan.h"
#include "scheduler/policy.h"
#include "scheduler/rates.h"
#include "tests/scheduler/sample_problems.h"

/* More time than any policy takes here: each ends by itself, so that no plan depends on the wall clock. */
static const struct plan_options defaults = {.gap = 0.005, .time_limit_s = 1e6};

/* Some bands wider than others; every device with a gain of its own, kept for each subchannel or once. */
static void make_problem(struct problem *p, int n_devices, int n_subchannels, bool is_flat)
{
    struct rng rng;

    sample_problem_init(p, n_devices, is_flat ? 1 : n_subchannels, 4, 0.5);
    rng_seed(&rng, 5, 0);
    p->n_subchannels = n_subchannels;
    p->bandwidth_hz = mem_resize(p->bandwidth_hz, (size_t)n_subchannels, sizeof(double));
    for (int k = 0; k < n_subchannels; k++)
        p->bandwidth_hz[k] = k % 5 < 2 ? 3e5 : 1e6;
    for (int i = 0; i < n_devices; i++) {
        double gain = pow(10, rng_uniform_in(&rng, -13, -9));
        p->devices[i].clock_hz = rng_uniform_in(&rng, 1e9, 1.6e9);
        p->devices[i].is_flat = is_flat;
        for (int k = 0; k < (is_flat ? 1 : n_subchannels); k++)
            p->devices[i].gain[k] = gain;
    }
}

static void rates_are_those_of_gains_kept_for_each_subchannel_to_the_bit(void **state)
{
    struct problem flat, full;
    int owner[23];
    double psd[23];
    struct rates a, b;

    (void)state;
    make_problem(&flat, 6, 23, true);
    make_problem(&full, 6, 23, false);
    for (int k = 0; k < 23; k++) {
        owner[k] = k % 7 - 1;
        psd[k] = 1e-9 * (k + 1);
    }
    rates_init(&a, 6);
    rates_init(&b, 6);
    rates_evaluate(&flat, owner, psd, &a);
    rates_evaluate(&full, owner, psd, &b);
    assert_memory_equal(a.uplink_bps, b.uplink_bps, 6 * sizeof(double));
    assert_memory_equal(a.downlink_bps, b.downlink_bps, 6 * sizeof(double));
    assert_true(a.broadcast_bps == b.broadcast_bps && a.broadcast_bps > 0);
    rates_release(&a);
    rates_release(&b);
    problem_release(&flat);
    problem_release(&full);
}

/* Bands of one width and gains that differ: each subchannel counts with its own. */
static void a_band_that_is_not_flat_is_added_up_subchannel_by_subchannel(void **state)
{
    struct problem problem;
    double weakest = HUGE_VAL;

    (void)state;
    random_problem(&problem, 3, 4, 9, 2, 0.5);
    for (int i = 0; i < 4; i++) {
        double sum = 0;
        for (int k = 0; k < 9; k++)
            sum += rates_downlink_of_bps(&problem, i, k);
        weakest = fmin(weakest, sum);
    }
    assert_true(rates_broadcast_bps(&problem) == weakest);
    problem_release(&problem);
}

static void every_policy_plans_flat_gains_as_others(void **state)
{
    struct problem flat, full;

    (void)state;
    make_problem(&flat, 4, 11, true);
    make_problem(&full, 4, 11, false);
    for (int i = 0; policy_at(i); i++) {
        struct plan a, b;
        const char *name = policy_at(i)->name;
        assert_int_equal(plan_make(&a, &flat, name, &defaults, NULL), 0);
        assert_int_equal(plan_make(&b, &full, name, &defaults, NULL), 0);
        if (!(fabs(a.latency_s - b.latency_s) <= 1e-12 * b.latency_s) ||
            !(fabs(a.lower_bound_s - b.lower_bound_s) <= 1e-12 * b.lower_bound_s))
            fail_msg("%s: %.17g s (%.17g) instead of %.17g s (%.17g)", name, a.latency_s,
                     a.lower_bound_s, b.latency_s, b.lower_bound_s);
        plan_release(&a);
        plan_release(&b);
    }
    problem_release(&flat);
    problem_release(&full);
}

static void fewer_subchannels_than_devices_are_infeasible_also_when_flat(void **state)
{
    struct problem problem;
    struct plan plan;

    (void)state;
    make_problem(&problem, 4, 3, true);
    assert_int_equal(plan_make(&plan, &problem, "equal", &defaults, NULL), 0);
    assert_int_equal(plan.status, PLAN_INFEASIBLE);
    assert_string_equal(plan.reason, "4 devices need a subchannel each and have 3 usable between "
                                     "them: d0, d1, d2, d3");
    plan_release(&plan);
    problem_release(&problem);
}

static void a_cell_too_large_for_tables_is_for_policy_equal(void **state)
{
    struct problem problem;
    struct plan plan;
    struct err err = ERR_INIT;

    (void)state;
    make_problem(&problem, 4600, 4600, true);
    assert_int_equal(plan_make(&plan, &problem, "equal", &defaults, &err), 0);
    assert_true(plan.latency_s > 0 && plan.lower_bound_s > 0);
    plan_release(&plan);
    assert_int_equal(plan_make(&plan, &problem, "dual", &defaults, &err), -1);
    assert_string_equal(err.text,
                        "policy 'dual': 4600 devices times 4600 subchannels are too many: at most "
                        "20000000. Policy equal takes more where devices share the band and gains "
                        "are the same on all of it");
    err.text[0] = '\0';
    problem.takes_turns = true;
    assert_int_equal(plan_make(&plan, &problem, "equal", &defaults, &err), -1);
    err.text[0] = '\0';
    assert_int_equal(problem_save(&problem, "/tmp/splitbed-too-large.json", &err), -1);
    assert_non_null(strstr(err.text, "too many for a file"));
    problem_release(&problem);
}

static void a_flat_problem_comes_back_from_a_file(void **state)
{
    struct problem flat, read;
    char path[] = "/tmp/splitbed-flat-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    make_problem(&flat, 3, 8, true);
    assert_int_equal(problem_save(&flat, path, NULL), 0);
    assert_int_equal(problem_load(&read, path, NULL), 0);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 8; k++)
            assert_true(problem_gain(&read.devices[i], k) == flat.devices[i].gain[0]);
    unlink(path);
    problem_release(&flat);
    problem_release(&read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_those_of_gains_kept_for_each_subchannel_to_the_bit),
        cmocka_unit_test(a_band_that_is_not_flat_is_added_up_subchannel_by_subchannel),
        cmocka_unit_test(every_policy_plans_flat_gains_as_others),
        cmocka_unit_test(fewer_subchannels_than_devices_are_infeasible_also_when_flat),
        cmocka_unit_test(a_cell_too_large_for_tables_is_for_policy_equal),
        cmocka_unit_test(a_flat_problem_comes_back_from_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
