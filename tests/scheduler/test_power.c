/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scheduler/power.h"
#include "tests/scheduler/sample_problems.h"

static void assert_near(double got, double wanted, double relative)
{
    if (!(fabs(got - wanted) <= relative * fabs(wanted)))
        fail_msg("%.17g is not %.17g within %g relative", got, wanted, relative);
}

/* Floors of 1, 2, 4 W/Hz over 10, 20, 30 Hz, all of one device. */
struct by_hand {
    struct problem problem;
    struct cell cell;
    struct bands bands;
};

static void by_hand_init(struct by_hand *h)
{
    sample_problem_init(&h->problem, 1, 3, 1, 0);
    h->problem.noise_psd_w_per_hz = 1;
    for (int k = 0; k < 3; k++) {
        h->problem.bandwidth_hz[k] = 10 * (k + 1);
        h->problem.devices[0].gain[k] = pow(0.5, k);
    }
    cell_init(&h->cell, &h->problem);
    bands_init(&h->bands, 3);
    bands_fill(&h->bands, &h->cell, 0, NULL);
}

static void by_hand_release(struct by_hand *h)
{
    bands_release(&h->bands);
    cell_release(&h->cell);
    problem_release(&h->problem);
}

static void water_filling_solves_cases_done_by_hand(void **state)
{
    static const struct {
        double power_w, rate_bps;
    } rows[] = {
        {0, 0},
        {10, 10},   /* level 2: only the first, 10 (2 - 1) W, 10 log2 2 */
        {70, 40},   /* level 4: 10 x 3 + 20 x 2 W, 10 x 2 + 20 x 1 */
        {310, 100}, /* level 8: 10 x 7 + 20 x 6 + 30 x 4 W, 10 x 3 + 20 x 2 + 30 x 1 */
    };
    struct by_hand h;

    (void)state;
    by_hand_init(&h);
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        assert_near(waterfill_rate_bps(&h.bands, rows[r].power_w), rows[r].rate_bps, 1e-14);
        assert_near(waterfill_power_w(&h.bands, rows[r].rate_bps), rows[r].power_w, 1e-14);
    }
    by_hand_release(&h);
}

static void water_filling_keeps_the_digits_of_weak_signals(void **state)
{
    struct by_hand h;
    double rate_bps;

    (void)state;
    by_hand_init(&h);
    rate_bps = waterfill_rate_bps(&h.bands, 1e-18);
    assert_near(rate_bps, 1e-18 / log(2), 1e-14);
    assert_near(waterfill_power_w(&h.bands, rate_bps), 1e-18, 1e-14);
    by_hand_release(&h);
}

static void without_subchannels_no_power_carries_a_rate(void **state)
{
    struct by_hand h;
    int owner[3] = {-1, -1, -1};

    (void)state;
    by_hand_init(&h);
    bands_fill(&h.bands, &h.cell, 0, owner);
    assert_true(isinf(waterfill_power_w(&h.bands, 1)));
    assert_true(waterfill_power_w(&h.bands, 0) == 0);
    assert_true(waterfill_rate_bps(&h.bands, 1) == 0);
    by_hand_release(&h);
}

/* Optimality (Karush, Kuhn, Tucker): wet subchannels share one level, dry ones have floors above
 * it. */
static void water_levels_are_equal_where_wet_and_below_the_floor_where_dry(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct problem problem;
        struct cell cell;
        struct bands bands;
        double psd[12], power_w = 0, level = 0;

        random_problem(&problem, seed, 1, 12, 1, 0);
        for (int k = 0; k < 12; k++)
            problem.bandwidth_hz[k] = 1e6 * (1 + k);
        cell_init(&cell, &problem);
        bands_init(&bands, 12);
        bands_fill(&bands, &cell, 0, NULL);
        waterfill_psd_for_power(&bands, 1e-8 * pow(10, (double)(seed % 10)), psd);
        for (int k = 0; k < 12; k++) {
            power_w += psd[k] * problem.bandwidth_hz[k];
            if (psd[k] > 0)
                level = fmax(level, psd[k] + cell.floor_w_per_hz[k]);
        }
        assert_near(power_w, 1e-8 * pow(10, (double)(seed % 10)), 1e-12);
        for (int k = 0; k < 12; k++) {
            if (psd[k] > 0)
                assert_near(psd[k] + cell.floor_w_per_hz[k], level, 1e-12);
            else
                assert_true(cell.floor_w_per_hz[k] >= level * (1 - 1e-12));
        }
        bands_release(&bands);
        cell_release(&cell);
        problem_release(&problem);
    }
}

