/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include <math.h>

#include "models/optimizer.h"

static void is(float value, double wanted)
{
    if (fabs((double)value - wanted) > 1e-6)
        fail_msg("%.9g, not %.9g", (double)value, wanted);
}

static void plain_steps_go_down_the_gradient(void **state)
{
    (void)state;
    float w[] = {1, -2};
    const float g[] = {0.5f, 4};
    sgd_step(&(struct sgd){.learning_rate = 0.1}, w, g, NULL, 2);
    is(w[0], 0.95);
    is(w[1], -2.4);
}

static void momentum_gathers_speed(void **state)
{
    (void)state;
    float w = 1, v = 0, g = 1;
    const struct sgd sgd = {.learning_rate = 0.1, .momentum = 0.5};
    sgd_step(&sgd, &w, &g, &v, 1);
    is(v, 1);
    is(w, 0.9);
    sgd_step(&sgd, &w, &g, &v, 1);
    is(v, 1.5);
    is(w, 0.75);
}

static void weight_decay_is_added_to_the_gradient(void **state)
{
    (void)state;
    float w = 2, v = 0, g = 1;
    const struct sgd sgd = {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.25};
    sgd_step(&sgd, &w, &g, &v, 1);
    is(v, 1.5);
    is(w, 1.85);
    g = 0;
    sgd_step(&sgd, &w, &g, &v, 1);
    is(v, 0.9 * 1.5 + 0.25 * 1.85);
    is(w, 1.85 - 0.1 * (0.9 * 1.5 + 0.25 * 1.85));
    w = 2;
    sgd_step(&(struct sgd){.learning_rate = 0.1, .weight_decay = 0.25}, &w, &g, NULL, 1);
    is(w, 1.95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_steps_go_down_the_gradient),
        cmocka_unit_test(momentum_gathers_speed),
        cmocka_unit_test(weight_decay_is_added_to_the_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
