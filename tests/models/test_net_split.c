/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Split training equals unsplit training. tests/experiment/test_model_split.c does so for every model file. */
#include "tests/models/split_training.h"

enum { CLASSES = 10 };

static void lenet5(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(shape_image(1, 28, 28), LENET5);
    every_cut_equals_the_whole(&spec, 5, "sgd");
    every_cut_equals_the_whole(&spec, 5, "adamw");
    net_spec_release(&spec);
}

static void vgg5(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(shape_image(1, 28, 28), VGG5);
    every_cut_equals_the_whole(&spec, 3, "sgd");
    net_spec_release(&spec);
}

/* Layers that look beyond a sample: batch statistics and random masks. */
static void batch_norm_and_dropout(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(
        shape_image(2, 6, 6),
        "conv2d c out_channels=4 kernel_size=3 groups=2; batch_norm n; silu; dropout p=0.3;"
        "residual r {conv2d d out_channels=4 kernel_size=3 padding=1; batch_norm m; dropout};"
        "adaptive_avg_pool2d output_size=2; flatten; layer_norm l; dropout; linear f "
        "out_features=10");
    every_cut_equals_the_whole(&spec, 5, "sgd");
    net_spec_release(&spec);
}

/* Smaller images than the real ones, for time. */
static void resnet18(void **state)
{
    (void)state;
    struct net_spec spec = spec_resnet18(shape_image(1, 12, 12), CIFAR_STEM, CLASSES);
    every_cut_equals_the_whole(&spec, 2, "sgd");
    net_spec_release(&spec);
}

static void resnet18_with_imagenet_stem(void **state)
{
    (void)state;
    struct net_spec spec = spec_resnet18(shape_image(1, 28, 28), IMAGENET_STEM, CLASSES);
    every_cut_equals_the_whole(&spec, 2, "sgd");
    net_spec_release(&spec);
}

/* The same in one net: forward and backward over its two sub-ranges. */
static void sub_ranges_of_one_net_equal_the_whole(void **state)
{
    (void)state;
    struct net_spec spec = spec_resnet18(shape_image(1, 8, 8), CIFAR_STEM, CLASSES);
    int cut = 5, end = (int)spec.layers.n, batch = 2;
    struct part whole = part_new(&spec, 0, -1, batch, "sgd"),
                parts = part_new(&spec, 0, -1, batch, "sgd");
    put_input(&whole, 0, batch);
    part_forward(&whole, batch);
    part_loss(&whole, 0, batch);
    net_backward(whole.net, whole.tape, 0, end, batch, true);

    put_input(&parts, 0, batch);
    net_forward(parts.net, parts.tape, 0, cut, batch);
    net_forward(parts.net, parts.tape, cut, end, batch);
    part_loss(&parts, 0, batch);
    net_backward(parts.net, parts.tape, cut, end, batch, true);
    net_backward(parts.net, parts.tape, 0, cut, batch, true);
    assert_memory_equal(net_grads(whole.net, NULL), net_grads(parts.net, NULL),
                        whole.n * sizeof(float));
    assert_memory_equal(tape_gradient(whole.tape, 0), tape_gradient(parts.tape, 0),
                        (size_t)batch * 64 * sizeof(float));
    part_free(&whole);
    part_free(&parts);
    net_spec_release(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lenet5),
        cmocka_unit_test(vgg5),
        cmocka_unit_test(batch_norm_and_dropout),
        cmocka_unit_test(resnet18),
        cmocka_unit_test(resnet18_with_imagenet_stem),
        cmocka_unit_test(sub_ranges_of_one_net_equal_the_whole),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
