/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include "models/profile.h"

/* One cut of ResNet-18 with the ImageNet stem: worked out by hand from the layers' shapes. */
struct cut {
    int n_layers; /* before it */
    double macs;  /* multiply-adds per sample, up to here */
    size_t n_params, elements;
};

static void prefixes_are(struct shape input, int n_classes, const struct cut *cuts, size_t n_cuts)
{
    struct net_spec spec = spec_resnet18(input, IMAGENET_STEM, n_classes);
    struct profile profile;
    assert_int_equal(profile_make(&profile, &spec, NULL), 0);
    assert_int_equal(profile.n_layers, cuts[n_cuts - 1].n_layers);
    double forward = 0, backward = 0;
    size_t n_params = 0, cut = 0;
    for (int i = 0; i < profile.n_layers; i++) {
        const struct layer_profile *layer = &profile.layers[i];
        forward += layer->forward_flop;
        backward += layer->backward_flop;
        n_params += layer->n_params;
        if (cuts[cut].n_layers != i + 1)
            continue;
        assert_true(forward == 2 * cuts[cut].macs);
        assert_true(backward == 4 * cuts[cut].macs);
        assert_int_equal(n_params, cuts[cut].n_params);
        assert_int_equal(layer->activation_bytes, 4 * cuts[cut].elements);
        assert_int_equal(shape_features(&layer->output), cuts[cut].elements);
        cut++;
    }
    assert_int_equal(cut, n_cuts);
    profile_release(&profile);
    net_spec_release(&spec);
}

static void resnet18_of_64x64x3_and_7_classes(void **state)
{
    (void)state;
    static const struct cut cuts[] = {
        {3, 9633792, 9536, 65536},      {4, 9633792, 9536, 16384},
        {5, 28508160, 83520, 16384},    {6, 47382528, 157504, 16384},
        {7, 62062592, 387648, 8192},    {8, 80936960, 683072, 8192},
        {9, 95617024, 1602112, 4096},   {10, 114491392, 2782784, 4096},
        {11, 129171456, 6455872, 2048}, {12, 148045824, 11176512, 2048},
        {13, 148045824, 11176512, 512}, {14, 148049408, 11180103, 7},
    };
    prefixes_are(shape_image(3, 64, 64), 7, cuts, 12);
}

static void resnet18_of_28x28x1_and_10_classes(void **state)
{
    (void)state;
    static const struct cut cuts[] = {
        {3, 614656, 3264, 12544},      {4, 614656, 3264, 3136},       {5, 4227328, 77248, 3136},
        {6, 7840000, 151232, 3136},    {7, 11510016, 381376, 2048},   {8, 16228608, 676800, 2048},
        {9, 19898624, 1595840, 1024},  {10, 24617216, 2776512, 1024}, {11, 28287232, 6449600, 512},
        {12, 33005824, 11170240, 512}, {13, 33005824, 11170240, 512}, {14, 33010944, 11175370, 10},
    };
    prefixes_are(shape_image(1, 28, 28), 10, cuts, 12);
}

static void full_size_resnet18_is_torchvisions(void **state)
{
    (void)state;
    struct net_spec spec = spec_resnet18(shape_image(3, 224, 224), IMAGENET_STEM, 1000);
    struct profile profile;
    assert_int_equal(profile_make(&profile, &spec, NULL), 0);
    double flop = 0;
    size_t n_params = 0;
    for (int i = 0; i < profile.n_layers; i++) {
        flop += profile.layers[i].forward_flop;
        n_params += profile.layers[i].n_params;
    }
    assert_int_equal(n_params, 11689512);
    assert_true(flop == 2 * 1814073344.0);
    profile_release(&profile);
    net_spec_release(&spec);
}

static void lenet5_layer_by_layer(void **state)
{
    (void)state;
    static const struct {
        const char *name, *kind;
        double macs;
        size_t n_params, elements;
    } rows[] = {
        {"conv1", "conv2d", 117600, 156, 4704},
        {"relu1", "relu", 0, 0, 4704},
        {"max_pool2d2", "max_pool2d", 0, 0, 1176},
        {"conv2", "conv2d", 240000, 2416, 1600},
        {"relu4", "relu", 0, 0, 1600},
        {"max_pool2d5", "max_pool2d", 0, 0, 400},
        {"flatten6", "flatten", 0, 0, 400},
        {"fc1", "linear", 48000, 48120, 120},
        {"relu8", "relu", 0, 0, 120},
        {"fc2", "linear", 10080, 10164, 84},
        {"relu10", "relu", 0, 0, 84},
        {"fc3", "linear", 840, 850, 10},
    };
    struct net_spec spec = spec_from_text(shape_image(1, 28, 28), LENET5);
    struct profile profile;
    assert_int_equal(profile_make(&profile, &spec, NULL), 0);
    assert_int_equal(profile.n_layers, 12);
    for (int i = 0; i < 12; i++) {
        const struct layer_profile *layer = &profile.layers[i];
        assert_string_equal(layer->name, rows[i].name);
        assert_string_equal(layer->kind, rows[i].kind);
        assert_true(layer->forward_flop == 2 * rows[i].macs);
        assert_int_equal(layer->n_params, rows[i].n_params);
        assert_int_equal(layer->activation_bytes, 4 * rows[i].elements);
    }
    profile_release(&profile);
    net_spec_release(&spec);
}

static void vgg5_has_the_parameters_its_file_says(void **state)
{
    (void)state;
    struct net *net = net_from_text(shape_image(1, 28, 28), VGG5);
    size_t n;
    net_params(net, &n);
    assert_int_equal(n, 320 + 18496 + 36928 + 401536 + 1290);
    net_free(net);
}

static void a_bad_spec_is_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct net_spec spec = spec_from_text(shape_image(1, 4, 4), "linear l out_features=3");
    struct profile profile;
    assert_int_equal(profile_make(&profile, &spec, &err), -1);
    assert_non_null(strstr(err.text, "layer 0 (linear l): input 1x4x4"));
    net_spec_release(&spec);
}

static void bytes_moved_are_counted_by_hand(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(shape_flat(4), "linear a out_features=3; relu; flatten");
    struct profile profile;
    assert_int_equal(profile_make(&profile, &spec, NULL), 0);
    /* x forward and backward, gx; y, gy. The weights twice, their gradients. */
    assert_int_equal(profile.layers[0].sample_bytes, 4 * (3 * 4 + 2 * 3));
    assert_int_equal(profile.layers[0].batch_bytes, 4 * 3 * 15);
    assert_int_equal(profile.layers[1].sample_bytes, 4 * (3 * 3 + 2 * 3));
    assert_int_equal(profile.layers[1].batch_bytes, 0);
    assert_int_equal(profile.layers[2].sample_bytes, 0);
    profile_release(&profile);
    net_spec_release(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet18_of_64x64x3_and_7_classes),
        cmocka_unit_test(resnet18_of_28x28x1_and_10_classes),
        cmocka_unit_test(full_size_resnet18_is_torchvisions),
        cmocka_unit_test(lenet5_layer_by_layer),
        cmocka_unit_test(vgg5_has_the_parameters_its_file_says),
        cmocka_unit_test(a_bad_spec_is_refused),
        cmocka_unit_test(bytes_moved_are_counted_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
