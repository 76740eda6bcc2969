/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include <math.h>

static void a_part_knows_its_range_and_shapes(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(shape_image(1, 28, 28), LENET5);
    struct net *back = net_new(&spec, 3, -1, NULL);
    char text[SHAPE_TEXT_BYTES];
    assert_int_equal(net_from(back), 3);
    assert_int_equal(net_to(back), 12);
    struct shape at_cut = net_shape(back, 3), at_flatten = net_shape(back, 7);
    assert_string_equal(shape_format(&at_cut, text), "6x14x14");
    assert_string_equal(shape_format(&at_flatten, text), "400");
    net_free(back);
    net_spec_release(&spec);
}

static void ranges_outside_the_network_are_refused(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(shape_image(1, 28, 28), LENET5);
    struct err err = ERR_INIT;
    assert_null(net_new(&spec, 3, 2, &err));
    assert_string_equal(err.text, "layers [3, 2) of a network of 12 layers");
    assert_null(net_new(&spec, -1, 2, &err));
    assert_null(net_new(&spec, 0, 13, &err));
    net_spec_release(&spec);
}

static void weights_are_named_and_placed_as_in_a_state_dict(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int n_dims, dim[4];
        size_t first, n;
    } rows[] = {
        {"c.weight", 4, {4, 1, 3, 3}, 0, 36},
        {"g.weight", 1, {4}, 36, 4},
        {"g.bias", 1, {4}, 40, 4},
        {"r.a.weight", 4, {2, 4, 1, 1}, 44, 8},
        {"r.a.bias", 1, {2}, 52, 2},
        {"r.s.weight", 4, {2, 4, 1, 1}, 54, 8},
        {"fc.weight", 2, {3, 2}, 62, 6},
        {"fc.bias", 1, {3}, 68, 3},
    };
    struct net *net = net_from_text(
        shape_image(1, 5, 5),
        "conv2d c out_channels=4 kernel_size=3 bias=0; group_norm g num_groups=2; relu;"
        "residual r {conv2d r.a out_channels=2 kernel_size=1} {conv2d r.s out_channels=2 "
        "kernel_size=1 bias=0}; global_avg_pool; linear fc out_features=3");
    size_t n;
    net_params(net, &n);
    assert_int_equal(n, 71);
    assert_int_equal(net_n_weights(net), 8);
    for (size_t i = 0; i < 8; i++) {
        const struct net_weight *weight = net_weight(net, i);
        assert_string_equal(weight->name, rows[i].name);
        assert_int_equal(weight->n_dims, rows[i].n_dims);
        assert_memory_equal(weight->dim, rows[i].dim, (size_t)weight->n_dims * sizeof(int));
        assert_int_equal(weight->first, rows[i].first);
        assert_int_equal(weight->n, rows[i].n);
    }
    net_free(net);
}

static void param_range_is_counted_from_the_parts_first(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(shape_image(1, 28, 28), LENET5);
    struct net *back = net_new(&spec, 3, -1, NULL);
    size_t first, n, all;
    net_params(back, &all);
    assert_int_equal(all, 61706 - 156);
    net_param_range(back, 7, 8, &first, &n);
    assert_int_equal(first, 2416);
    assert_int_equal(n, 48120);
    net_param_range(back, 4, 7, &first, &n);
    assert_int_equal(n, 0);
    net_param_range(back, 11, 12, &first, &n);
    assert_int_equal(first + n, all);
    net_free(back);
    net_spec_release(&spec);
}

static void weights_are_drawn_as_torch_draws_them(void **state)
{
    (void)state;
    struct net *net = net_from_text(
        shape_image(4, 6, 6), "conv2d c out_channels=64 kernel_size=5 padding=2; group_norm g "
                              "num_groups=4");
    net_init_weights(net, 3);
    const float *params = net_params(net, NULL);
    float bound = 1 / sqrtf(4 * 5 * 5), largest = 0;
    size_t n = 64 * 100 + 64;
    for (size_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(params[i]));
    assert_true(largest <= bound && largest > 0.99f * bound);
    for (size_t i = 0; i < 64; i++)
        assert_true(params[n + i] == 1 && params[n + 64 + i] == 0);
    float first = params[0];
    net_init_weights(net, 4);
    assert_true(params[0] != first);
    net_free(net);
}

