/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include <math.h>

#include "models/optimizer.h"

static void is(float value, double wanted)
{
    if (fabs((double)value - wanted) > 1e-6)
        fail_msg("%.9g, not %.9g", (double)value, wanted);
}

static struct optimizer make_sgd(double momentum, double weight_decay)
{
    struct optimizer sgd;
    assert_int_equal(optimizer_init(&sgd, "sgd", NULL), 0);
    sgd.learning_rate = 0.1;
    sgd.momentum = momentum;
    sgd.weight_decay = weight_decay;
    return sgd;
}

static void plain_steps_go_down_the_gradient(void **state)
{
    (void)state;
    float w[] = {1, -2};
    const float g[] = {0.5f, 4};
    const struct optimizer sgd = make_sgd(0, 0);
    optimizer_step(&sgd, w, g, NULL, 2, 1);
    is(w[0], 0.95);
    is(w[1], -2.4);
}

static void momentum_gathers_speed(void **state)
{
    (void)state;
    float w = 1, v = 0, g = 1;
    const struct optimizer sgd = make_sgd(0.5, 0);
    optimizer_step(&sgd, &w, &g, &v, 1, 1);
    is(v, 1);
    is(w, 0.9);
    optimizer_step(&sgd, &w, &g, &v, 1, 2);
    is(v, 1.5);
    is(w, 0.75);
}

static void weight_decay_is_added_to_the_gradient(void **state)
{
    (void)state;
    float w = 2, v = 0, g = 1;
    const struct optimizer sgd = make_sgd(0.9, 0.25), plain = make_sgd(0, 0.25);
    optimizer_step(&sgd, &w, &g, &v, 1, 1);
    is(v, 1.5);
    is(w, 1.85);
    g = 0;
    optimizer_step(&sgd, &w, &g, &v, 1, 2);
    is(v, 0.9 * 1.5 + 0.25 * 1.85);
    is(w, 1.85 - 0.1 * (0.9 * 1.5 + 0.25 * 1.85));
    w = 2;
    optimizer_step(&plain, &w, &g, NULL, 1, 1);
    is(w, 1.95);
}

static void kinds_are_found_by_name(void **state)
{
    (void)state;
    struct optimizer optimizer;
    struct err err = ERR_INIT;
    assert_int_equal(optimizer_init(&optimizer, "adamw", &err), 0);
    assert_true(optimizer.learning_rate == 1e-3 && optimizer.weight_decay == 1e-2);
    assert_int_equal(optimizer_init(&optimizer, "adam", &err), -1);
    assert_string_equal(err.text, "'adam' is no optimizer: allowed are sgd, adamw");
}

static void sgd_keeps_a_velocity_only_with_momentum(void **state)
{
    (void)state;
    struct optimizer plain = make_sgd(0, 0), sgd = make_sgd(0.5, 0);
    assert_int_equal(optimizer_state_floats(&plain, 7), 0);
    assert_int_equal(optimizer_state_floats(&sgd, 7), 7);
}

/* By hand: after one step the corrected moments are g and g^2. */
static void adamw_steps_by_the_corrected_moments(void **state)
{
    (void)state;
    struct optimizer adamw;
    assert_int_equal(optimizer_init(&adamw, "adamw", NULL), 0);
    adamw.learning_rate = 0.1;
    assert_int_equal(optimizer_state_floats(&adamw, 3), 6);
    float w[] = {2, -1}, moments[4] = {0};
    const float g[] = {0.5f, -4};
    optimizer_step(&adamw, w, g, moments, 2, 1);
    is(w[0], 2 * (1 - 0.1 * 0.01) - 0.1);
    is(w[1], -1 * (1 - 0.1 * 0.01) + 0.1);
    const float still[] = {0, 0};
    double before = (double)w[0];
    optimizer_step(&adamw, w, still, moments, 2, 2);
    double m = 0.9 * 0.1 * 0.5 / (1 - 0.81), v = 0.999 * 0.001 * 0.25 / (1 - 0.999 * 0.999);
    is(w[0], before * (1 - 0.1 * 0.01) - 0.1 * m / (sqrt(v) + 1e-8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_steps_go_down_the_gradient),
        cmocka_unit_test(momentum_gathers_speed),
        cmocka_unit_test(weight_decay_is_added_to_the_gradient),
        cmocka_unit_test(kinds_are_found_by_name),
        cmocka_unit_test(sgd_keeps_a_velocity_only_with_momentum),
        cmocka_unit_test(adamw_steps_by_the_corrected_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
