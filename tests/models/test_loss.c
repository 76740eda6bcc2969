/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include <math.h>

#include "models/loss.h"

static void equal_logits_cost_the_logarithm_of_the_classes(void **state)
{
    (void)state;
    const float logits[8] = {0};
    const uint32_t labels[] = {3, 0};
    struct loss loss = loss_softmax_cross_entropy(logits, labels, 2, 4, NULL);
    assert_true(fabs(loss.sum - 2 * log(4)) < 1e-12);
    assert_int_equal(loss.n_correct, 1); /* on ties the first class is chosen */
}

static void samples_whose_largest_logit_is_the_labels_are_correct(void **state)
{
    (void)state;
    const float logits[] = {1, 3, 2, /**/ 9, 0, 0, /**/ 0, 0, 1};
    const uint32_t labels[] = {1, 1, 2};
    assert_int_equal(loss_softmax_cross_entropy(logits, labels, 3, 3, NULL).n_correct, 2);
}

static void huge_logits_neither_overflow_nor_vanish(void **state)
{
    (void)state;
    const float logits[] = {3e38f, -3e38f, /**/ 1e4f, 1e4f};
    const uint32_t labels[] = {0, 1};
    float gradient[4];
    struct loss loss = loss_softmax_cross_entropy(logits, labels, 2, 2, gradient);
    assert_true(fabs(loss.sum - log(2)) < 1e-12);
    const float wanted[] = {0, 0, 0.5f, -0.5f};
    assert_memory_equal(gradient, wanted, sizeof wanted);
    const uint32_t wrong[] = {1, 1};
    loss = loss_softmax_cross_entropy(logits, wrong, 1, 2, NULL);
    assert_true(isfinite(loss.sum) && loss.sum > 1e38);
}

static void gradient_is_the_slope_per_sample_and_may_be_in_place(void **state)
{
    (void)state;
    enum { BATCH = 3, CLASSES = 5, N = BATCH * CLASSES };
    float logits[N], gradient[N];
    const uint32_t labels[] = {0, 4, 2};
    fill_normal(logits, N, 1);
    loss_softmax_cross_entropy(logits, labels, BATCH, CLASSES, gradient);
    const float step = 1e-2f;
    for (int i = 0; i < N; i++) {
        float saved = logits[i];
        logits[i] = saved + step;
        double above = loss_softmax_cross_entropy(logits, labels, BATCH, CLASSES, NULL).sum;
        logits[i] = saved - step;
        double below = loss_softmax_cross_entropy(logits, labels, BATCH, CLASSES, NULL).sum;
        logits[i] = saved;
        assert_true(fabs((above - below) / (2 * (double)step) - (double)gradient[i]) < 1e-4);
    }
    loss_softmax_cross_entropy(logits, labels, BATCH, CLASSES, logits);
    assert_memory_equal(logits, gradient, sizeof gradient);
}

static void smoothing_spreads_the_target_over_all_classes(void **state)
{
    (void)state;
    const float logits[] = {1, 2, 4};
    const uint32_t labels[] = {1};
    const double q[] = {0.1, 0.8, 0.1}, sum = exp(1) + exp(2) + exp(4);
    float gradient[3];
    struct loss loss = loss_smoothed_cross_entropy(logits, labels, 1, 3, 0.3, gradient);
    double wanted = 0;
    for (int k = 0; k < 3; k++) {
        wanted -= q[k] * ((double)logits[k] - log(sum));
        assert_true(fabs((double)gradient[k] - (exp((double)logits[k]) / sum - q[k])) < 1e-6);
    }
    assert_true(fabs(loss.sum - wanted) < 1e-6);
}

static void mean_squared_error_is_a_mean_over_features(void **state)
{
    (void)state;
    const float y[] = {1, 2, /**/ 0, -1}, target[] = {0, 4, /**/ 0, 1};
    float gradient[4];
    struct loss loss = loss_mean_squared_error(y, target, 2, 2, gradient);
    assert_true(fabs(loss.sum - (2.5 + 2)) < 1e-12);
    assert_true(gradient[0] == 1 && gradient[1] == -2 && gradient[2] == 0 && gradient[3] == -2);
}

static void the_error_to_a_label_is_that_to_its_smoothed_target(void **state)
{
    (void)state;
    const float y[] = {0.25f, 0.5f, -1, 0, /**/ 3, 1, 2, 0};
    const uint32_t labels[] = {2, 0};
    const float sharp[] = {0, 0, 1, 0, /**/ 1, 0, 0, 0};
    const float smooth[] = {0.1f, 0.1f, 0.7f, 0.1f, /**/ 0.7f, 0.1f, 0.1f, 0.1f};
    const float *targets[] = {sharp, smooth};
    for (int i = 0; i < 2; i++) {
        float gradient[8], wanted_gradient[8];
        struct loss loss = loss_label_squared_error(y, labels, 2, 4, 0.4 * i, gradient);
        struct loss wanted = loss_mean_squared_error(y, targets[i], 2, 4, wanted_gradient);
        assert_true(fabs(loss.sum - wanted.sum) < 1e-6);
        assert_int_equal(loss.n_correct, 1);
        for (int k = 0; k < 8; k++)
            assert_true(fabs((double)gradient[k] - (double)wanted_gradient[k]) < 1e-6);
    }
}

static void every_kind_is_found_and_no_other(void **state)
{
    (void)state;
    assert_ptr_equal(loss_find("cross-entropy")->of, loss_smoothed_cross_entropy);
    assert_ptr_equal(loss_find("mse")->of, loss_label_squared_error);
    assert_null(loss_find("hinge"));
    assert_string_equal(loss_kinds(), "cross-entropy, mse");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_logits_cost_the_logarithm_of_the_classes),
        cmocka_unit_test(samples_whose_largest_logit_is_the_labels_are_correct),
        cmocka_unit_test(huge_logits_neither_overflow_nor_vanish),
        cmocka_unit_test(gradient_is_the_slope_per_sample_and_may_be_in_place),
        cmocka_unit_test(smoothing_spreads_the_target_over_all_classes),
        cmocka_unit_test(mean_squared_error_is_a_mean_over_features),
        cmocka_unit_test(the_error_to_a_label_is_that_to_its_smoothed_target),
        cmocka_unit_test(every_kind_is_found_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
