/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scheduler/latency.h"
#include "scheduler/rates.h"
#include "tests/scheduler/sample_problems.h"

static void assert_near(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance))
        fail_msg("%.15g is not %.15g within %g", got, wanted, tolerance);
}

/* Five devices of 1.0 to 1.6 GHz, 400 Mbit/s each way, 2 Gbit/s broadcast. */
struct worked {
    struct problem problem;
    struct rates rates;
    struct latency_terms terms;
};

static void worked_init(struct worked *w, double phi)
{
    sample_problem_init(&w->problem, 5, 20, RESNET18_CUTS, phi);
    rates_init(&w->rates, 5);
    latency_terms_init(&w->terms, 5);
    for (int i = 0; i < 5; i++) {
        w->problem.devices[i].clock_hz = 1e9 + 0.15e9 * i;
        w->rates.uplink_bps[i] = w->rates.downlink_bps[i] = 400e6;
    }
    w->rates.broadcast_bps = 2e9;
}

static void worked_release(struct worked *w)
{
    problem_release(&w->problem);
    rates_release(&w->rates);
    latency_terms_release(&w->terms);
}

static double largest(const double *values)
{
    double most = values[0];
    for (int i = 1; i < 5; i++)
        most = fmax(most, values[i]);
    return most;
}

static void terms_are_those_of_the_worked_table(void **state)
{
    static const struct {
        int cut;
        double phi, t_f, t_u, t_sf, t_sb, t_bc, t_d, t_b, total;
    } rows[] = {
        {1, 0, .077070, .083886, .553662, 1.107325, 0, .083886, .154141, 2.059971},
        {1, .5, .077070, .083886, .553662, .664406, .008389, .041943, .154141, 1.583498},
        {1, 1, .077070, .083886, .553662, .221488, .016777, 0, .154141, 1.107025},
        {5, 0, .647496, .041943, .268450, .536900, 0, .041943, 1.294991, 2.831722},
        {5, .5, .647496, .041943, .268450, .322151, .004194, .020972, 1.294991, 2.600197},
        {5, 1, .647496, .041943, .268450, .107403, .008389, 0, 1.294991, 2.368671},
        {9, 1, 1.184367, .010486, .000014, .000029, .002097, 0, 2.368733, 3.565726},
    };

    (void)state;
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        struct worked w;
        worked_init(&w, rows[r].phi);
        latency_evaluate(&w.problem, rows[r].cut, &w.rates, &w.terms);
        assert_near(largest(w.terms.device_forward_s), rows[r].t_f, 5.01e-7);
        assert_near(largest(w.terms.uplink_s), rows[r].t_u, 5.01e-7);
        assert_near(w.terms.server_forward_s, rows[r].t_sf, 5.01e-7);
        assert_near(w.terms.server_backward_s, rows[r].t_sb, 5.01e-7);
        assert_near(w.terms.broadcast_s, rows[r].t_bc, 5.01e-7);
        assert_near(largest(w.terms.downlink_s), rows[r].t_d, 5.01e-7);
        assert_near(largest(w.terms.device_backward_s), rows[r].t_b, 5.01e-7);
        assert_near(latency_total(&w.problem, &w.terms), rows[r].total, 5.01e-7);
        worked_release(&w);
    }
}

static void maxpool_is_the_best_cut_of_the_worked_table(void **state)
{
    (void)state;
    for (double phi = 0; phi <= 1; phi += 0.5) {
        struct worked w;
        double best_s = HUGE_VAL;
        int best = -1;
        worked_init(&w, phi);
        for (int j = 0; j < w.problem.n_cuts; j++) {
            double total_s;
            latency_evaluate(&w.problem, j, &w.rates, &w.terms);
            total_s = latency_total(&w.problem, &w.terms);
            if (total_s < best_s) {
                best_s = total_s;
                best = j;
            }
        }
        assert_string_equal(w.problem.cuts[best].name, "maxpool");
        worked_release(&w);
    }
}

static void no_data_takes_no_time_and_no_rate_takes_forever(void **state)
{
    struct worked w;

    (void)state;
    worked_init(&w, 1);
    w.rates.downlink_bps[3] = 0;
    latency_evaluate(&w.problem, 1, &w.rates, &w.terms);
    assert_near(w.terms.downlink_s[3], 0, 0);
    w.problem.aggregation_ratio = 0.5;
    latency_evaluate(&w.problem, 1, &w.rates, &w.terms);
    assert_true(isinf(w.terms.downlink_s[3]));
    assert_true(isinf(latency_total(&w.problem, &w.terms)));
    w.problem.aggregation_ratio = 0;
    w.rates.broadcast_bps = 0;
    latency_evaluate(&w.problem, 1, &w.rates, &w.terms);
    assert_near(w.terms.broadcast_s, 0, 0);
    worked_release(&w);
}

