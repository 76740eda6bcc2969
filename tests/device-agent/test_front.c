/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the front part learns from and how it steps: samples drawn, images augmented, optimisers, or nothing at all. */
#include "tests/device-agent/ready_device.h"

/* What a device draws in its first rounds, as labels. */
static void draw_labels(uint32_t device_index, uint32_t labels[3 * BATCH])
{
    struct device *device = make_greeted_device();
    struct msg *assignment = make_assignment();
    assignment->assignment.n_devices = 2;
    assignment->assignment.device_index = device_index;
    give(device, assignment, 0);
    drop(device, MSG_READY);
    for (uint32_t i = 0; i < 3; i++) {
        give(device, make_quick_round(i + 1, 0), 0);
        struct msg *msg = take(device, MSG_ACTIVATIONS);
        memcpy(labels + i * BATCH, payload_data(msg->payload[1]), BATCH * sizeof *labels);
        msg_free(msg);
        give(device, make_gradient(i + 1, 0, BATCH, false), 0);
        drop(device, MSG_ROUND_DONE);
    }
    device_free(device);
}

static void devices_draw_in_orders_of_their_own_that_repeat(void **state)
{
    (void)state;
    uint32_t first[3 * BATCH], again[3 * BATCH], second[3 * BATCH];
    draw_labels(0, first);
    draw_labels(0, again);
    draw_labels(1, second);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, second, sizeof first);
}

/* One round of ones as gradients: where the first weight of the bias is after it. */
static float step_with(struct msg *assignment)
{
    struct device *device = make_greeted_device();
    give(device, assignment, 0);
    drop(device, MSG_READY);
    struct msg *round = make_quick_round(1, 0);
    round->round.returns_front = true;
    give(device, round, 0);
    drop(device, MSG_ACTIVATIONS);
    give(device, make_gradient(1, 0, BATCH, false), 0);
    struct msg *done = take(device, MSG_ROUND_DONE);
    float bias = ((const float *)payload_data(done->payload[0]))[N_WEIGHTS - 1];
    msg_free(done);
    device_free(device);
    return bias;
}

static void the_assigned_optimizer_steps(void **state)
{
    (void)state;
    struct msg *adamw = make_assignment();
    strcpy(adamw->assignment.optimizer, "adamw");
    adamw->assignment.beta1 = 0.9;
    adamw->assignment.beta2 = 0.999;
    assert_true(step_with(make_assignment()) == -0.5f * BATCH);
    assert_true(fabs((double)step_with(adamw) + 0.5) < 1e-6); /* its first step is the rate */
}

#define N_SEEN (2 * BATCH * FEATURES)

/* The activations of two batches of one and the same image: sums over its left half, by weights that do not move. */
static void see(bool is_augmented, uint32_t device_index, float to[N_SEEN])
{
    struct device *device = make_greeted_device();
    struct msg *assignment = make_assignment();
    assignment->assignment.n_devices = 2;
    assignment->assignment.device_index = device_index;
    assignment->assignment.learning_rate = 0;
    assignment->assignment.crop_padding = is_augmented ? 3 : 0;
    assignment->assignment.flips = is_augmented;
    uint32_t *index = payload_memory(assignment->payload[0]);
    for (int i = 0; i < 10; i++)
        index[i] = 7;
    float *weights = payload_memory(assignment->payload[1]);
    for (int i = 0; i < FEATURES * N_PIXELS; i++)
        weights[i] = i % 28 < 14 ? 1.0f : 0.0f;
    give(device, assignment, 0);
    drop(device, MSG_READY);
    for (uint32_t i = 0; i < 2; i++) {
        give(device, make_quick_round(i + 1, 0), 0);
        struct msg *msg = take(device, MSG_ACTIVATIONS);
        memcpy(to + i * BATCH * FEATURES, payload_data(msg->payload[0]),
               BATCH * FEATURES * sizeof *to);
        msg_free(msg);
        give(device, make_gradient(i + 1, 0, BATCH, false), 0);
        drop(device, MSG_ROUND_DONE);
    }
    device_free(device);
}

static void images_stay_as_they_are_unless_cropped_or_flipped(void **state)
{
    (void)state;
    float seen[N_SEEN];
    see(false, 0, seen);
    for (int i = FEATURES; i < N_SEEN; i++)
        assert_true(seen[i] == seen[i % FEATURES]);
}

static void crops_and_flips_differ_by_sample_step_and_device_and_repeat(void **state)
{
    (void)state;
    const size_t sample = FEATURES * sizeof(float), batch = BATCH * sample;
    float seen[N_SEEN], again[N_SEEN], other[N_SEEN];
    see(true, 0, seen);
    see(true, 0, again);
    see(true, 1, other);
    assert_memory_equal(seen, again, sizeof seen);
    assert_memory_not_equal(seen, seen + FEATURES, sample);
    assert_memory_not_equal(seen, seen + BATCH * FEATURES, batch);
    assert_memory_not_equal(seen, other, batch);
}

static void an_evaluation_sees_images_as_they_are(void **state)
{
    (void)state;
    float seen[2][4 * FEATURES];
    for (int k = 0; k < 2; k++) {
        struct device *device = make_greeted_device();
        struct msg *assignment = make_assignment();
        assignment->assignment.crop_padding = k ? 5 : 0;
        assignment->assignment.flips = k;
        float *weights = payload_memory(assignment->payload[1]);
        for (int i = 0; i < N_WEIGHTS; i++)
            weights[i] = (float)(i % 13);
        give(device, assignment, 0);
        drop(device, MSG_READY);
        struct msg *msg = msg_new(MSG_EVALUATE);
        msg->evaluate = (struct msg_evaluate){1, 0, 1, 4};
        give(device, msg, 0);
        msg = take(device, MSG_EVALUATION);
        memcpy(seen[k], payload_data(msg->payload[0]), sizeof seen[k]);
        msg_free(msg);
        device_free(device);
    }
    assert_memory_equal(seen[0], seen[1], sizeof seen[0]);
}

