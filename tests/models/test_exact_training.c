/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 20 steps of training give PyTorch's losses and weights: tests/data/models/training.safetensors, which holds of
 * each weight tensor the first numbers, how far they moved, and the root mean square of all.
 */
#include "tests/models/exact_data.h"

#include "models/loss.h"
#include "models/optimizer.h"

enum { STEPS = 20, SHOWN = 16, CLASSES = 10, MAX_BATCH = 8, MAX_SHOWN = 4096 };

static const double loss_tolerance = 1e-4, weight_tolerance = 1e-3;
static const double move_tolerance = 5e-2;

struct training {
    struct net *net;
    struct tape *tape;
    struct optimizer optimizer;
    struct draw draw;
    float *params, *start, *moments;
    size_t n_params;
    int batch;
};

/* As start_weights() of make_exact.py. */
static void draw_weights(struct training *t)
{
    bool is_norm = false;
    float bound = 0;
    for (size_t i = 0; i < net_n_weights(t->net); i++) {
        const struct net_weight *w = net_weight(t->net, i);
        bool is_bias = strstr(w->name, ".bias") != NULL;
        float *at = t->params + w->first;
        if (!is_bias) {
            is_norm = w->n_dims == 1;
            bound = sqrtf((float)(w->n / (size_t)w->dim[0]));
        }
        draw_floats(&t->draw, at, w->n, 1);
        for (size_t k = 0; k < w->n; k++)
            at[k] = is_norm ? (is_bias ? 0.1f * at[k] : 1 + 0.1f * at[k]) : at[k] / bound;
    }
}

static double train_step(struct training *t, int step)
{
    uint32_t labels[MAX_BATCH];
    int end = net_to(t->net);
    struct shape shape = net_shape(t->net, 0);
    draw_floats(&t->draw, tape_activation(t->tape, 0), (size_t)t->batch * shape_features(&shape),
                1);
    for (int i = 0; i < t->batch; i++)
        labels[i] = (uint32_t)(7 * i + step / 4) % CLASSES;
    net_zero_grads(t->net);
    tape_set_training(t->tape, true, 0, (uint64_t)step);
    net_forward(t->net, t->tape, 0, end, t->batch);
    float *gradient = tape_gradient(t->tape, end);
    struct loss loss = loss_softmax_cross_entropy(tape_activation(t->tape, end), labels, t->batch,
                                                  CLASSES, gradient);
    for (int i = 0; i < t->batch * CLASSES; i++)
        gradient[i] /= (float)t->batch;
    net_backward(t->net, t->tape, 0, end, t->batch, false);
    optimizer_step(&t->optimizer, t->params, net_grads(t->net, NULL), t->moments, t->n_params,
                   (uint64_t)step + 1);
    return loss.sum / t->batch;
}

static void is_near(struct safetensors *file, const char *key, const char *what, const float *found,
                    size_t n, double floor, double tolerance)
{
    size_t n_wanted = 0;
    float *wanted = exact_read(file, &n_wanted, "%s.%s", key, what);
    if (!wanted || n_wanted != n)
        fail_msg("%s.%s: %zu numbers, not %zu", key, what, n, n_wanted);
    double worst = worst_of(found, wanted, n, floor);
    if (getenv("SPLITBED_SHOW"))
        print_message("%s.%s: off by %.2g\n", key, what, worst);
    if (!(worst <= tolerance))
        fail_msg("%s.%s: off by %g", key, what, worst);
    free(wanted);
}

/* Together, as the root of the sum of squares: a ReLU that falls the other way in one place may move a few weights. */
static void moves_alike(struct safetensors *file, const char *key, const float *moved, size_t n)
{
    size_t n_wanted = 0;
    double wrong = 0, whole = 0;
    float *wanted = exact_read(file, &n_wanted, "%s.moved", key);
    assert_true(wanted && n_wanted == n);
    for (size_t i = 0; i < n; i++) {
        wrong += pow((double)moved[i] - (double)wanted[i], 2);
        whole += pow((double)wanted[i], 2);
    }
    if (getenv("SPLITBED_SHOW"))
        print_message("%s.moved: off by %.2g\n", key, sqrt(wrong / whole));
    if (!(sqrt(wrong / whole) <= move_tolerance))
        fail_msg("%s.moved: off by %g", key, sqrt(wrong / whole));
    free(wanted);
}

