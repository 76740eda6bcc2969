/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "link/radio.h"

static void assert_near(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance))
        fail_msg("%.15g is not %.15g within %g", got, wanted, tolerance);
}

static void path_loss_has_the_tabulated_values(void **state)
{
    static const struct {
        const char *model;
        double carrier_hz, distance_m, loss_db;
    } rows[] = {
        {"samimi-los", 28e9, 1, 61.4},        {"samimi-los", 28e9, 100, 101.4},
        {"samimi-los", 28e9, 200, 107.4206},  {"samimi-los", 5e9, 100, 101.4},
        {"samimi-nlos", 28e9, 1, 72.0},       {"samimi-nlos", 28e9, 100, 130.4},
        {"samimi-nlos", 28e9, 200, 139.1901}, {"free-space", 28e9, 1, 61.3909},
        {"free-space", 28e9, 100, 101.3909},  {"free-space", 2.4e9, 10, 60.0520},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct path_loss *model = path_loss_find(rows[i].model);
        assert_non_null(model);
        assert_near(model->loss_db(rows[i].carrier_hz, rows[i].distance_m), rows[i].loss_db, 1e-4);
    }
}

static void distances_below_a_metre_count_as_one(void **state)
{
    (void)state;
    for (int i = 0; path_loss_at(i); i++) {
        const struct path_loss *model = path_loss_at(i);
        assert_near(model->loss_db(28e9, 0), model->loss_db(28e9, 1), 0);
        assert_near(model->loss_db(28e9, 0.99), model->loss_db(28e9, 1), 0);
    }
}

static void free_space_is_never_a_gain(void **state)
{
    (void)state;
    assert_near(path_loss_find("free-space")->loss_db(1e6, 1), 0, 0);
}

static void tables_end_and_unknown_names_are_null(void **state)
{
    (void)state;
    assert_null(path_loss_find("Samimi-LoS"));
    assert_null(path_loss_at(3));
    assert_null(path_loss_at(-1));
    assert_null(fading_find("rice"));
    assert_null(fading_at(2));
    assert_null(fading_at(-1));
    assert_string_equal(fading_at(0)->name, "none");
    assert_ptr_equal(fading_at(1), fading_find("rayleigh"));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void rayleigh_power_has_mean_one_and_exponential_quantiles(void **state)
{
    enum { N = 100000 };
    static const double shares[] = {0.05, 0.25, 0.5, 0.9, 0.99};
    const struct fading *rayleigh = fading_find("rayleigh");
    double *draws = mem_zero(N, sizeof *draws), sum = 0;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 7, RNG_CHANNEL);
    for (int i = 0; i < N; i++)
        sum += draws[i] = rayleigh->draw(&rng);
    assert_near(sum / N, 1, 0.01);
    qsort(draws, N, sizeof *draws, by_value);
    for (size_t i = 0; i < ARRAY_LEN(shares); i++)
        assert_near(1 - exp(-draws[(int)(shares[i] * N)]), shares[i], 0.005);
    free(draws);
}

static void without_fading_the_gain_is_one(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 7, RNG_CHANNEL);
    assert_near(fading_find("none")->draw(&rng), 1, 0);
}

static void rate_is_shannons(void **state)
{
    (void)state;
    assert_near(subchannel_rate_bps(10e6, 3, 1, 1), 20e6, 1e-6);
    assert_near(subchannel_rate_bps(10e6, 0, 1, 1), 0, 0);
    /* 1.5 W over 40 MHz at 100 m line of sight, antenna gain 10, -174 dBm/Hz: 127.366 Mbit/s. */
    assert_near(subchannel_rate_bps(10e6, 1.5 / 40e6, 10 * pow(10, -10.14), pow(10, -20.4)),
                127.366e6, 500);
    /* Tiny signal-to-noise ratios keep their digits. */
    assert_near(subchannel_rate_bps(1, 1e-20, 1, 1) * 0.69314718055994530942, 1e-20, 1e-30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_loss_has_the_tabulated_values),
        cmocka_unit_test(distances_below_a_metre_count_as_one),
        cmocka_unit_test(free_space_is_never_a_gain),
        cmocka_unit_test(tables_end_and_unknown_names_are_null),
        cmocka_unit_test(rayleigh_power_has_mean_one_and_exponential_quantiles),
        cmocka_unit_test(without_fading_the_gain_is_one),
        cmocka_unit_test(rate_is_shannons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
