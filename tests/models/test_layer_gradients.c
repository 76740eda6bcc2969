/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every layer's backward against central differences of its forward. */
#include "tests/models/spec_from_text.h"

#include <math.h>

struct check {
    struct net *net;
    struct tape *tape;
    int batch, to;
    size_t n_in, n_out;
    float *direction; /* (batch, out): the loss is its product with the output */
};

static double loss_of(struct check *check)
{
    net_forward(check->net, check->tape, 0, check->to, check->batch);
    const float *y = tape_activation(check->tape, check->to);
    double loss = 0;
    for (size_t i = 0; i < check->n_out; i++)
        loss += (double)y[i] * (double)check->direction[i];
    return loss;
}

static double slope_at(struct check *check, float *value, float step)
{
    float saved = *value;
    *value = saved + step;
    double above = loss_of(check), from = (double)*value;
    *value = saved - step;
    double below = loss_of(check), to = (double)*value;
    *value = saved;
    return (above - below) / (from - to);
}

/*
 * The largest difference, relative to the largest slope. Where a ReLU inside bends within the step, half
 * the step gives another slope: such places say nothing and are left out, but must be few.
 */
static double worst(struct check *check, float *values, const float *gradient, size_t n, float step)
{
    double difference = 0, scale = 1e-3;
    size_t n_bent = 0;
    for (size_t i = 0; i < n; i++) {
        double slope = slope_at(check, &values[i], step);
        double nearer = slope_at(check, &values[i], step / 2);
        scale = fmax(scale, fabs(slope));
        if (fabs(slope - nearer) > 3e-3 * scale)
            n_bent++;
        else
            difference = fmax(difference, fabs(slope - (double)gradient[i]));
    }
    if (n_bent > n / 8 + 1)
        fail_msg("%zu of %zu places bend", n_bent, n);
    return difference / scale;
}

/* Distinct numbers, none nearer than 0.01 to another or to 0: no kink within a step. */
static void fill_spread(float *x, size_t n)
{
    struct rng rng;
    uint32_t *order = calloc(n, sizeof *order);
    rng_seed(&rng, 5, 6);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    rng_shuffle(&rng, order, n);
    for (size_t i = 0; i < n; i++)
        x[i] = 0.01f * ((float)order[i] - (float)(n / 2) + 0.5f);
    free(order);
}

static struct check check_new(struct shape input, const char *text, int batch)
{
    struct check check = {.net = net_from_text(input, text), .batch = batch};
    check.to = net_to(check.net);
    check.tape = tape_new(check.net, batch, NULL);
    assert_non_null(check.tape);
    struct shape out = net_shape(check.net, check.to);
    check.n_in = (size_t)batch * shape_features(&input);
    check.n_out = (size_t)batch * shape_features(&out);
    check.direction = calloc(check.n_out, sizeof(float));
    fill_normal(check.direction, check.n_out, 1);
    size_t n;
    float *params = net_params(check.net, &n);
    fill_normal(params, n, 2);
    fill_spread(tape_activation(check.tape, 0), check.n_in);
    return check;
}

static void check_free(struct check *check)
{
    tape_free(check->tape);
    net_free(check->net);
    free(check->direction);
}

static void gradients_match(struct shape input, const char *text, int batch, float step)
{
    struct check check = check_new(input, text, batch);
    size_t n;
    float *params = net_params(check.net, &n), *x = tape_activation(check.tape, 0);
    loss_of(&check);
    memcpy(tape_gradient(check.tape, check.to), check.direction, check.n_out * sizeof(float));
    net_backward(check.net, check.tape, 0, check.to, batch, true);
    float *gx = malloc(check.n_in * sizeof(float));
    memcpy(gx, tape_gradient(check.tape, 0), check.n_in * sizeof(float));

    double input_error = worst(&check, x, gx, check.n_in, step);
    double param_error = worst(&check, params, net_grads(check.net, NULL), n, step);
    if (input_error > 3e-3 || param_error > 3e-3)
        fail_msg("%s: input gradient off by %g, parameters' by %g", text, input_error, param_error);
    free(gx);
    check_free(&check);
}