static void aggregated_slots_are_rounded_up_but_not_by_rounding_errors(void **state)
{
    static const struct {
        int batch_size;
        double phi;
        int slots;
    } rows[] = {{64, 0, 0},   {64, 1, 64},    {64, 0.5, 32},   {10, 0.7, 7},      {10, 0.71, 8},
                {1, 0.01, 1}, {100, 0.07, 7}, {3, 1.0 / 3, 1}, {10, 0.1 + 0.2, 3}};
    struct problem problem = {0};

    (void)state;
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        problem.batch_size = rows[r].batch_size;
        problem.aggregation_ratio = rows[r].phi;
        assert_int_equal(problem_aggregated_slots(&problem), rows[r].slots);
    }
}

static void taking_turns_adds_devices_and_handovers_up(void **state)
{
    struct worked w;
    double sum = 0;

    (void)state;
    worked_init(&w, 0.5);
    w.problem.takes_turns = true;
    w.rates.downlink_bps[1] = 100e6;
    latency_evaluate(&w.problem, 1, &w.rates, &w.terms);
    assert_near(w.terms.broadcast_s, 0, 0);
    assert_near(w.terms.server_backward_s, 1.107325, 5.01e-7); /* nothing is aggregated */
    assert_near(w.terms.downlink_s[0], .083886, 5.01e-7);
    assert_near(w.terms.handover_s[0], 2e6 / 400e6 + 2e6 / 100e6, 1e-12);
    assert_near(w.terms.handover_s[4], 2e6 / 400e6 + 2e6 / 400e6, 1e-12); /* to the first */
    for (int i = 0; i < 5; i++)
        sum += w.terms.device_forward_s[i] + w.terms.uplink_s[i] + w.terms.downlink_s[i] +
               w.terms.device_backward_s[i] + w.terms.handover_s[i];
    assert_near(latency_total(&w.problem, &w.terms),
                sum + w.terms.server_forward_s + w.terms.server_backward_s, 1e-12);
    worked_release(&w);
}

static void one_device_hands_nothing_over(void **state)
{
    struct problem problem;
    struct latency_terms terms;
    struct rates rates;

    (void)state;
    sample_problem_init(&problem, 1, 2, 1, 0);
    problem.takes_turns = true;
    rates_init(&rates, 1);
    latency_terms_init(&terms, 1);
    rates.uplink_bps[0] = rates.downlink_bps[0] = 1e6;
    latency_evaluate(&problem, 0, &rates, &terms);
    assert_near(terms.handover_s[0], 0, 0);
    rates_release(&rates);
    latency_terms_release(&terms);
    problem_release(&problem);
}

static void a_copy_of_terms_is_its_own(void **state)
{
    struct latency_terms from, to;

    (void)state;
    latency_terms_init(&from, 2);
    latency_terms_init(&to, 2);
    from.device_forward_s[1] = 1;
    from.uplink_s[0] = 2;
    from.downlink_s[1] = 3;
    from.device_backward_s[0] = 4;
    from.handover_s[1] = 5;
    from.server_forward_s = 6;
    from.server_backward_s = 7;
    from.broadcast_s = 8;
    latency_terms_copy(&to, &from);
    latency_terms_release(&from);
    assert_near(to.device_forward_s[1] + to.uplink_s[0] + to.downlink_s[1] +
                    to.device_backward_s[0] + to.handover_s[1],
                15, 0);
    assert_near(to.server_forward_s + to.server_backward_s + to.broadcast_s, 21, 0);
    latency_terms_release(&to);
}

static void rates_follow_owners_and_powers(void **state)
{
    struct problem problem;
    struct rates rates;
    int owner[3] = {1, -1, 1};
    double psd[3] = {3, 5, 0};

    (void)state;
    sample_problem_init(&problem, 2, 3, 1, 0);
    problem.noise_psd_w_per_hz = 1;
    problem.downlink_psd_w_per_hz = 1;
    for (int k = 0; k < 3; k++) {
        problem.bandwidth_hz[k] = 10;
        problem.devices[0].gain[k] = 1;
        problem.devices[1].gain[k] = k == 2 ? 7 : 1;
    }
    rates_init(&rates, 2);
    rates_evaluate(&problem, owner, psd, &rates);
    assert_near(rates.uplink_bps[0], 0, 0);
    assert_near(rates.uplink_bps[1], 20, 1e-12);
    assert_near(rates.downlink_bps[0], 0, 0);
    assert_near(rates.downlink_bps[1], 10 + 30, 1e-12);
    assert_near(rates.broadcast_bps, 30, 1e-12); /* device 0 over the whole band, owned or not */
    rates_release(&rates);
    problem_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_those_of_the_worked_table),
        cmocka_unit_test(maxpool_is_the_best_cut_of_the_worked_table),
        cmocka_unit_test(no_data_takes_no_time_and_no_rate_takes_forever),
        cmocka_unit_test(aggregated_slots_are_rounded_up_but_not_by_rounding_errors),
        cmocka_unit_test(taking_turns_adds_devices_and_handovers_up),
        cmocka_unit_test(one_device_hands_nothing_over),
        cmocka_unit_test(a_copy_of_terms_is_its_own),
        cmocka_unit_test(rates_follow_owners_and_powers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
