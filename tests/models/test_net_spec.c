/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include <math.h>

static void unknown_kinds_are_refused_with_the_choices(void **state)
{
    (void)state;
    struct layer_list list = {NULL, 0, 0};
    struct err err = ERR_INIT;
    assert_null(layer_list_add(&list, "conv3d", "c", &err));
    assert_string_equal(
        err.text, "'conv3d' is no kind of layer: allowed are conv2d, linear, relu, leaky_relu, "
                  "gelu, silu, sigmoid, tanh, max_pool2d, avg_pool2d, adaptive_avg_pool2d, "
                  "global_avg_pool, batch_norm, group_norm, layer_norm, dropout, flatten, "
                  "residual, sequence");
    assert_int_equal(list.n, 0);
}

static void odd_names_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"a b", "name 'a b': allowed are letters, digits, '_', '.' and '-'"},
        {"a/b", "name 'a/b': allowed are letters, digits, '_', '.' and '-'"},
        {"0123456789012345678901234567890123456789012345678901234567890123",
         "name '0123456789012345678901234567890123456789012345678901234567890123...': at most 63 "
         "characters"},
    };
    struct layer_list list = {NULL, 0, 0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = ERR_INIT;
        assert_null(layer_list_add(&list, "relu", rows[i].name, &err));
        assert_string_equal(err.text, rows[i].text);
    }
}

static void arguments_are_held_to_their_rows(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *key;
        double value;
        const char *text; /* NULL: good */
    } rows[] = {
        {"conv2d", "kernel_size", 3, NULL},
        {"conv2d", "kernel_size", 0,
         "kernel_size: value 0: allowed is a whole number from 1 to 64"},
        {"conv2d", "kernel_size", 2.5,
         "kernel_size: value 2.5: allowed is a whole number from 1 to 64"},
        {"conv2d", "stride", 1e300, "stride: value 1e+300: allowed is a whole number from 1 to 64"},
        {"conv2d", "bias", 2, "bias: value 2: allowed is a whole number from 0 to 1"},
        {"conv2d", "dilatation", 2,
         "'dilatation' is no argument of conv2d: allowed are out_channels, kernel_size, stride, "
         "padding, bias, dilation, groups, kernel_height, padding_height, init"},
        {"conv2d", "init", 5, NULL},
        {"conv2d", "init", 6, "init: value 6: allowed is a whole number from 0 to 5"},
        {"dropout", "p", 1, "p: value 1: allowed is a number from 0 to 0.999"},
        {"group_norm", "eps", 1e-3, NULL},
        {"group_norm", "eps", 0, "eps: value 0: allowed is a number from 1e-12 to 1"},
        {"relu", "slope", 1, "'slope' is no argument of relu: allowed are none"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct layer_list list = {NULL, 0, 0};
        struct err err = ERR_INIT;
        struct layer_spec *layer = layer_list_add(&list, rows[i].kind, "x", &err);
        int status = layer_spec_set(layer, rows[i].key, rows[i].value, &err);
        assert_int_equal(status, rows[i].text ? -1 : 0);
        assert_string_equal(err.text, rows[i].text ? rows[i].text : "");
        assert_int_equal(layer_spec_set(layer, rows[i].key, (double)NAN, NULL), -1);
        free(list.layers);
    }
}

static void branches_are_found_by_name(void **state)
{
    (void)state;
    struct layer_list list = {NULL, 0, 0};
    struct err err = ERR_INIT;
    struct layer_spec *residual = layer_list_add(&list, "residual", "r", &err);
    assert_ptr_equal(layer_spec_branch(residual, "shortcut", &err), &residual->branch[1]);
    assert_null(layer_spec_branch(residual, "tail", &err));
    assert_string_equal(err.text,
                        "'tail' is no inner list of residual: allowed are body, shortcut");
    struct layer_spec *relu = layer_list_add(&list, "relu", NULL, &err);
    assert_null(layer_spec_branch(relu, "body", &err));
    assert_string_equal(err.text, "'body': relu has no inner lists of layers");
    free(list.layers);
}

/* A network, and what is said of it. */
struct refused {
    struct shape input;
    const char *layers, *text;
};

static void assert_refused(const struct refused *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct net_spec spec = spec_from_text(rows[i].input, rows[i].layers);
        struct err err = ERR_INIT;
        assert_int_equal(net_spec_check(&spec, &err), -1);
        assert_string_equal(err.text, rows[i].text);
        assert_null(net_new(&spec, 0, -1, NULL));
        net_spec_release(&spec);
    }
}

