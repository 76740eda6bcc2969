/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every layer's output and gradients, and the losses, equal PyTorch's: tests/data/models/layers.safetensors. */
#include "tests/models/exact_data.h"

#include "models/loss.h"

enum { BATCH = 3 };
static const double tolerance = 1e-5; /* of 1 + |wanted| */

struct one {
    struct safetensors *file;
    const char *name;
    struct net *net;
    struct tape *tape;
    struct draw draw;
    size_t n_in, n_out;
    float *x, *gy;
};

static void is_near(struct one *one, const char *what, const float *found, size_t n)
{
    size_t n_wanted = 0;
    float *wanted = exact_read(one->file, &n_wanted, "%s.%s", one->name, what);
    if (!wanted || n_wanted != n)
        fail_msg("%s.%s: %zu numbers, not %zu", one->name, what, n, n_wanted);
    double worst = worst_of(found, wanted, n, 1);
    if (!(worst <= tolerance))
        fail_msg("%s.%s: off by %g", one->name, what, worst);
    free(wanted);
}

static struct net *net_of_case(const char *text)
{
    int dim[3], n = 1, used = 0;
    assert_int_equal(sscanf(text, "%d%n", &dim[0], &used), 1);
    for (text += used; *text == 'x' && n < 3; text += used)
        assert_int_equal(sscanf(text, "x%d%n", &dim[n++], &used), 1);
    struct shape shape = n == 3 ? shape_image(dim[0], dim[1], dim[2]) : shape_flat(dim[0]);
    return net_from_text(shape, strchr(text, '|') + 1);
}

static void run(struct one *one)
{
    int end = net_to(one->net);
    memcpy(tape_activation(one->tape, 0), one->x, one->n_in * sizeof(float));
    net_forward(one->net, one->tape, 0, end, BATCH);
    is_near(one, "y", tape_activation(one->tape, end), one->n_out);
}

static void check_training(struct one *one)
{
    int end = net_to(one->net);
    run(one);
    draw_floats(&one->draw, one->gy, one->n_out, 1);
    memcpy(tape_gradient(one->tape, end), one->gy, one->n_out * sizeof(float));
    net_backward(one->net, one->tape, 0, end, BATCH, true);
    is_near(one, "gx", tape_gradient(one->tape, 0), one->n_in);
    const float *grads = net_grads(one->net, NULL), *buffers = net_buffers(one->net, NULL);
    char what[32];
    for (size_t i = 0; i < net_n_weights(one->net); i++) {
        snprintf(what, sizeof what, "grad.%zu", i);
        is_near(one, what, grads + net_weight(one->net, i)->first, net_weight(one->net, i)->n);
    }
    for (size_t i = 0; i < net_n_buffers(one->net); i++) {
        snprintf(what, sizeof what, "buffer.%zu", i);
        is_near(one, what, buffers + net_buffer(one->net, i)->first, net_buffer(one->net, i)->n);
    }
}

static void check_evaluation(struct one *one)
{
    int end = net_to(one->net);
    memcpy(tape_activation(one->tape, 0), one->x, one->n_in * sizeof(float));
    tape_set_training(one->tape, false, 0, 0);
    net_forward(one->net, one->tape, 0, end, BATCH);
    is_near(one, "eval.y", tape_activation(one->tape, end), one->n_out);
    memcpy(tape_gradient(one->tape, end), one->gy, one->n_out * sizeof(float));
    net_backward(one->net, one->tape, 0, end, BATCH, true);
    is_near(one, "eval.gx", tape_gradient(one->tape, 0), one->n_in);
}

static void check_case(struct safetensors *file, const char *name, uint32_t seed)
{
    struct one one = {.file = file, .name = name, .draw = {seed}};
    one.net = net_of_case(safetensors_metadata(file, name));
    one.tape = tape_new(one.net, BATCH, NULL);
    struct shape in = net_shape(one.net, 0), out = net_shape(one.net, net_to(one.net));
    one.n_in = BATCH * shape_features(&in);
    one.n_out = BATCH * shape_features(&out);
    one.x = malloc(one.n_in * sizeof(float));
    one.gy = malloc(one.n_out * sizeof(float));
    size_t n;
    float *params = net_params(one.net, &n);
    draw_floats(&one.draw, one.x, one.n_in, 2);
    draw_floats(&one.draw, params, n, 1);
    check_training(&one);
    if (net_n_buffers(one.net))
        check_evaluation(&one);
    free(one.x);
    free(one.gy);
    tape_free(one.tape);
    net_free(one.net);
}

/* In the order of make_exact.py, which numbers them from seed 1. */
static const char *const names[] = {
    "conv2d",
    "conv2d_dilation",
    "conv2d_groups",
    "conv2d_depthwise",
    "conv2d_row",
    "linear",
    "relu",
    "leaky_relu",
    "gelu",
    "silu",
    "sigmoid",
    "tanh",
    "max_pool2d",
    "max_pool2d_row",
    "avg_pool2d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_up",
    "global_avg_pool",
    "flatten",
    "batch_norm",
    "batch_norm_flat",
    "batch_norm_fixed",
    "group_norm",
    "layer_norm",
    "layer_norm_rows",
    "residual",
    "residual_downsample",
    "residual_sum",
    "sequence",
};

static void every_layer_equals_pytorchs(void **state)
{
    (void)state;
    struct safetensors *file = exact_open("tests/data/models/layers.safetensors");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_case(file, names[i], (uint32_t)i + 1);
    safetensors_close(file);
}

/* But dropout, whose masks are its own. */
static void every_kind_is_among_them(void **state)
{
    (void)state;
    struct safetensors *file = exact_open("tests/data/models/layers.safetensors");
    const struct layer_ops *kind;
    for (size_t k = 0; (kind = layer_kind_at(k)); k++) {
        bool is_there = strcmp(layer_kind_name(kind), "dropout") == 0;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            const char *text = safetensors_metadata(file, names[i]);
            is_there |= strncmp(strchr(text, '|') + 2, layer_kind_name(kind),
                                strlen(layer_kind_name(kind))) == 0;
        }
        if (!is_there)
            fail_msg("%s", layer_kind_name(kind));
    }
    safetensors_close(file);
}

static void check_loss(struct safetensors *file, const char *name, struct loss loss,
                       const float *gradient)
{
    struct one one = {.file = file, .name = name};
    const float value = (float)loss.sum;
    is_near(&one, "value", &value, 1);
    is_near(&one, "gradient", gradient, 20);
}

static void losses_equal_pytorchs(void **state)
{
    (void)state;
    static const uint32_t labels[] = {3, 0, 4, 1};
    struct safetensors *file = exact_open("tests/data/models/layers.safetensors");
    struct draw draw = {99};
    float logits[20], target[20], gradient[20];
    draw_floats(&draw, logits, 20, 4);
    draw_floats(&draw, target, 20, 1);
    struct loss loss = loss_softmax_cross_entropy(logits, labels, 4, 5, gradient);
    check_loss(file, "loss.cross_entropy", loss, gradient);
    loss = loss_smoothed_cross_entropy(logits, labels, 4, 5, 0.1, gradient);
    check_loss(file, "loss.smoothed", loss, gradient);
    loss = loss_mean_squared_error(logits, target, 4, 5, gradient);
    check_loss(file, "loss.squared", loss, gradient);
    safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_equals_pytorchs),
        cmocka_unit_test(every_kind_is_among_them),
        cmocka_unit_test(losses_equal_pytorchs),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