static const float small = 2e-3f;

static void conv2d(void **state)
{
    (void)state;
    gradients_match(shape_image(3, 7, 5), "conv2d c out_channels=4 kernel_size=3", 3, small);
    gradients_match(shape_image(2, 7, 6),
                    "conv2d c out_channels=3 kernel_size=3 stride=2 padding=1", 2, small);
    gradients_match(shape_image(2, 5, 9),
                    "conv2d c out_channels=3 kernel_size=5 stride=3 padding=2 "
                    "bias=0",
                    2, small);
    gradients_match(shape_image(5, 3, 3), "conv2d c out_channels=2 kernel_size=1 stride=2", 3,
                    small);
    gradients_match(shape_image(1, 2, 2), "conv2d c out_channels=2 kernel_size=4 padding=3", 2,
                    small);
}

/* More images than go into one matrix product. */
static void conv2d_over_several_groups_of_images(void **state)
{
    (void)state;
    gradients_match(shape_image(1, 10, 10), "conv2d c out_channels=2 kernel_size=3 padding=1", 7,
                    small);
    gradients_match(shape_image(1, 17, 19), "conv2d c out_channels=2 kernel_size=3", 2, small);
}

static void linear(void **state)
{
    (void)state;
    gradients_match(shape_flat(7), "linear l out_features=5", 3, small);
    gradients_match(shape_flat(1), "linear l out_features=3 bias=0", 4, small);
}

static void relu(void **state)
{
    (void)state;
    gradients_match(shape_image(2, 3, 5), "relu", 3, small);
}

static void max_pool2d(void **state)
{
    (void)state;
    gradients_match(shape_image(2, 5, 7), "max_pool2d kernel_size=2", 2, small);
    gradients_match(shape_image(2, 7, 7), "max_pool2d kernel_size=3 stride=2 padding=1", 3, small);
    gradients_match(shape_image(1, 5, 5), "max_pool2d kernel_size=3 stride=1", 2, small);
}

static void avg_pool2d(void **state)
{
    (void)state;
    gradients_match(shape_image(2, 5, 7), "avg_pool2d kernel_size=2", 2, small);
    gradients_match(shape_image(2, 7, 7), "avg_pool2d kernel_size=3 stride=2 padding=1", 3, small);
}

static void global_avg_pool(void **state)
{
    (void)state;
    gradients_match(shape_image(3, 3, 5), "global_avg_pool", 3, small);
}

static void flatten(void **state)
{
    (void)state;
    gradients_match(shape_image(2, 3, 2), "flatten; linear l out_features=4", 2, small);
}

static void group_norm(void **state)
{
    (void)state;
    gradients_match(shape_image(6, 3, 5), "group_norm g num_groups=2", 3, small);
    gradients_match(shape_image(4, 3, 3), "group_norm g num_groups=4 eps=0.01", 2, small);
    gradients_match(shape_image(4, 3, 3), "group_norm num_groups=1 affine=0", 2, small);
    gradients_match(shape_flat(12), "group_norm g num_groups=3", 2, small);
}

static void conv2d_with_dilation_groups_and_a_height_of_its_own(void **state)
{
    (void)state;
    gradients_match(shape_image(2, 7, 8),
                    "conv2d c out_channels=3 kernel_size=3 padding=2 dilation=2", 2, small);
    gradients_match(shape_image(2, 9, 8),
                    "conv2d c out_channels=2 kernel_size=2 dilation=3 stride=2 padding=1", 2,
                    small);
    gradients_match(shape_image(4, 5, 5),
                    "conv2d c out_channels=6 kernel_size=3 padding=1 groups=2", 3, small);
    gradients_match(shape_image(3, 5, 4),
                    "conv2d c out_channels=3 kernel_size=3 padding=1 groups=3 stride=2 bias=0", 3,
                    small);
    gradients_match(shape_image(3, 1, 11),
                    "conv2d c out_channels=4 kernel_size=5 kernel_height=1 padding=2 "
                    "padding_height=0 stride=2",
                    2, small);
}