static void inputs_that_are_no_samples_are_refused(void **state)
{
    (void)state;
    static const struct refused rows[] = {
        {{3, {1, 8, 8}}, "", "a network of 0 layers: allowed is 1 to 512"},
        {{3, {1, 0, 8}}, "relu", "input: dimension 1 is 0: allowed is 1 to 65536"},
        {{2, {8, 8}},
         "relu",
         "input: a shape of 2 dimensions: allowed are 1 (features) and 3 (channels, height, "
         "width)"},
        {{3, {65536, 65536, 1}},
         "relu",
         "input: shape 65536x65536x1 has more than 67108864 numbers per sample"},
    };
    assert_refused(rows, sizeof rows / sizeof rows[0]);
}

static void layers_without_what_they_need_are_refused(void **state)
{
    (void)state;
    static const struct refused rows[] = {
        {{3, {1, 8, 8}},
         "relu; conv2d c kernel_size=3",
         "layer 1 (conv2d c): out_channels is missing: feature maps out"},
        {{3, {1, 8, 8}},
         "conv2d out_channels=2 kernel_size=3",
         "layer 0 (conv2d): name is missing: a layer with weights needs one"},
        {{3, {1, 8, 8}},
         "conv2d c out_channels=2 kernel_size=3; conv2d c out_channels=2 kernel_size=3",
         "layer 1 (conv2d c): name 'c' is used by two layers with weights"},
        {{1, {8}},
         "batch_norm",
         "layer 0 (batch_norm): name is missing: a layer with weights needs one"},
    };
    assert_refused(rows, sizeof rows / sizeof rows[0]);
}

static void layers_that_do_not_fit_their_input_are_refused(void **state)
{
    (void)state;
    static const struct refused rows[] = {
        {{3, {1, 8, 4}},
         "conv2d c out_channels=2 kernel_size=7 padding=1",
         "layer 0 (conv2d c): input 1x8x4 with padding 1 is smaller than kernel_size 7"},
        {{1, {8}},
         "conv2d c out_channels=2 kernel_size=7",
         "layer 0 (conv2d c): input 8: channels x height x width is wanted"},
        {{1, {8}},
         "global_avg_pool",
         "layer 0 (global_avg_pool): input 8: channels x height x width is wanted"},
        {{3, {1, 8, 8}},
         "linear l out_features=2",
         "layer 0 (linear l): input 1x8x8: a flat one is wanted, put a flatten before"},
        {{3, {6, 8, 8}},
         "conv2d c out_channels=8 kernel_size=3 groups=3",
         "layer 0 (conv2d c): groups 3 does not divide both the 6 channels in and the 8 out"},
        {{3, {1, 8, 8}},
         "conv2d c out_channels=2 kernel_size=3 dilation=4",
         "layer 0 (conv2d c): input 1x8x8 with padding 0 is smaller than kernel_size 3 with "
         "dilation 4"},
        {{1, {8}}, "layer_norm l n_dims=2", "layer 0 (layer_norm l): n_dims 2: the input has 1"},
        {{1, {8}},
         "adaptive_avg_pool2d output_size=2",
         "layer 0 (adaptive_avg_pool2d): input 8: channels x height x width is wanted"},
        {{3, {6, 8, 8}},
         "group_norm g num_groups=4",
         "layer 0 (group_norm g): num_groups 4 does not divide the 6 channels"},
        {{3, {1, 8, 8}},
         "max_pool2d kernel_size=3 padding=2",
         "layer 0 (max_pool2d): padding 2: allowed is at most half of kernel_size 3"},
    };
    assert_refused(rows, sizeof rows / sizeof rows[0]);
}

static void layers_beyond_the_limits_are_refused(void **state)
{
    (void)state;
    static const struct refused rows[] = {
        {{1, {65536}},
         "linear l out_features=65536",
         "layer 0 (linear l): weight would have 4294967296 numbers: allowed are at most 268435456"},
        {{3, {1, 1024, 1024}},
         "flatten",
         "layer 0 (flatten): 1048576 numbers in one dimension: allowed are at most 65536"},
        {{3, {1, 4096, 4096}},
         "conv2d c out_channels=1 kernel_size=7",
         "layer 0 (conv2d c): needs 836405000 numbers of scratch memory: allowed are at most "
         "268435456"},
    };
    assert_refused(rows, sizeof rows / sizeof rows[0]);
}