static void a_device_may_train_on_all_that_it_holds(void **state)
{
    (void)state;
    struct device *device = make_greeted_device();
    struct msg *assignment = make_assignment();
    assignment->assignment.has_own_samples = true;
    payload_drop(assignment->payload[0]);
    assignment->payload[0] = payload_new(0);
    give(device, assignment, 0);
    struct msg *ready = take(device, MSG_READY);
    assert_int_equal(ready->ready.n_train_samples, TINY_IDX_N_TRAIN);
    msg_free(ready);
    device_free(device);
}

static struct msg *without_learning(struct msg *assignment)
{
    assignment->assignment.has_own_samples = assignment->assignment.is_without_learning = true;
    for (size_t i = 0; i < 2; i++) {
        payload_drop(assignment->payload[i]);
        assignment->payload[i] = payload_new(0);
    }
    return assignment;
}

static void assert_zeros(const struct payload *payload, size_t n_bytes)
{
    assert_int_equal(payload_bytes(payload), n_bytes);
    for (size_t i = 0; i < n_bytes; i++)
        assert_int_equal(((const char *)payload_data(payload))[i], 0);
}

static void without_learning_sizes_and_times_are_the_same_and_nothing_is_read(void **state)
{
    (void)state;
    struct device *device = device_new("pi-0", "/nowhere");
    drop(device, MSG_HELLO);
    give(device, without_learning(make_assignment()), 0);
    struct msg *msg = take(device, MSG_READY);
    assert_true(msg->ready.n_train_samples == 0 && msg->ready.n_test_samples == 0);
    msg_free(msg);
    struct msg *round = make_round(1, 0);
    round->round.returns_front = true;
    give(device, round, 0);
    go_to(device, 10000);
    go_to(device, 15001);
    msg = take(device, MSG_ACTIVATIONS);
    assert_zeros(msg->payload[0], BATCH * FEATURES * sizeof(float));
    assert_zeros(msg->payload[1], BATCH * sizeof(uint32_t));
    msg_free(msg);
    give(device, make_gradient(1, 0, BATCH, false), 20000);
    go_to(device, 40000);
    go_to(device, 1e9);
    msg = take(device, MSG_ROUND_DONE);
    assert_zeros(msg->payload[0], N_WEIGHTS * sizeof(float));
    msg_free(msg);
    device_free(device);
}

static void without_learning_layers_change_sides_as_zeros(void **state)
{
    (void)state;
    struct device *device = device_new("pi-0", "/nowhere");
    struct msg *assignment = without_learning(make_assignment()), *move = make_round(1, 0), *msg;
    drop(device, MSG_HELLO);
    give(device, assignment, 0);
    drop(device, MSG_READY);
    move->round.cut = 1;
    move->round.returns_layers = true;
    give(device, move, 0);
    go_to(device, 1e9);
    msg = take(device, MSG_LAYERS);
    assert_zeros(msg->payload[0], N_WEIGHTS * sizeof(float));
    msg_free(msg);
    go_to(device, 2e9);
    go_to(device, 3e9);
    go_to(device, 4e9);
    msg = take(device, MSG_ACTIVATIONS);
    assert_zeros(msg->payload[0], BATCH * N_PIXELS * sizeof(float)); /* behind flatten */
    msg_free(msg);
    device_free(device);
}

/* Five training samples of classes 0 to 4, ten test samples of classes 0 to 9. */
static void assert_data_do_not_fit(struct msg *assignment, const char *reason)
{
    struct device *device = device_new("pi-0", "1x28x28 classes=10 train=5 test=10");
    drop(device, MSG_HELLO);
    strcpy(assignment->assignment.data_format, "synthetic");
    assert_refuses(device, assignment, reason);
}

static void data_that_do_not_fit_are_told_by_part_and_sample(void **state)
{
    (void)state;
    struct msg *few = make_assignment(), *fewer = make_assignment(), *wide = make_assignment();
    few->assignment.layers.layers[2].arguments[0].value = 9;
    fewer->assignment.layers.layers[2].arguments[0].value = 3;
    wide->assignment.input_dims[1] = 14;
    wide->assignment.input_dims[2] = 56;
    assert_data_do_not_fit(few, "the test set in '1x28x28 classes=10 train=5 test=10': label 9 of "
                                "sample 9, the model 'tiny' has classes 0 to 8");
    assert_data_do_not_fit(fewer, "the training set in '1x28x28 classes=10 train=5 test=10': label "
                                  "3 of sample 3, the model 'tiny' has classes 0 to 2");
    assert_data_do_not_fit(wide,
                           "the training set in '1x28x28 classes=10 train=5 test=10': samples "
                           "are 1x28x28, the model 'tiny' takes 1x14x56");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_that_do_not_fit_are_told_by_part_and_sample),
        cmocka_unit_test(devices_draw_in_orders_of_their_own_that_repeat),
        cmocka_unit_test(the_assigned_optimizer_steps),
        cmocka_unit_test(images_stay_as_they_are_unless_cropped_or_flipped),
        cmocka_unit_test(crops_and_flips_differ_by_sample_step_and_device_and_repeat),
        cmocka_unit_test(an_evaluation_sees_images_as_they_are),
        cmocka_unit_test(a_device_may_train_on_all_that_it_holds),
        cmocka_unit_test(without_learning_sizes_and_times_are_the_same_and_nothing_is_read),
        cmocka_unit_test(without_learning_layers_change_sides_as_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, remove_data);
}
