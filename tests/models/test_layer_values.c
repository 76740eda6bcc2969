/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Forward of each layer on cases worked out by hand. */
#include "tests/models/spec_from_text.h"

#include <math.h>

/* One sample through the layers; weights as given (NULL: none). */
static void output_is(struct shape input, const char *text, const float *params, const float *x,
                      const float *wanted, size_t n_wanted)
{
    struct net *net = net_from_text(input, text);
    struct tape *tape = tape_new(net, 1, NULL);
    size_t n;
    float *own = net_params(net, &n);
    if (params)
        memcpy(own, params, n * sizeof *own);
    memcpy(tape_activation(tape, 0), x, shape_features(&input) * sizeof *x);
    net_forward(net, tape, 0, net_to(net), 1);
    struct shape out = net_shape(net, net_to(net));
    assert_int_equal(shape_features(&out), n_wanted);
    const float *y = tape_activation(tape, net_to(net));
    for (size_t i = 0; i < n_wanted; i++) {
        if (!(fabsf(y[i] - wanted[i]) < 1e-5f))
            fail_msg("%s: output %zu is %g, not %g", text, i, (double)y[i], (double)wanted[i]);
    }
    tape_free(tape);
    net_free(net);
}

#define OUTPUT_IS(input, text, params, x, wanted)                                                  \
    output_is(input, text, params, x, wanted, sizeof(wanted) / sizeof((wanted)[0]))

static const float one_to_nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void conv2d_correlates_and_adds_the_bias(void **state)
{
    (void)state;
    const float params[] = {1, 0, -1, 2, /* bias */ 0.5f};
    const float wanted[] = {1 - 4 + 10 + 0.5f, 2 - 5 + 12 + 0.5f, 4 - 7 + 16 + 0.5f,
                            5 - 8 + 18 + 0.5f};
    OUTPUT_IS(shape_image(1, 3, 3), "conv2d c out_channels=1 kernel_size=2", params, one_to_nine,
              wanted);
}

static void conv2d_pads_with_zeros_and_strides(void **state)
{
    (void)state;
    const float params[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const float wanted[] = {12, 16, 24, 28};
    OUTPUT_IS(shape_image(1, 3, 3),
              "conv2d c out_channels=1 kernel_size=3 stride=2 padding=1 bias=0", params,
              one_to_nine, wanted);
}

static void conv2d_sums_over_input_channels(void **state)
{
    (void)state;
    const float params[] = {1, 10, /* second map */ -1, 0, /* biases */ 0, 7};
    const float x[] = {1, 2, 3, 4};
    const float wanted[] = {31, 42, 6, 5};
    OUTPUT_IS(shape_image(2, 1, 2), "conv2d c out_channels=2 kernel_size=1", params, x, wanted);
}

static void linear_takes_weights_by_output(void **state)
{
    (void)state;
    const float params[] = {1, 2, 3, 4, 5, 6, /* biases */ 10, 20};
    const float x[] = {1, 0, -1};
    const float wanted[] = {8, 18};
    OUTPUT_IS(shape_flat(3), "linear l out_features=2", params, x, wanted);
}

static void relu_cuts_at_zero(void **state)
{
    (void)state;
    const float x[] = {-1, 0, 2};
    const float wanted[] = {0, 0, 2};
    OUTPUT_IS(shape_flat(3), "relu", NULL, x, wanted);
}

static void relu_and_max_pool_keep_nan(void **state)
{
    (void)state;
    struct net *net = net_from_text(shape_image(1, 1, 4), "relu; max_pool2d kernel_size=1 stride=1;"
                                                          "flatten");
    struct tape *tape = tape_new(net, 1, NULL);
    memcpy(tape_activation(tape, 0), (const float[]){1, NAN, -3, 4}, 4 * sizeof(float));
    net_forward(net, tape, 0, 3, 1);
    const float *y = tape_activation(tape, 3);
    assert_true(y[0] == 1 && isnan(y[1]) && y[2] == 0 && y[3] == 4);
    tape_free(tape);
    net_free(net);
}

static void max_pool2d_strides_by_its_kernel(void **state)
{
    (void)state;
    const float x[] = {1, 5, 2, 0, 9, /**/ 3, 4, 8, 7, 9, /**/ 9, 9, 9, 9, 9};
    const float wanted[] = {5, 8};
    OUTPUT_IS(shape_image(1, 3, 5), "max_pool2d kernel_size=2", NULL, x, wanted);
}

static void max_pool2d_never_picks_the_padding(void **state)
{
    (void)state;
    const float x[] = {-1, -2, -3, -4, -5, -6, -7, -8, -9};
    const float wanted[] = {-1, -2, -4, -5};
    OUTPUT_IS(shape_image(1, 3, 3), "max_pool2d kernel_size=3 stride=2 padding=1", NULL, x, wanted);
}

static void max_pool2d_gives_the_gradient_to_the_first_of_equals(void **state)
{
    (void)state;
    struct net *net = net_from_text(shape_image(1, 2, 2), "max_pool2d kernel_size=2");
    struct tape *tape = tape_new(net, 1, NULL);
    const float wanted[] = {0, 5, 0, 0};
    memcpy(tape_activation(tape, 0), (const float[]){1, 3, 3, 2}, 4 * sizeof(float));
    net_forward(net, tape, 0, 1, 1);
    tape_gradient(tape, 1)[0] = 5;
    net_backward(net, tape, 0, 1, 1, true);
    assert_memory_equal(tape_gradient(tape, 0), wanted, sizeof wanted);
    tape_free(tape);
    net_free(net);
}

static void avg_pool2d_counts_the_padding(void **state)
{
    (void)state;
    const float wanted[] = {12 / 9.0f, 16 / 9.0f, 24 / 9.0f, 28 / 9.0f};
    OUTPUT_IS(shape_image(1, 3, 3), "avg_pool2d kernel_size=3 stride=2 padding=1", NULL,
              one_to_nine, wanted);
}

static void global_avg_pool_is_flat(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 6, /**/ 0, 0, 0, 4};
    const float wanted[] = {3, 1};
    OUTPUT_IS(shape_image(2, 2, 2), "global_avg_pool", NULL, x, wanted);
    struct net *net = net_from_text(shape_image(2, 2, 2), "global_avg_pool");
    assert_int_equal(net_shape(net, 1).n_dims, 1);
    net_free(net);
}

