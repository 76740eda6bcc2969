/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"

enum { N_DRAWS = 200000 };

/* The generator itself, against the authors' recurrence worked by hand from the state 1, 2, 3, 4. */
static void is_xoshiro256starstar(void **state)
{
    (void)state;
    struct rng rng = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240)};
    for (size_t i = 0; i < 4; i++)
        assert_true(rng_next(&rng) == expected[i]);
}

static void same_seed_and_stream_same_numbers(void **state)
{
    (void)state;
    struct rng a, b;
    rng_seed(&a, 7, RNG_WEIGHTS + 2);
    rng_seed(&b, 7, RNG_WEIGHTS + 2);
    for (int i = 0; i < 1000; i++)
        assert_true(rng_next(&a) == rng_next(&b));
}

static void other_seed_or_stream_other_numbers(void **state)
{
    (void)state;
    struct rng rng[3];
    rng_seed(&rng[0], 7, RNG_WEIGHTS);
    rng_seed(&rng[1], 8, RNG_WEIGHTS);
    rng_seed(&rng[2], 7, RNG_WEIGHTS + 1);
    int equal = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t a = rng_next(&rng[0]), b = rng_next(&rng[1]), c = rng_next(&rng[2]);
        equal += a == b || a == c || b == c;
    }
    assert_int_equal(equal, 0);
}

/* Mean and variance of N draws within five standard errors or so. */
static void moments(double (*draw)(struct rng *), double mean, double variance, double tolerance)
{
    struct rng rng;
    rng_seed(&rng, 1, 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < N_DRAWS; i++) {
        double x = draw(&rng);
        sum += x;
        squares += (x - mean) * (x - mean);
    }
    assert_true(fabs(sum / N_DRAWS - mean) < tolerance);
    assert_true(fabs(squares / N_DRAWS - variance) < 4 * tolerance);
}

static double gamma_of_3(struct rng *rng)
{
    return rng_gamma(rng, 3);
}

static double gamma_of_a_half(struct rng *rng)
{
    return rng_gamma(rng, 0.5);
}

static void distributions_have_their_moments(void **state)
{
    (void)state;
    moments(rng_uniform, 0.5, 1.0 / 12, 0.004);
    moments(rng_normal, 0, 1, 0.012);
    moments(rng_exponential, 1, 1, 0.012);
    moments(gamma_of_3, 3, 3, 0.02);
    moments(gamma_of_a_half, 0.5, 0.5, 0.01);
}

static void uniform_stays_in_its_range(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 3, 0);
    for (int i = 0; i < N_DRAWS; i++) {
        double u = rng_uniform(&rng), v = rng_uniform_in(&rng, -2, 5);
        assert_true(u >= 0 && u < 1 && v >= -2 && v < 5);
    }
}

static void below_reaches_every_value_equally(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 4, 0);
    int count[6] = {0};
    for (int i = 0; i < 60000; i++)
        count[rng_below(&rng, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(count[i], 9500, 10500);
    assert_true(rng_below(&rng, 1) == 0);
}

static void shuffle_is_a_permutation(void **state)
{
    (void)state;
    enum { N = 1000 };
    uint32_t values[N];
    bool seen[N] = {false};
    for (uint32_t i = 0; i < N; i++)
        values[i] = i;
    struct rng rng;
    rng_seed(&rng, 5, 0);
    rng_shuffle(&rng, values, N);
    int fixed = 0;
    for (uint32_t i = 0; i < N; i++) {
        assert_true(values[i] < N && !seen[values[i]]);
        seen[values[i]] = true;
        fixed += values[i] == i;
    }
    assert_true(fixed < 10);
    rng_shuffle(&rng, values, 0);
}

static void the_state_is_all_there_is_to_save(void **state)
{
    (void)state;
    struct rng a;
    rng_seed(&a, 6, 0);
    rng_normal(&a);
    struct rng b = a;
    assert_true(rng_normal(&a) == rng_normal(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_xoshiro256starstar),
        cmocka_unit_test(same_seed_and_stream_same_numbers),
        cmocka_unit_test(other_seed_or_stream_other_numbers),
        cmocka_unit_test(distributions_have_their_moments),
        cmocka_unit_test(uniform_stays_in_its_range),
        cmocka_unit_test(below_reaches_every_value_equally),
        cmocka_unit_test(shuffle_is_a_permutation),
        cmocka_unit_test(the_state_is_all_there_is_to_save),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
