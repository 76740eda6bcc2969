/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A state_dict that PyTorch wrote (tests/data/models/make_state_dict.py) computes here what it computes there. */
#include "tests/models/exact_data.h"

#include "models/weights.h"

#define FOLDER  "tests/data/models/"
#define BATCH   5
#define CLASSES 4

static const char *const layers =
    "conv2d conv1 out_channels=6 kernel_size=3 padding=1 bias=0; batch_norm bn1; relu;"
    "residual layer1.0 {conv2d layer1.0.conv1 out_channels=6 kernel_size=3 padding=1 bias=0;"
    "batch_norm layer1.0.bn1; relu;"
    "conv2d layer1.0.conv2 out_channels=6 kernel_size=3 padding=1 bias=0; batch_norm layer1.0.bn2};"
    "residual layer2.0 {"
    "conv2d layer2.0.conv1 out_channels=10 kernel_size=3 stride=2 padding=1 bias=0;"
    "batch_norm layer2.0.bn1; relu;"
    "conv2d layer2.0.conv2 out_channels=10 kernel_size=3 padding=1 bias=0; batch_norm layer2.0.bn2}"
    "{conv2d layer2.0.downsample.0 out_channels=10 kernel_size=1 stride=2 bias=0;"
    "batch_norm layer2.0.downsample.1};"
    "group_norm norm num_groups=2; global_avg_pool; linear fc out_features=4";

/* Layers [from, to) with PyTorch's weights, evaluating. */
struct part {
    struct net *net;
    struct tape *tape;
};

static struct part part_new(int from, int to)
{
    struct err err = ERR_INIT;
    struct net_spec spec = spec_from_text(shape_image(3, 10, 8), layers);
    struct part part = {.net = net_new(&spec, from, to, &err)};
    net_spec_release(&spec);
    if (!part.net || !(part.tape = tape_new(part.net, BATCH, &err)) ||
        weights_load(FOLDER "state_dict.safetensors", part.net, &err))
        fail_msg("%s", err.text);
    tape_set_training(part.tape, false, 1, 0);
    return part;
}

static void part_free(struct part *part)
{
    tape_free(part->tape);
    net_free(part->net);
}

static void part_forward(struct part *part)
{
    net_forward(part->net, part->tape, net_from(part->net), net_to(part->net), BATCH);
}

static void assert_outputs(const float *y, struct safetensors *batch)
{
    size_t n;
    float *wanted = exact_read(batch, &n, "y");
    assert_int_equal(n, BATCH * CLASSES);
    double worst = worst_of(y, wanted, n, 0.1);
    if (!(worst < 1e-5))
        fail_msg("%g away from PyTorch's output", worst);
    free(wanted);
}

static void a_state_dict_of_pytorch_computes_the_same_at_every_cut(void **state)
{
    (void)state;
    struct safetensors *batch = exact_open(FOLDER "state_dict_batch.safetensors");
    struct part whole = part_new(0, -1);
    size_t n;
    int end = net_to(whole.net);
    float *x = exact_read(batch, &n, "x");
    memcpy(tape_activation(whole.tape, 0), x, n * sizeof *x);
    part_forward(&whole);
    const float *y = tape_activation(whole.tape, end);
    assert_outputs(y, batch);
    for (int cut = 1; cut < end; cut++) {
        struct part front = part_new(0, cut), back = part_new(cut, -1);
        struct shape shape = net_shape(front.net, cut);
        memcpy(tape_activation(front.tape, 0), x, n * sizeof *x);
        part_forward(&front);
        memcpy(tape_activation(back.tape, cut), tape_activation(front.tape, cut),
               BATCH * shape_features(&shape) * sizeof(float));
        part_forward(&back);
        assert_memory_equal(tape_activation(back.tape, end), y, BATCH * CLASSES * sizeof(float));
        part_free(&front);
        part_free(&back);
    }
    free(x);
    part_free(&whole);
    safetensors_close(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_dict_of_pytorch_computes_the_same_at_every_cut),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