struct setting {
    struct problem problem;
    struct cell cell;
    struct cut_costs costs;
    struct allocation allocation;
};

static void setting_init(struct setting *s, int cut, const int *owner)
{
    cell_init(&s->cell, &s->problem);
    cut_costs_init(&s->costs, &s->cell, cut);
    allocation_init(&s->allocation, &s->cell, &s->costs);
    allocation_set(&s->allocation, owner);
}

static void setting_release(struct setting *s)
{
    allocation_release(&s->allocation);
    cut_costs_release(&s->costs);
    cell_release(&s->cell);
    problem_release(&s->problem);
}

/* Two devices, one subchannel each of 1 Hz, gain 1, noise 1; batch 1 with 1 bit: T1 = F + 1 /
 * log2(1 + P). */
static void tiny_init(struct setting *s, double max_power_w, double total_power_w)
{
    int owner[2] = {0, 1};

    sample_problem_init(&s->problem, 2, 2, 1, 1);
    s->problem.batch_size = 1;
    s->problem.noise_psd_w_per_hz = 1;
    s->problem.total_power_w = total_power_w;
    s->problem.cuts[0].activation_bits = 1;
    for (int i = 0; i < 2; i++) {
        s->problem.bandwidth_hz[i] = 1;
        s->problem.devices[i].max_power_w = max_power_w;
        s->problem.devices[i].gain[0] = s->problem.devices[i].gain[1] = 1;
        s->problem.devices[i].clock_hz = 1;
        s->problem.devices[i].cycles_per_flop = 1;
    }
    s->problem.cuts[0].device_forward_flop = 0.5; /* both compute for half a second */
    setting_init(s, 0, owner);
}

static void device_limits_bind_when_the_total_is_large(void **state)
{
    struct setting s;
    double psd[2];

    (void)state;
    tiny_init(&s, 3, 100);
    assert_near(power_best_up_s(&s.allocation), 0.5 + 0.5, 1e-12); /* 1 / log2 4 */
    power_psd(&s.allocation, power_best_up_s(&s.allocation), psd);
    assert_near(psd[0], 3, 1e-12);
    assert_near(psd[1], 3, 1e-12);
    setting_release(&s);
}

static void the_total_binds_when_it_is_small(void **state)
{
    struct setting s;
    double psd[2];

    (void)state;
    tiny_init(&s, 3, 2);
    assert_near(power_best_up_s(&s.allocation), 0.5 + 1, 1e-12); /* 1 W each: 1 / log2 2 */
    power_psd(&s.allocation, power_best_up_s(&s.allocation), psd);
    assert_near(psd[0] + psd[1], 2, 1e-12);
    assert_true(psd[0] + psd[1] <= 2 * (1 + 1e-15));
    setting_release(&s);
}

static void the_total_caps_a_lone_device_too(void **state)
{
    struct setting s;

    (void)state;
    tiny_init(&s, 1000, 1e-3);
    assert_near(s.cell.power_cap_w[0], 1e-3, 0);
    setting_release(&s);
}

static void a_slow_device_lets_the_others_save_power(void **state)
{
    struct setting s;
    double psd[2], up_s;

    (void)state;
    tiny_init(&s, 3, 100);
    s.costs.forward_s[1] = 2; /* ends at 2.5 at best; the other then has 2 s for its bit */
    up_s = power_best_up_s(&s.allocation);
    assert_near(up_s, 2.5, 1e-12);
    power_psd(&s.allocation, up_s, psd);
    assert_near(psd[0], sqrt(2) - 1, 1e-12);
    assert_near(psd[1], 3, 1e-12);
    setting_release(&s);
}

static void without_uplink_data_the_stage_ends_with_the_last_device(void **state)
{
    struct setting s;
    double psd[2];

    (void)state;
    tiny_init(&s, 3, 100);
    s.costs.uplink_bits = 0;
    s.costs.forward_s[1] = 2;
    assert_near(power_best_up_s(&s.allocation), 2, 0);
    power_psd(&s.allocation, 2, psd);
    assert_true(psd[0] == 0 && psd[1] == 0);
    assert_true(power_can_meet(&s.allocation, 2));
    assert_false(power_can_meet(&s.allocation, 1.9));
    setting_release(&s);
}

