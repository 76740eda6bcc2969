/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/experiment/load_text.h"

#include "experiment/model_yaml.h"

#define HEAD "name: m\ninput: [1, 8, 8]\nlayers:\n"

static int load_model(struct net_spec *spec, const char *text, struct strbuf *errors)
{
    write_bytes("m.yaml", text, strlen(text));
    return model_load(spec, "m.yaml", errors);
}

static void layers_arrive_as_written(void **state)
{
    (void)state;
    static const char text[] =
        HEAD "  - conv2d: {name: c, out_channels: 2, kernel_size: 3, padding: 1, "
             "bias: false}\n"
             "  - relu:\n"
             "  - residual:\n"
             "      name: r\n"
             "      body:\n"
             "        - conv2d: {name: r.c, out_channels: 2, kernel_size: 3, "
             "padding: 1, bias: true}\n"
             "      shortcut: []\n"
             "  - flatten\n"
             "  - linear: {name: f, out_features: 3}\n";
    struct net_spec spec;
    struct strbuf errors = STRBUF_INIT;
    if (load_model(&spec, text, &errors))
        fail_msg("%s", errors.text);
    const struct layer_spec *layers = spec.layers.layers;
    assert_string_equal(spec.name, "m");
    assert_int_equal(spec.input.n_dims, 3);
    assert_int_equal(spec.layers.n, 5);
    assert_string_equal(layers[0].name, "c");
    assert_string_equal(layer_kind_name(layers[2].kind), "residual");
    assert_int_equal(layers[2].branch[0].n, 1);
    assert_int_equal(layers[2].branch[1].n, 0);
    assert_string_equal(layers[2].branch[0].layers[0].name, "r.c");
    size_t n;
    const struct layer_arg *args = layer_kind_args(layers[0].kind, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(args[i].key, "bias") == 0)
            assert_true(layers[0].args[i] == 0 && layers[2].branch[0].layers[0].args[i] == 1);
    net_spec_release(&spec);
}

static void a_printed_model_loads_to_the_same_print(void **state)
{
    (void)state;
    static const char *const files[] = {"lenet5",
                                        "vgg5",
                                        "resnet18",
                                        "resnet18-imagenet-stem",
                                        "mlp",
                                        "vgg11-bn",
                                        "vgg16-bn",
                                        "resnet18-bn",
                                        "resnet34",
                                        "mobilenet",
                                        "resnet34-bn",
                                        "sensor-cnn",
                                        "resnet18-imagenet-stem-bn",
                                        "resnet34-imagenet-stem",
                                        "resnet34-imagenet-stem-bn"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct net_spec spec, again;
        struct strbuf errors = STRBUF_INIT, first = STRBUF_INIT, second = STRBUF_INIT;
        char *path = mem_format("%s/configs/models/%s.yaml", load_root, files[i]);
        if (model_load(&spec, path, &errors))
            fail_msg("%s", errors.text);
        model_print(&spec, 0, &first);
        if (load_model(&again, first.text, &errors))
            fail_msg("%s", errors.text);
        model_print(&again, 0, &second);
        assert_string_equal(first.text, second.text);
        net_spec_release(&spec);
        net_spec_release(&again);
        strbuf_release(&first);
        strbuf_release(&second);
        free(path);
    }
}