static void composites_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct refused rows[] = {
        {{3, {1, 8, 8}},
         "residual r {conv2d c out_channels=2 kernel_size=3}",
         "layer 0 (residual r): body gives 2x6x6, shortcut 1x8x8: they must be alike"},
        {{1, {8}},
         "residual r {flatten}",
         "layer 0 (residual r): body must hold at least one layer that computes"},
        {{1, {8}},
         "residual r {relu; linear l}",
         "layer 0 (residual r): body: layer 1 (linear l): out_features is missing: numbers out"},
        {{1, {8}},
         "residual {relu; residual {relu; residual {relu; residual {relu; residual {relu}}}}}",
         "layer 0 (residual): body: layer 1 (residual): body: layer 1 (residual): body: layer 1 "
         "(residual): body: layer 1 (residual): body: composites within composites more than 4 "
         "deep"},
    };
    assert_refused(rows, sizeof rows / sizeof rows[0]);
}

static void lists_and_networks_are_bounded(void **state)
{
    (void)state;
    struct net_spec spec = NET_SPEC_INIT;
    struct err err = ERR_INIT;
    spec.input = shape_flat(2);
    for (int i = 0; i < NET_MAX_LAYERS; i++)
        assert_non_null(layer_list_add(&spec.layers, "relu", NULL, &err));
    assert_null(layer_list_add(&spec.layers, "relu", NULL, &err));
    assert_string_equal(err.text, "more than 512 layers in one list");
    assert_int_equal(net_spec_check(&spec, &err), 0);
    net_spec_release(&spec);

    spec.input = shape_flat(2);
    for (int i = 0; i < 9; i++) {
        struct layer_spec *residual = layer_list_add(&spec.layers, "residual", NULL, &err);
        for (int k = 0; k < NET_MAX_LAYERS; k++)
            layer_list_add(&residual->branch[0], "relu", NULL, &err);
    }
    assert_int_equal(net_spec_check(&spec, &err), -1);
    assert_non_null(strstr(err.text, "the network has more than 4096 layers with those inside"));
    net_spec_release(&spec);
}

static void classes_are_the_last_linear_layers_outputs(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct net_spec spec = spec_from_text(shape_flat(4), "linear l out_features=3");
    assert_int_equal(net_spec_set_classes(&spec, 7, &err), 0);
    struct net *net = net_new(&spec, 0, -1, &err);
    assert_int_equal(net_shape(net, 1).dim[0], 7);
    net_free(net);
    assert_int_equal(net_spec_set_classes(&spec, 0, &err), -1);
    net_spec_release(&spec);
    spec = spec_from_text(shape_flat(4), "linear l out_features=3; relu");
    assert_int_equal(net_spec_set_classes(&spec, 7, &err), -1);
    assert_string_equal(
        err.text,
        "the number of classes can be set only where the last layer is linear; it is relu");
    net_spec_release(&spec);
}

static void a_copy_stands_alone(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(
        shape_flat(2), "residual r {linear l out_features=2}; linear m out_features=1");
    struct net_spec copy;
    net_spec_copy(&copy, &spec);
    net_spec_release(&spec);
    struct err err = ERR_INIT;
    assert_int_equal(net_spec_check(&copy, &err), 0);
    assert_string_equal(copy.layers.layers[0].branch[0].layers[0].name, "l");
    assert_non_null(layer_list_add(&copy.layers, "relu", NULL, &err));
    net_spec_release(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_kinds_are_refused_with_the_choices),
        cmocka_unit_test(odd_names_are_refused),
        cmocka_unit_test(arguments_are_held_to_their_rows),
        cmocka_unit_test(branches_are_found_by_name),
        cmocka_unit_test(inputs_that_are_no_samples_are_refused),
        cmocka_unit_test(layers_without_what_they_need_are_refused),
        cmocka_unit_test(layers_that_do_not_fit_their_input_are_refused),
        cmocka_unit_test(layers_beyond_the_limits_are_refused),
        cmocka_unit_test(composites_that_do_not_fit_are_refused),
        cmocka_unit_test(lists_and_networks_are_bounded),
        cmocka_unit_test(classes_are_the_last_linear_layers_outputs),
        cmocka_unit_test(a_copy_stands_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
