/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "experiment/distribution.h"
#include "experiment/schema.h"

enum { N_DRAWS = 20000 };

static const struct key_row *row(const char *key)
{
    return schema_find("devices", key);
}

static void reads_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *text, *key;
        enum distribution_kind kind;
        double a, b;
    } cases[] = {
        {"1.2 GHz", "clock", DISTRIBUTION_CONSTANT, 1.2e9, 0},
        {"uniform(1 GHz, 1.6 GHz)", "clock", DISTRIBUTION_UNIFORM, 1e9, 1.6e9},
        {"uniform(1e9,1e9)", "clock", DISTRIBUTION_UNIFORM, 1e9, 1e9},
        {"normal( 1 GHz , 100 MHz )", "clock", DISTRIBUTION_NORMAL, 1e9, 1e8},
        {"normal(-5, 1)", "cycles_per_flop", DISTRIBUTION_NORMAL, -5, 1},
        {"uniform(0 dBm, 30 dBm)", "max_power", DISTRIBUTION_UNIFORM, 1e-3, 1},
        {"disc(200 m)", "distance", DISTRIBUTION_DISC, 200, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct distribution d;
        assert_int_equal(distribution_parse(cases[i].text, row(cases[i].key), &d), 0);
        assert_int_equal(d.kind, cases[i].kind);
        assert_true(fabs(d.a - cases[i].a) <= 1e-12 * fabs(d.a));
        assert_true(fabs(d.b - cases[i].b) <= 1e-12 * fabs(d.b));
    }
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "uniform",
        "uniform(",
        "uniform()",
        "uniform(1 m)",
        "uniform(2 m, 1 m)",
        "uniform(0 m, 1 m)",
        "uniform(1 m, 2 m, 3 m)",
        "uniform(1 m, 2 m) x",
        "uniform 1 m, 2 m",
        "uniform(1 m, 2 W)",
        "uniform(1 m,)",
        "Uniform(1 m, 2 m)",
        "normal(1 m, -1 m)",
        "normal(1 m)",
        "disc(1 m, 2 m)",
        "disc(0 m)",
        "disc()",
        "disc(-1 m)",
        "poisson(3 m)",
        "0 m",
        "1e7 m",
        "disc(1e7 m)",
        "disc",
        "(1 m)",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct distribution d;
        if (distribution_parse(texts[i], row("distance"), &d) == 0)
            fail_msg("'%s' was taken", texts[i]);
    }
    struct distribution d;
    assert_int_equal(distribution_parse("disc(3)", row("clock"), &d), -1);
}

static double draw(const char *text, const char *key, int device)
{
    struct distribution d;
    double value;
    assert_int_equal(distribution_parse(text, row(key), &d), 0);
    assert_int_equal(distribution_draw(&d, row(key), 5, "pi", device, &value), 0);
    return value;
}

static void uniform_fills_its_range(void **state)
{
    (void)state;
    double sum = 0, low = 1e99, high = 0;
    for (int i = 0; i < N_DRAWS; i++) {
        double x = draw("uniform(1 GHz, 2 GHz)", "clock", i);
        sum += x;
        low = fmin(low, x);
        high = fmax(high, x);
    }
    assert_true(low >= 1e9 && low < 1.001e9 && high <= 2e9 && high > 1.999e9);
    assert_true(fabs(sum / N_DRAWS - 1.5e9) < 1e7);
}

static void normal_has_its_moments_and_is_cut_to_the_range(void **state)
{
    (void)state;
    double sum = 0, squares = 0;
    for (int i = 0; i < N_DRAWS; i++) {
        double x = draw("normal(100 m, 5 m)", "distance", i);
        sum += x;
        squares += (x - 100) * (x - 100);
        assert_true(draw("normal(0 m, 5 m)", "distance", i) > 0);
    }
    assert_true(fabs(sum / N_DRAWS - 100) < 0.2);
    assert_true(fabs(squares / N_DRAWS - 25) < 1.5);
}

/* Uniform over the area: a quarter of the places are within half the radius. */
static void disc_is_uniform_over_its_area(void **state)
{
    (void)state;
    int near = 0;
    for (int i = 0; i < N_DRAWS; i++) {
        double x = draw("disc(200 m)", "distance", i);
        assert_true(x > 0 && x <= 200);
        near += x <= 100;
    }
    assert_in_range(near, N_DRAWS / 4 - 300, N_DRAWS / 4 + 300);
}

static void impossible_draws_end(void **state)
{
    (void)state;
    struct distribution d = {DISTRIBUTION_NORMAL, -1e6, 1};
    double value;
    assert_int_equal(distribution_draw(&d, row("distance"), 1, "pi", 0, &value), -1);
}

static void each_seed_group_device_and_key_has_its_own_draw(void **state)
{
    (void)state;
    struct distribution d = {DISTRIBUTION_UNIFORM, 1, 2};
    double x[6];
    distribution_draw(&d, row("clock"), 1, "pi", 0, &x[0]);
    distribution_draw(&d, row("clock"), 2, "pi", 0, &x[1]);
    distribution_draw(&d, row("clock"), 1, "pj", 0, &x[2]);
    distribution_draw(&d, row("clock"), 1, "pi", 1, &x[3]);
    distribution_draw(&d, row("distance"), 1, "pi", 0, &x[4]);
    distribution_draw(&d, row("clock"), 1, "pi", 0, &x[5]);
    assert_true(x[0] == x[5]);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < i; j++)
            assert_true(x[i] != x[j]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(uniform_fills_its_range),
        cmocka_unit_test(normal_has_its_moments_and_is_cut_to_the_range),
        cmocka_unit_test(disc_is_uniform_over_its_area),
        cmocka_unit_test(impossible_draws_end),
        cmocka_unit_test(each_seed_group_device_and_key_has_its_own_draw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