static void errors_name_file_place_layer_and_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *layers, *message;
    } cases[] = {
        {"  - conv2: {out_channels: 3}\n",
         "m.yaml:4:5: layers.0.conv2: unknown kind of layer: did you mean 'conv2d'? allowed are "},
        {"  - conv2d: {out_channel: 3, kernel_size: 1}\n",
         "m.yaml:4:5: layers.0.conv2d.out_channels: missing: feature maps out\n"
         "m.yaml:4:14: layers.0.conv2d.out_channel: unknown key: did you mean 'out_channels'? "
         "allowed "
         "are name, out_channels, kernel_size, stride, padding, bias, dilation, groups, "
         "kernel_height, "
         "padding_height, init\n"},
        {"  - linear: {name: f, out_features: 3, init: kaiming}\n",
         "m.yaml:4:46: layers.0.linear.init: value 'kaiming': allowed are default, "
         "kaiming_uniform, "},
        {"  - relu:\n  - linear: {name: f, out_features: 0}\n",
         "m.yaml:5:37: layers.1.linear.out_features: value '0': must be an integer in [1, "
         "65536]\n"},
        {"  - linear: {name: f, out_features: 1.5}\n",
         "m.yaml:4:37: layers.0.linear.out_features: value '1.5': must be an integer in [1, "
         "65536]\n"},
        {"  - linear: {name: f, out_features: 3, bias: maybe}\n",
         "m.yaml:4:46: layers.0.linear.bias: value 'maybe': must be true or false\n"},
        {"  - linear: {name: f, out_features: [3]}\n",
         "m.yaml:4:37: layers.0.linear.out_features: value is a list: must be an integer in [1, "
         "65536]\n"},
        {"  - linear: 5\n",
         "m.yaml:4:13: layers.0.linear: value '5': must be a mapping of the layer's arguments\n"},
        {"  - {relu: , flatten: }\n",
         "m.yaml:4:5: layers.0: value is a mapping: must be one layer, `kind: {key: value}`\n"},
        {"  -\n", "m.yaml:4:4: layers.0: no value: must be one layer, `kind: {key: value}`\n"},
        {"  - residual:\n      body:\n        - rely:\n",
         "m.yaml:6:11: layers.0.residual.body.0.rely: unknown kind of layer: did you mean "
         "'relu'? "},
        {"  - residual: {body: 3}\n",
         "m.yaml:4:22: layers.0.residual.body: value '3': must be a list of layers\n"},
        {"  - linear: {name: a b, out_features: 3}\n",
         "m.yaml:4:20: layers.0.linear: name 'a b': "},
        {"  - linear: {name: [a], out_features: 3}\n",
         "m.yaml:4:20: layers.0.linear.name: value is a list: must be a name\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct net_spec spec;
        struct strbuf errors = STRBUF_INIT;
        char *text = mem_format("%s%s", HEAD, cases[i].layers);
        assert_int_equal(load_model(&spec, text, &errors), -1);
        if (strncmp(errors.text, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("\n%swhere was wanted\n%s", errors.text, cases[i].message);
        strbuf_release(&errors);
        free(text);
    }
}

static void a_model_needs_input_and_layers(void **state)
{
    (void)state;
    struct net_spec spec;
    struct strbuf errors = STRBUF_INIT;
    assert_int_equal(load_model(&spec, "name: m\n", &errors), -1);
    assert_string_equal(errors.text, "m.yaml:1:1: input: missing: shape of one sample\n"
                                     "m.yaml:1:1: layers: missing: the layers, first to last\n");
    strbuf_release(&errors);
    assert_int_equal(load_model(&spec, "[]", &errors), -1);
    assert_string_equal(errors.text,
                        "m.yaml:1:1: value is a list: must be a mapping, `key: value` each\n");
    strbuf_release(&errors);
}

static void layers_that_do_not_fit_are_told_at_the_list(void **state)
{
    (void)state;
    struct net_spec spec;
    struct strbuf errors = STRBUF_INIT;
    assert_int_equal(
        load_model(&spec, HEAD "  - conv2d: {name: c, out_channels: 2, kernel_size: 9}\n", &errors),
        -1);
    if (strncmp(errors.text, "m.yaml:4:3: layers: layer 0 (", 29) != 0)
        fail_msg("%s", errors.text);
    strbuf_release(&errors);
}

static void composites_nest_to_a_limit(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT, errors = STRBUF_INIT;
    struct net_spec spec;
    strbuf_addf(&text, HEAD "  - ");
    for (int i = 0; i < NET_MAX_DEPTH + 3; i++)
        strbuf_addf(&text, "residual: {body: [{");
    strbuf_addf(&text, "relu: ");
    for (int i = 0; i < NET_MAX_DEPTH + 3; i++)
        strbuf_addf(&text, "}]}");
    assert_int_equal(load_model(&spec, text.text, &errors), -1);
    assert_non_null(strstr(errors.text, "nested too deeply: at most 4 levels of layers"));
    strbuf_release(&text);
    strbuf_release(&errors);
}

static void too_many_layers_are_refused(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT, errors = STRBUF_INIT;
    struct net_spec spec;
    strbuf_addf(&text, HEAD);
    for (int i = 0; i < NET_MAX_LAYERS + 1; i++)
        strbuf_addf(&text, "  - relu:\n");
    assert_int_equal(load_model(&spec, text.text, &errors), -1);
    assert_string_equal(errors.text,
                        "m.yaml:516:5: layers.512: too many layers: at most 512 in a list\n");
    strbuf_release(&text);
    strbuf_release(&errors);
}

static void a_model_file_may_be_fitted_by_classes_and_input(void **state)
{
    (void)state;
    static const char model[] = HEAD "  - flatten:\n  - linear: {name: f, out_features: 3}\n";
    static const char text[] = "model: {file: m.yaml, classes: 7, input: [3, 4, 4]}\n"
                               "devices: [{count: 1}]\n";
    struct experiment e;
    write_bytes("m.yaml", model, strlen(model));
    must_load(&e, text, NULL);
    assert_int_equal(e.model.input.dim[0], 3);
    assert_true(e.model.layers.layers[1].args[0] == 7);
    experiment_release(&e);
    must_load(&e, text, "model.classes=9");
    assert_true(e.model.layers.layers[1].args[0] == 9);
    experiment_release(&e);
}

static void classes_need_a_linear_layer_at_the_end(void **state)
{
    (void)state;
    struct experiment e;
    struct strbuf errors = STRBUF_INIT;
    assert_int_equal(load_text(&e,
                               "model:\n  classes: 5\n  input: [4]\n  layers: [linear: {name: a, "
                               "out_features: 3}, relu: ]\ndevices: [{count: 1}]\n",
                               NULL, NULL, &errors),
                     -1);
    assert_int_equal(strncmp(errors.text, "x.yaml:2:12: model.classes: value '5': ", 39), 0);
    strbuf_release(&errors);
}

static void either_a_file_or_the_model_itself(void **state)
{
    (void)state;
    static const char model[] = "name: m\ninput: [4]\nlayers:\n  - relu:\n  - relu:\n";
    write_bytes("m.yaml", model, strlen(model));
    must_refuse("model: {file: m.yaml, layers: [relu: ]}\ndevices: [{count: 1}]\n", NULL,
                "x.yaml:1:31: model.layers: not together with model.file: either or\n");
    must_refuse("model: {name: x}\ndevices: [{count: 1}]\n", NULL,
                "x.yaml:1:8: model: missing: either `file`, or `input` and `layers`\n");
    must_refuse("model:\ndevices: [{count: 1}]\n", NULL,
                "x.yaml:1:7: model: missing: either `file`, or `input` and `layers`\n");
    must_refuse("model: 3\ndevices: [{count: 1}]\n", NULL,
                "x.yaml:1:8: model: value '3': must be a mapping, `key: value` each\n");
}

static void errors_of_a_named_file_carry_its_name(void **state)
{
    (void)state;
    static const char model[] = "name: m\ninput: [4]\nlayers:\n  - rely:\n";
    struct experiment e;
    struct strbuf errors = STRBUF_INIT;
    write_bytes("m.yaml", model, strlen(model));
    assert_int_equal(
        load_text(&e, "model: {file: m.yaml}\ndevices: [{cout: 1}]\n", NULL, NULL, &errors), -1);
    assert_int_equal(strncmp(errors.text, "m.yaml:4:5: layers.0.rely: unknown kind", 39), 0);
    assert_non_null(strstr(errors.text, "\nx.yaml:2:12: devices.0.cout: unknown key: did you mean "
                                        "'count'?\n"));
    strbuf_release(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_arrive_as_written),
        cmocka_unit_test(a_printed_model_loads_to_the_same_print),
        cmocka_unit_test(errors_name_file_place_layer_and_what_is_allowed),
        cmocka_unit_test(a_model_needs_input_and_layers),
        cmocka_unit_test(layers_that_do_not_fit_are_told_at_the_list),
        cmocka_unit_test(composites_nest_to_a_limit),
        cmocka_unit_test(too_many_layers_are_refused),
        cmocka_unit_test(a_model_file_may_be_fitted_by_classes_and_input),
        cmocka_unit_test(classes_need_a_linear_layer_at_the_end),
        cmocka_unit_test(either_a_file_or_the_model_itself),
        cmocka_unit_test(errors_of_a_named_file_carry_its_name),
    };
    return cmocka_run_group_tests(tests, load_setup, load_teardown);
}
