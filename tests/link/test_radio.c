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

/*
 * The TR 38.901 rows were computed apart from this code, from constants that agree with those of
 * ns-3 and Sionna. Breakpoints: 1680 m (umi, 28 GHz), 210 m (umi, 3.5 GHz), 42 m (umi, 700 MHz),
 * 560 m (uma, 3.5 GHz).
 */
static void path_loss_has_the_tabulated_values(void **state)
{
    static const struct {
        const char *model;
        double carrier_hz, distance_m;
        bool is_los;
        double loss_db;
    } rows[] = {
        {"samimi-los", 28e9, 1, true, 61.4},        {"samimi-los", 28e9, 100, true, 101.4},
        {"samimi-los", 28e9, 200, true, 107.4206},  {"samimi-los", 5e9, 100, true, 101.4},
        {"samimi-nlos", 28e9, 1, true, 72.0},       {"samimi-nlos", 28e9, 100, true, 130.4},
        {"samimi-nlos", 28e9, 200, true, 139.1901}, {"free-space", 28e9, 1, true, 61.3909},
        {"free-space", 28e9, 100, true, 101.3909},  {"free-space", 2.4e9, 10, true, 60.0520},
        {"umi", 28e9, 100, true, 103.375989},       {"umi", 28e9, 100, false, 123.879649},
        {"umi", 3.5e9, 10, true, 66.761033},        {"umi", 3.5e9, 10, false, 73.456860},
        {"umi", 3.5e9, 200, true, 91.611220},       {"umi", 3.5e9, 500, true, 107.113750},
        {"umi", 3.5e9, 500, false, 129.264505},     {"umi", 0.7e9, 42, true, 63.573245},
        {"umi", 0.7e9, 43, true, 63.966286},        {"uma", 3.5e9, 100, true, 83.138157},
        {"uma", 3.5e9, 100, false, 103.037524},     {"uma", 3.5e9, 560, true, 99.349903},
        {"uma", 3.5e9, 561, true, 99.380842},       {"uma", 3.5e9, 1000, false, 141.666046},
        {"uma", 28e9, 200, true, 107.631325},       {"uma", 28e9, 200, false, 132.523773},
        {"uma", 2e9, 5000, true, 136.865869},       {"uma", 2e9, 5000, false, 164.116535},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct path_loss *model = path_loss_find(rows[i].model);
        assert_non_null(model);
        assert_near(model->loss_db(rows[i].carrier_hz, rows[i].distance_m, rows[i].is_los),
                    rows[i].loss_db, 1e-4);
    }
}

static void line_of_sight_has_the_tabulated_probability(void **state)
{
    static const struct {
        const char *model;
        double distance_m, probability;
    } rows[] = {
        {"umi", 1, 1},           {"umi", 18, 1},           {"umi", 18.5, 0.98913959},
        {"umi", 50, 0.51958541}, {"umi", 200, 0.09351799}, {"umi", 1000, 0.018},
        {"uma", 1, 1},           {"uma", 18, 1},           {"uma", 18.5, 0.99312262},
        {"uma", 50, 0.64940219}, {"uma", 200, 0.12804773}, {"uma", 1000, 0.01800013},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_near(path_loss_find(rows[i].model)->los_probability(rows[i].distance_m),
                    rows[i].probability, 1e-8);
}

static void shadowing_has_the_tabulated_deviation(void **state)
{
    (void)state;
    assert_near(path_loss_find("umi")->sigma_db[1], 4, 0);
    assert_near(path_loss_find("umi")->sigma_db[0], 7.82, 0);
    assert_near(path_loss_find("uma")->sigma_db[1], 4, 0);
    assert_near(path_loss_find("uma")->sigma_db[0], 6, 0);
    assert_near(path_loss_find("samimi-los")->sigma_db[1], 5.8, 0);
    assert_near(path_loss_find("samimi-nlos")->sigma_db[1], 8.7, 0);
    assert_near(path_loss_find("free-space")->sigma_db[1], 0, 0);
}

static void no_line_of_sight_never_loses_less(void **state)
{
    (void)state;
    for (int i = 0; path_loss_at(i); i++)
        for (double d_m = 1; path_loss_at(i)->loss_db && d_m < 5000; d_m *= 1.1)
            assert_true(path_loss_at(i)->loss_db(3.5e9, d_m, false) >=
                        path_loss_at(i)->loss_db(3.5e9, d_m, true));
}

static void distances_below_a_metre_count_as_one(void **state)
{
    (void)state;
    for (int i = 0; path_loss_at(i); i++) {
        const struct path_loss *model = path_loss_at(i);
        if (!model->loss_db)
            continue;
        assert_near(model->loss_db(28e9, 0, true), model->loss_db(28e9, 1, true), 0);
        assert_near(model->loss_db(28e9, 0.99, true), model->loss_db(28e9, 1, true), 0);
    }
}

static void free_space_is_never_a_gain(void **state)
{
    (void)state;
    assert_near(path_loss_find("free-space")->loss_db(1e6, 1, true), 0, 0);
}

static void tables_end_and_unknown_names_are_null(void **state)
{
    (void)state;
    assert_null(path_loss_find("Samimi-LoS"));
    assert_null(path_loss_at(6));
    assert_null(path_loss_at(-1));
    assert_null(fading_find("rice"));
    assert_null(fading_at(3));
    assert_null(fading_at(-1));
    assert_string_equal(fading_at(0)->name, "none");
    assert_ptr_equal(fading_at(1), fading_find("rayleigh"));
}

/* Mean of |h|^2, and of its square, which is 1 + (1 + 2K)/(1 + K)^2 for Rice. */
static void rician_power_has_mean_one_and_rices_variance(void **state)
{
    enum { N = 200000 };
    static const double ks[] = {0, 1, 10, 1e6};
    struct rng rng;

    (void)state;
    for (size_t j = 0; j < ARRAY_LEN(ks); j++) {
        double sum = 0, squares = 0, k = ks[j];
        rng_seed(&rng, 9, RNG_CHANNEL);
        for (int i = 0; i < N; i++) {
            double x = fading_find("rician")->draw(&rng, k);
            sum += x;
            squares += x * x;
        }
        assert_near(sum / N, 1, 0.01);
        assert_near(squares / N, 1 + (1 + 2 * k) / ((1 + k) * (1 + k)), 0.03);
    }
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
        sum += draws[i] = rayleigh->draw(&rng, 0);
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
    assert_near(fading_find("none")->draw(&rng, 0), 1, 0);
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
        cmocka_unit_test(line_of_sight_has_the_tabulated_probability),
        cmocka_unit_test(shadowing_has_the_tabulated_deviation),
        cmocka_unit_test(no_line_of_sight_never_loses_less),
        cmocka_unit_test(rician_power_has_mean_one_and_rices_variance),
        cmocka_unit_test(distances_below_a_metre_count_as_one),
        cmocka_unit_test(free_space_is_never_a_gain),
        cmocka_unit_test(tables_end_and_unknown_names_are_null),
        cmocka_unit_test(rayleigh_power_has_mean_one_and_exponential_quantiles),
        cmocka_unit_test(without_fading_the_gain_is_one),
        cmocka_unit_test(rate_is_shannons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
