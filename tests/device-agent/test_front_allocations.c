/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A device trains and evaluates without asking for memory once it has its front part. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/models/count_allocations.h"

#include "device-agent/front.h"
#include "tests/data/tiny_idx.h"

enum { BATCH = 4, CHANNELS = 3, CUT = 3 };

static void set_layer(struct msg_layer *layer, const char *kind, const char *name,
                      const char *keys[], const double *values, size_t n)
{
    strcpy(layer->kind, kind);
    strcpy(layer->name, name);
    layer->arguments = n ? mem_zero(n, sizeof *layer->arguments) : NULL;
    layer->n_arguments = n;
    for (size_t i = 0; i < n; i++) {
        strcpy(layer->arguments[i].key, keys[i]);
        layer->arguments[i].value = values[i];
    }
}

/* conv2d, batch_norm, relu | flatten, linear; images cropped and flipped. */
static struct msg *make_assignment(void)
{
    static const char *conv_keys[] = {"out_channels", "kernel_size"}, *out[] = {"out_features"};
    struct msg *msg = msg_new(MSG_ASSIGNMENT);
    struct msg_assignment *a = &msg->assignment;
    a->threads = 1;
    strcpy(a->model_name, "tiny");
    a->n_input_dims = 3;
    a->input_dims[0] = 1;
    a->input_dims[1] = a->input_dims[2] = 28;
    a->layers.n_layers = 5;
    a->layers.layers = mem_zero(5, sizeof *a->layers.layers);
    set_layer(&a->layers.layers[0], "conv2d", "c", conv_keys, (const double[]){CHANNELS, 3}, 2);
    set_layer(&a->layers.layers[1], "batch_norm", "b", NULL, NULL, 0);
    set_layer(&a->layers.layers[2], "relu", "", NULL, NULL, 0);
    set_layer(&a->layers.layers[3], "flatten", "", NULL, NULL, 0);
    set_layer(&a->layers.layers[4], "linear", "l", out, (const double[]){10}, 1);
    a->cut = CUT;
    a->batch_size = BATCH;
    strcpy(a->optimizer, "adamw");
    a->learning_rate = 0.01;
    a->eps = 1e-8;
    a->crop_padding = 2;
    a->flips = true;
    strcpy(a->data_format, "idx");
    a->data_std = 1;
    return msg;
}

static struct front *make_front(void)
{
    const size_t n_weights = CHANNELS * 9 + CHANNELS + 2 * CHANNELS + 2 * CHANNELS + 1;
    struct err err = ERR_INIT;
    struct msg *msg = make_assignment();
    struct payload *samples = payload_new(10 * sizeof(uint32_t));
    struct payload *weights = payload_new(n_weights * sizeof(float));
    for (uint32_t i = 0; i < 10; i++)
        ((uint32_t *)payload_memory(samples))[i] = 7 * i;
    memset(payload_memory(weights), 0, n_weights * sizeof(float));
    struct front *front = front_new(&msg->assignment, samples, weights, tiny_idx_dir(), &err);
    if (!front)
        fail_msg("%s", err.text);
    payload_drop(samples);
    payload_drop(weights);
    msg_free(msg);
    return front;
}

static struct payload *make_gradient(const struct front *front)
{
    size_t n = BATCH * front_cut_features(front);
    struct payload *gradient = payload_new(n * sizeof(float));
    for (size_t i = 0; i < n; i++)
        ((float *)payload_memory(gradient))[i] = 0.5f;
    return gradient;
}

static void train_step(struct front *front, const struct payload *gradient)
{
    const uint32_t *labels;
    front_forward(front, &labels);
    front_put_gradient(front, 0, gradient);
    front_backward(front);
}

static void steps_after_the_first_allocate_nothing(void **state)
{
    (void)state;
    const uint32_t *labels;
    is_counting = true;
    struct front *front = make_front();
    struct payload *gradient = make_gradient(front);
#ifndef SANITIZED
    assert_true(n_allocations > 0);
#endif
    train_step(front, gradient);
    n_allocations = 0;
    for (int i = 0; i < 5; i++) /* past the end of its 10 samples */
        train_step(front, gradient);
    front_evaluate(front, 0, 2, BATCH, &labels);
    train_step(front, gradient);
    is_counting = false;
    assert_int_equal(n_allocations, 0);
    payload_drop(gradient);
    front_free(front);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_after_the_first_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