static void a_device_without_a_subchannel_never_ends(void **state)
{
    struct setting s;

    (void)state;
    tiny_init(&s, 3, 100);
    allocation_give(&s.allocation, 1, 0);
    assert_true(isinf(power_best_up_s(&s.allocation)));
    assert_false(power_can_meet(&s.allocation, 1e9));
    setting_release(&s);
}

/* All power splits of two devices over three subchannels on a grid: none beats the exact control.
 * */
static void no_split_on_a_fine_grid_is_better(void **state)
{
    enum { STEPS = 200 };

    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct setting s;
        int owner[3] = {0, 0, 1};
        double exact_s, grid_s = HUGE_VAL;

        random_problem(&s.problem, seed, 2, 3, 2, 1);
        s.problem.total_power_w = seed % 2 ? 2 : 5; /* total and device limits take turns to bind */
        setting_init(&s, 1, owner);
        exact_s = power_best_up_s(&s.allocation);
        for (int a = 0; a <= STEPS; a++)
            for (int b = 0; a + b <= STEPS; b++) {
                double first_w = 1.5 * a / STEPS, second_w = 1.5 * b / STEPS, up_s = 0;
                double third_w = fmin(1.5, s.problem.total_power_w - first_w - second_w);
                double power_w[3] = {first_w, second_w, third_w}, rate[2] = {0, 0};
                for (int k = 0; k < 3; k++)
                    rate[owner[k]] +=
                        subchannel_rate_bps(10e6, power_w[k] / 10e6,
                                            s.problem.devices[owner[k]].gain[k], NOISE_W_PER_HZ);
                for (int i = 0; i < 2; i++)
                    up_s = fmax(up_s, s.costs.forward_s[i] + s.costs.uplink_bits / rate[i]);
                grid_s = fmin(grid_s, up_s);
            }
        assert_true(exact_s <= grid_s * (1 + 1e-12));
        assert_true(exact_s >= grid_s * (1 - 0.01));
        setting_release(&s);
    }
}

static void meeting_a_time_agrees_with_the_soonest_time(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct setting s;
        int owner[8] = {0, 1, 2, 0, 1, 2, 0, 1};
        double up_s, psd[8], total_w = 0;

        random_problem(&s.problem, seed, 3, 8, 4, 0);
        s.problem.total_power_w = 2;
        setting_init(&s, (int)(seed % 4), owner);
        up_s = power_best_up_s(&s.allocation);
        assert_true(power_can_meet(&s.allocation, up_s * (1 + 1e-11)));
        assert_false(power_can_meet(&s.allocation, up_s * (1 - 1e-11)));
        power_psd(&s.allocation, up_s, psd);
        for (int k = 0; k < 8; k++)
            total_w += psd[k] * 10e6;
        assert_true(total_w <= 2 * (1 + 1e-12));
        setting_release(&s);
    }
}

static void the_bound_of_a_cut_is_below_every_allocation(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct setting s;
        int owner[6] = {0, 1, 2, 2, 1, 0};

        random_problem(&s.problem, seed, 3, 6, 4, 0.5);
        setting_init(&s, (int)(seed % 4), owner);
        assert_true(cut_costs_least_s(&s.costs) < allocation_total_s(&s.allocation));
        setting_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(water_filling_solves_cases_done_by_hand),
        cmocka_unit_test(water_filling_keeps_the_digits_of_weak_signals),
        cmocka_unit_test(without_subchannels_no_power_carries_a_rate),
        cmocka_unit_test(water_levels_are_equal_where_wet_and_below_the_floor_where_dry),
        cmocka_unit_test(device_limits_bind_when_the_total_is_large),
        cmocka_unit_test(the_total_binds_when_it_is_small),
        cmocka_unit_test(the_total_caps_a_lone_device_too),
        cmocka_unit_test(a_slow_device_lets_the_others_save_power),
        cmocka_unit_test(without_uplink_data_the_stage_ends_with_the_last_device),
        cmocka_unit_test(a_device_without_a_subchannel_never_ends),
        cmocka_unit_test(no_split_on_a_fine_grid_is_better),
        cmocka_unit_test(meeting_a_time_agrees_with_the_soonest_time),
        cmocka_unit_test(the_bound_of_a_cut_is_below_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