static void forward_leaves_columns_beyond_the_batch_alone(void **state)
{
    (void)state;
    struct net *net = net_from_text(shape_flat(3), "linear l out_features=2; relu");
    struct tape *tape = tape_new(net, 3, NULL);
    float *y = tape_activation(tape, 2);
    for (int i = 0; i < 6; i++)
        y[i] = 42;
    net_forward(net, tape, 0, 2, 2);
    assert_true(y[3] != 42 && y[4] == 42 && y[5] == 42);
    tape_free(tape);
    net_free(net);
}

static void arrays_are_aligned_to_cache_lines(void **state)
{
    (void)state;
    struct net *net = net_from_text(shape_image(1, 28, 28), LENET5);
    struct tape *tape = tape_new(net, 3, NULL);
    assert_int_equal((uintptr_t)net_params(net, NULL) % 64, 0);
    assert_int_equal((uintptr_t)net_grads(net, NULL) % 64, 0);
    for (int i = 0; i <= 12; i++) {
        assert_int_equal((uintptr_t)tape_activation(tape, i) % 64, 0);
        assert_int_equal((uintptr_t)tape_gradient(tape, i) % 64, 0);
    }
    tape_free(tape);
    net_free(net);
}

static void an_unwanted_input_gradient_is_not_computed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "conv2d c out_channels=2 kernel_size=3",
        "relu; relu; conv2d c out_channels=2 kernel_size=3",
        "flatten; linear l out_features=2",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct net *net = net_from_text(shape_image(1, 4, 4), texts[i]);
        struct tape *tape = tape_new(net, 1, NULL);
        net_init_weights(net, 1);
        fill_normal(tape_activation(tape, 0), 16, 1);
        net_forward(net, tape, 0, net_to(net), 1);
        struct shape out = net_shape(net, net_to(net));
        fill_normal(tape_gradient(tape, net_to(net)), shape_features(&out), 2);
        for (int at = 0; at < 16; at++)
            tape_gradient(tape, 0)[at] = 42;
        if (tape_gradient(tape, 0) == tape_gradient(tape, net_to(net)))
            fail_msg("%s: input and output gradient share memory", texts[i]);
        net_backward(net, tape, 0, net_to(net), 1, false);
        for (int at = 0; at < 16; at++)
            assert_true(tape_gradient(tape, 0)[at] == 42);
        size_t n;
        const float *grads = net_grads(net, &n);
        assert_true(grads[n - 1] != 0);
        tape_free(tape);
        net_free(net);
    }
}

static void a_tape_without_room_is_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct net *net = net_from_text(shape_image(1024, 256, 256), "relu; relu");
    assert_null(tape_new(net, 0, &err));
    assert_string_equal(err.text, "a batch of 0 samples: at least 1");
    assert_null(tape_new(net, 2000000000, &err));
    assert_non_null(strstr(err.text, "a batch of 2000000000 samples: "));
    net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_knows_its_range_and_shapes),
        cmocka_unit_test(ranges_outside_the_network_are_refused),
        cmocka_unit_test(weights_are_named_and_placed_as_in_a_state_dict),
        cmocka_unit_test(param_range_is_counted_from_the_parts_first),
        cmocka_unit_test(weights_are_drawn_as_torch_draws_them),
        cmocka_unit_test(forward_leaves_columns_beyond_the_batch_alone),
        cmocka_unit_test(arrays_are_aligned_to_cache_lines),
        cmocka_unit_test(an_unwanted_input_gradient_is_not_computed),
        cmocka_unit_test(a_tape_without_room_is_refused),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