static void check_weights(struct training *t, struct safetensors *file, const char *key)
{
    static float first[MAX_SHOWN], moved[MAX_SHOWN], size[MAX_SHOWN];
    size_t n = net_n_weights(t->net), n_shown = 0;
    assert_true(n * SHOWN <= MAX_SHOWN);
    for (size_t i = 0; i < n; i++) {
        const struct net_weight *w = net_weight(t->net, i);
        double squares = 0;
        for (size_t k = 0; k < w->n; k++)
            squares += pow((double)t->params[w->first + k], 2);
        size[i] = (float)sqrt(squares / (double)w->n);
        for (size_t k = 0; k < SHOWN; k++, n_shown++) {
            size_t at = w->first + k % w->n;
            first[n_shown] = t->params[at];
            moved[n_shown] = t->params[at] - t->start[at];
        }
    }
    is_near(file, key, "first", first, n_shown, 1, weight_tolerance);
    moves_alike(file, key, moved, n_shown);
    is_near(file, key, "size", size, n, 0, weight_tolerance);
    if (net_n_buffers(t->net) == 0)
        return;
    n_shown = 0;
    for (size_t i = 0; i < net_n_buffers(t->net); i++) {
        const struct net_weight *w = net_buffer(t->net, i);
        for (size_t k = 0; k < SHOWN && k < w->n; k++)
            first[n_shown++] = net_buffers(t->net, NULL)[w->first + k];
    }
    is_near(file, key, "buffers", first, n_shown, 1, weight_tolerance);
}

static void trains_alike(const struct net_spec *spec, const char *name, const char *optimizer,
                         double learning_rate, int batch)
{
    struct safetensors *file = exact_open("tests/data/models/training.safetensors");
    struct training t = {.net = net_new(spec, 0, -1, NULL), .draw = {7}, .batch = batch};
    char key[64];
    float losses[STEPS];
    snprintf(key, sizeof key, "%s.%s", name, optimizer);
    t.tape = tape_new(t.net, batch, NULL);
    t.params = net_params(t.net, &t.n_params);
    optimizer_init(&t.optimizer, optimizer, NULL);
    t.optimizer.learning_rate = learning_rate;
    if (strcmp(optimizer, "sgd") == 0) {
        t.optimizer.momentum = 0.9;
        t.optimizer.weight_decay = 1e-3;
    }
    t.moments = calloc(optimizer_state_floats(&t.optimizer, t.n_params), sizeof(float));
    draw_weights(&t);
    t.start = malloc(t.n_params * sizeof(float));
    memcpy(t.start, t.params, t.n_params * sizeof(float));
    for (int step = 0; step < STEPS; step++)
        losses[step] = (float)train_step(&t, step);
    is_near(file, key, "losses", losses, STEPS, 0, loss_tolerance);
    check_weights(&t, file, key);
    free(t.moments);
    free(t.start);
    tape_free(t.tape);
    net_free(t.net);
    safetensors_close(file);
}

static void lenet5(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(shape_image(1, 28, 28), LENET5);
    trains_alike(&spec, "lenet5", "sgd", 0.01, 8);
    trains_alike(&spec, "lenet5", "adamw", 1e-3, 8);
    net_spec_release(&spec);
}

static void vgg5(void **state)
{
    (void)state;
    struct net_spec spec = spec_from_text(shape_image(1, 28, 28), VGG5);
    trains_alike(&spec, "vgg5", "sgd", 0.01, 4);
    trains_alike(&spec, "vgg5", "adamw", 1e-3, 4);
    net_spec_release(&spec);
}

static void resnet18_with_group_norm(void **state)
{
    (void)state;
    struct net_spec spec = spec_resnet18(shape_image(1, 12, 12), CIFAR_STEM, CLASSES);
    trains_alike(&spec, "resnet18_gn", "sgd", 2e-5, 4);
    trains_alike(&spec, "resnet18_gn", "adamw", 1e-5, 4);
    net_spec_release(&spec);
}

static void resnet18_with_batch_norm(void **state)
{
    (void)state;
    struct net_spec spec = spec_resnet18_batch_norm(shape_image(1, 12, 12), CIFAR_STEM, CLASSES);
    trains_alike(&spec, "resnet18_bn", "sgd", 5e-6, 8);
    trains_alike(&spec, "resnet18_bn", "adamw", 1e-6, 8);
    net_spec_release(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lenet5),
        cmocka_unit_test(vgg5),
        cmocka_unit_test(resnet18_with_group_norm),
        cmocka_unit_test(resnet18_with_batch_norm),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