static void group_norm_normalises_each_group(void **state)
{
    (void)state;
    /* Group 1: 1, 3, 5, 7, mean 4, variance 5; group 2: all 2. */
    const float params[] = {1, 2, 1, 1, /* biases */ 0, 0, 3, 4};
    const float x[] = {1, 3, 5, 7, 2, 2, 2, 2};
    const float s = 1 / sqrtf(5 + 1e-5f);
    const float wanted[] = {-3 * s, -s, 2 * s, 6 * s, 3, 3, 4, 4};
    OUTPUT_IS(shape_image(4, 1, 2), "group_norm g num_groups=2", params, x, wanted);
}

static void conv2d_with_groups_keeps_channels_apart(void **state)
{
    (void)state;
    const float params[] = {2, 3, /* biases */ 0, 1};
    const float x[] = {1, 2, 3, 4};
    const float wanted[] = {2, 4, 10, 13};
    OUTPUT_IS(shape_image(2, 1, 2), "conv2d c out_channels=2 kernel_size=1 groups=2", params, x,
              wanted);
}

static void conv2d_with_dilation_skips_pixels(void **state)
{
    (void)state;
    const float params[] = {1, 10, 100, 1000};
    const float wanted[] = {1 + 30 + 700 + 9000};
    OUTPUT_IS(shape_image(1, 3, 3), "conv2d c out_channels=1 kernel_size=2 dilation=2 bias=0",
              params, one_to_nine, wanted);
}

static void adaptive_avg_pool2d_lets_regions_overlap(void **state)
{
    (void)state;
    const float wanted[] = {3, 4, 6, 7};
    OUTPUT_IS(shape_image(1, 3, 3), "adaptive_avg_pool2d output_size=2", NULL, one_to_nine, wanted);
}

static void residual_without_relu_keeps_the_sum(void **state)
{
    (void)state;
    const float params[] = {-3, /* bias */ 0};
    const float x[] = {1};
    const float wanted[] = {-2};
    OUTPUT_IS(shape_flat(1), "residual r relu=0 {linear l out_features=1}", params, x, wanted);
}

static void residual_adds_its_input_then_cuts_at_zero(void **state)
{
    (void)state;
    const float params[] = {2, 0, 0, -3, /* biases */ 1, 0};
    const float x[] = {1, 1};
    const float wanted[] = {4, 0};
    OUTPUT_IS(shape_flat(2), "residual r {linear l out_features=2}", params, x, wanted);
}

static void residual_adds_its_shortcut(void **state)
{
    (void)state;
    /* body weights before the shortcut's */
    const float params[] = {1, 1, /* shortcut */ 10, 0};
    const float x[] = {1, 2};
    const float wanted[] = {13};
    OUTPUT_IS(shape_flat(2),
              "residual r {linear l out_features=1 bias=0} {linear s out_features=1 bias=0}",
              params, x, wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d_correlates_and_adds_the_bias),
        cmocka_unit_test(conv2d_pads_with_zeros_and_strides),
        cmocka_unit_test(conv2d_sums_over_input_channels),
        cmocka_unit_test(linear_takes_weights_by_output),
        cmocka_unit_test(relu_cuts_at_zero),
        cmocka_unit_test(relu_and_max_pool_keep_nan),
        cmocka_unit_test(max_pool2d_strides_by_its_kernel),
        cmocka_unit_test(max_pool2d_never_picks_the_padding),
        cmocka_unit_test(max_pool2d_gives_the_gradient_to_the_first_of_equals),
        cmocka_unit_test(avg_pool2d_counts_the_padding),
        cmocka_unit_test(global_avg_pool_is_flat),
        cmocka_unit_test(group_norm_normalises_each_group),
        cmocka_unit_test(conv2d_with_groups_keeps_channels_apart),
        cmocka_unit_test(conv2d_with_dilation_skips_pixels),
        cmocka_unit_test(adaptive_avg_pool2d_lets_regions_overlap),
        cmocka_unit_test(residual_without_relu_keeps_the_sum),
        cmocka_unit_test(residual_adds_its_input_then_cuts_at_zero),
        cmocka_unit_test(residual_adds_its_shortcut),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