static void pools_with_a_height_of_their_own(void **state)
{
    (void)state;
    gradients_match(shape_image(3, 1, 11), "max_pool2d kernel_size=3 kernel_height=1", 2, small);
    gradients_match(shape_image(3, 2, 11),
                    "avg_pool2d kernel_size=3 kernel_height=1 padding=1 padding_height=0 stride=2",
                    2, small);
}

static void adaptive_avg_pool2d(void **state)
{
    (void)state;
    gradients_match(shape_image(2, 7, 5), "adaptive_avg_pool2d output_size=3", 2, small);
    gradients_match(shape_image(2, 2, 3), "adaptive_avg_pool2d output_size=4 output_height=1", 2,
                    small);
}

static void activation_functions(void **state)
{
    (void)state;
    gradients_match(shape_image(2, 3, 5), "leaky_relu negative_slope=0.2", 3, small);
    gradients_match(shape_flat(31), "gelu", 3, small);
    gradients_match(shape_flat(31), "silu", 3, small);
    gradients_match(shape_flat(31), "sigmoid", 3, small);
    gradients_match(shape_flat(31), "tanh", 3, small);
}

static void layer_norm(void **state)
{
    (void)state;
    gradients_match(shape_image(2, 3, 5), "layer_norm l", 3, small);
    gradients_match(shape_image(2, 3, 5), "layer_norm l n_dims=1 eps=0.01", 2, small);
    gradients_match(shape_flat(12), "layer_norm elementwise_affine=0", 2, small);
}

static void batch_norm(void **state)
{
    (void)state;
    gradients_match(shape_image(3, 3, 4), "batch_norm b", 3, small);
    gradients_match(shape_image(2, 3, 3), "batch_norm b affine=0 eps=0.01", 2, small);
    gradients_match(shape_flat(5), "batch_norm b", 6, small);
}

static void dropout(void **state)
{
    (void)state;
    gradients_match(shape_image(2, 3, 5), "dropout p=0.3", 3, small);
}

static void sequence(void **state)
{
    (void)state;
    gradients_match(shape_flat(5), "sequence s {linear a out_features=4; tanh}; sigmoid", 3, small);
}

static void residual_with_its_input_as_shortcut(void **state)
{
    (void)state;
    gradients_match(shape_image(3, 5, 4),
                    "residual r {conv2d a out_channels=2 kernel_size=3 padding=1; relu;"
                    "conv2d b out_channels=3 kernel_size=3 padding=1}",
                    2, 1e-3f);
}

static void residual_with_a_shortcut_of_its_own(void **state)
{
    (void)state;
    gradients_match(
        shape_image(2, 5, 5),
        "residual r {conv2d a out_channels=4 kernel_size=3 stride=2 padding=1; group_norm g "
        "num_groups=2} {conv2d s out_channels=4 kernel_size=1 stride=2 bias=0; group_norm h "
        "num_groups=2}",
        2, 1e-3f);
}

