/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A front and a back net, the gradient passed across, train as the whole does, bit for bit, at every cut. */
#include "tests/models/spec_from_text.h"

#include "models/loss.h"
#include "models/optimizer.h"

enum { STEPS = 3, CLASSES = 10 };
static const struct sgd sgd = {.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 1e-3};

/* One party: a net over a range of layers, with its optimiser. */
struct part {
    struct net *net;
    struct tape *tape;
    float *params, *velocity;
    size_t n;
};

static struct part part_new(const struct net_spec *spec, int from, int to, int batch)
{
    struct part part = {.net = net_new(spec, from, to, NULL)};
    part.tape = tape_new(part.net, batch, NULL);
    net_init_weights(part.net, 9);
    part.params = net_params(part.net, &part.n);
    tape_set_training(part.tape, true, 4, 1);
    part.velocity = calloc(part.n + 1, sizeof(float));
    return part;
}

static void part_free(struct part *part)
{
    tape_free(part->tape);
    net_free(part->net);
    free(part->velocity);
}

static void part_forward(struct part *part, int batch)
{
    net_forward(part->net, part->tape, net_from(part->net), net_to(part->net), batch);
}

static void part_learn(struct part *part, int batch, bool wants_input)
{
    net_zero_grads(part->net);
    net_backward(part->net, part->tape, net_from(part->net), net_to(part->net), batch, wants_input);
    sgd_step(&sgd, part->params, net_grads(part->net, NULL), part->velocity, part->n);
}

static void put_input(struct part *part, int step, int batch)
{
    struct shape shape = net_shape(part->net, 0);
    fill_normal(tape_activation(part->tape, 0), (size_t)batch * shape_features(&shape),
                (uint64_t)step);
}

static double part_loss(struct part *part, int step, int batch)
{
    uint32_t labels[16];
    for (int i = 0; i < batch; i++)
        labels[i] = (uint32_t)(i * 7 + step) % CLASSES;
    int end = net_to(part->net);
    float *gradient = tape_gradient(part->tape, end);
    double sum = loss_softmax_cross_entropy(tape_activation(part->tape, end), labels, batch,
                                            CLASSES, gradient)
                     .sum;
    for (int i = 0; i < batch * CLASSES; i++)
        gradient[i] /= (float)batch;
    return sum;
}

static void train_whole(struct part *whole, int batch, double losses[STEPS])
{
    for (int step = 0; step < STEPS; step++) {
        put_input(whole, step, batch);
        part_forward(whole, batch);
        losses[step] = part_loss(whole, step, batch);
        part_learn(whole, batch, false);
    }
}

static void train_split(struct part *front, struct part *back, int cut, int batch,
                        double losses[STEPS])
{
    struct shape shape = net_shape(front->net, cut);
    size_t bytes = (size_t)batch * shape_features(&shape) * sizeof(float);
    for (int step = 0; step < STEPS; step++) {
        put_input(front, step, batch);
        part_forward(front, batch);
        memcpy(tape_activation(back->tape, cut), tape_activation(front->tape, cut), bytes);
        part_forward(back, batch);
        losses[step] = part_loss(back, step, batch);
        part_learn(back, batch, true);
        memcpy(tape_gradient(front->tape, cut), tape_gradient(back->tape, cut), bytes);
        part_learn(front, batch, false);
    }
}

static void every_cut_equals_the_whole(const struct net_spec *spec, int batch)
{
    double losses[STEPS], split_losses[STEPS];
    struct part whole = part_new(spec, 0, -1, batch);
    float *start = malloc(whole.n * sizeof(float));
    memcpy(start, whole.params, whole.n * sizeof(float));
    train_whole(&whole, batch, losses);
    assert_true(losses[0] > 0 && losses[0] != losses[1]);
    assert_memory_not_equal(start, whole.params, whole.n * sizeof(float));
    for (int cut = 1; cut < (int)spec->layers.n; cut++) {
        struct part front = part_new(spec, 0, cut, batch), back = part_new(spec, cut, -1, batch);
        assert_int_equal(front.n + back.n, whole.n);
        assert_memory_equal(front.params, start, front.n * sizeof(float));
        assert_memory_equal(back.params, start + front.n, back.n * sizeof(float));
        train_split(&front, &back, cut, batch, split_losses);
        if (memcmp(losses, split_losses, sizeof losses) != 0 ||
            memcmp(front.params, whole.params, front.n * sizeof(float)) != 0 ||
            memcmp(back.params, whole.params + front.n, back.n * sizeof(float)) != 0)
            fail_msg("cut at %d: last loss %.17g, whole %.17g", cut, split_losses[STEPS - 1],
                     losses[STEPS - 1]);
        part_free(&front);
        part_free(&back);
    }
    free(start);
    part_free(&whole);
}

static void lenet5(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(shape_image(1, 28, 28), LENET5);
    every_cut_equals_the_whole(&spec, 5);
    net_spec_release(&spec);
}

static void vgg5(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(shape_image(1, 28, 28), VGG5);
    every_cut_equals_the_whole(&spec, 3);
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
    every_cut_equals_the_whole(&spec, 5);
    net_spec_release(&spec);
}

/* Smaller images than the real ones, for time. */
static void resnet18(void **state)
{
    (void)state;
    struct net_spec spec = spec_resnet18(shape_image(1, 12, 12), CIFAR_STEM, CLASSES);
    every_cut_equals_the_whole(&spec, 2);
    net_spec_release(&spec);
}

static void resnet18_with_imagenet_stem(void **state)
{
    (void)state;
    struct net_spec spec = spec_resnet18(shape_image(1, 28, 28), IMAGENET_STEM, CLASSES);
    every_cut_equals_the_whole(&spec, 2);
    net_spec_release(&spec);
}

/* The same in one net: forward and backward over its two sub-ranges. */
static void sub_ranges_of_one_net_equal_the_whole(void **state)
{
    (void)state;
    struct net_spec spec = spec_resnet18(shape_image(1, 8, 8), CIFAR_STEM, CLASSES);
    int cut = 5, end = (int)spec.layers.n, batch = 2;
    struct part whole = part_new(&spec, 0, -1, batch), parts = part_new(&spec, 0, -1, batch);
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