/* The input's gradient has two consumers, of each kind that can add to what is there. */
static void residual_whose_body_begins_with_each_kind(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "relu; conv2d a out_channels=2 kernel_size=3 padding=1",
        "group_norm a num_groups=2; conv2d b out_channels=2 kernel_size=1",
        "max_pool2d kernel_size=3 stride=1 padding=1; conv2d b out_channels=2 kernel_size=1",
        "avg_pool2d kernel_size=3 stride=1 padding=1; conv2d b out_channels=2 kernel_size=1",
        "residual i {conv2d a out_channels=2 kernel_size=1}",
        "gelu; conv2d b out_channels=2 kernel_size=1",
        "batch_norm a; conv2d b out_channels=2 kernel_size=1",
        "layer_norm a; conv2d b out_channels=2 kernel_size=1",
        "dropout p=0.2; conv2d b out_channels=2 kernel_size=1",
        "adaptive_avg_pool2d output_size=4 output_height=3; conv2d b out_channels=2 kernel_size=1",
        "sequence {conv2d b out_channels=2 kernel_size=3 padding=1 groups=2}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "residual r {%s}", bodies[i]);
        gradients_match(shape_image(2, 3, 4), text, 2, 1e-3f);
        snprintf(text, sizeof text, "residual r relu=0 {%s}", bodies[i]);
        gradients_match(shape_image(2, 3, 4), text, 2, 1e-3f);
    }
    gradients_match(shape_flat(4), "residual r {linear a out_features=4}", 3, 1e-3f);
    gradients_match(shape_image(3, 2, 2),
                    "residual r {global_avg_pool} {flatten; linear a out_features=3}", 2, 1e-3f);
}

static void a_whole_small_network(void **state)
{
    (void)state;
    gradients_match(
        shape_image(1, 8, 8),
        "conv2d c out_channels=4 kernel_size=3 padding=1 bias=0; group_norm n num_groups=2; relu;"
        "residual r {conv2d a out_channels=4 kernel_size=3 padding=1; relu} ; avg_pool2d "
        "kernel_size=2;"
        "residual q {conv2d d out_channels=6 kernel_size=3 stride=2 padding=1}"
        "{conv2d e out_channels=6 kernel_size=1 stride=2}; flatten; linear l out_features=3",
        2, 1e-3f);
}

/* Parameter gradients are added to what net_grads() holds. */
static void backward_adds_to_the_parameter_gradients(void **state)
{
    (void)state;
    struct check check =
        check_new(shape_image(2, 4, 4),
                  "conv2d c out_channels=2 kernel_size=3; group_norm g num_groups=1;"
                  "flatten; linear l out_features=3",
                  2);
    size_t n;
    float *grads = net_grads(check.net, &n), *once = malloc(n * sizeof *once);
    for (int pass = 0; pass < 2; pass++) {
        loss_of(&check);
        memcpy(tape_gradient(check.tape, check.to), check.direction, check.n_out * sizeof(float));
        net_backward(check.net, check.tape, 0, check.to, check.batch, pass == 0);
        if (pass == 0)
            memcpy(once, grads, n * sizeof *once);
    }
    for (size_t i = 0; i < n; i++)
        assert_float_equal(grads[i], 2 * once[i], 1e-4f * (1 + fabsf(once[i])));
    net_zero_grads(check.net);
    grads = net_grads(check.net, &n);
    for (size_t i = 0; i < n; i++)
        assert_true(grads[i] == 0);
    free(once);
    check_free(&check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d),
        cmocka_unit_test(conv2d_over_several_groups_of_images),
        cmocka_unit_test(linear),
        cmocka_unit_test(relu),
        cmocka_unit_test(max_pool2d),
        cmocka_unit_test(avg_pool2d),
        cmocka_unit_test(global_avg_pool),
        cmocka_unit_test(flatten),
        cmocka_unit_test(group_norm),
        cmocka_unit_test(conv2d_with_dilation_groups_and_a_height_of_its_own),
        cmocka_unit_test(pools_with_a_height_of_their_own),
        cmocka_unit_test(adaptive_avg_pool2d),
        cmocka_unit_test(activation_functions),
        cmocka_unit_test(layer_norm),
        cmocka_unit_test(batch_norm),
        cmocka_unit_test(dropout),
        cmocka_unit_test(sequence),
        cmocka_unit_test(residual_with_its_input_as_shortcut),
        cmocka_unit_test(residual_with_a_shortcut_of_its_own),
        cmocka_unit_test(residual_whose_body_begins_with_each_kind),
        cmocka_unit_test(a_whole_small_network),
        cmocka_unit_test(backward_adds_to_the_parameter_gradients),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
