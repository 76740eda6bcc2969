/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layers that compute otherwise in training than in evaluation, and what they keep. */
#include "tests/models/spec_from_text.h"

#include <math.h>

#include "models/net.h"

static void near(float value, double wanted)
{
    if (fabs((double)value - wanted) > 1e-5)
        fail_msg("%.9g, not %.9g", (double)value, wanted);
}

/* Channel 0: 1, 3, 5, 7 (mean 4, variance 5); channel 1: all 2. Batch of 2, two pixels each. */
static const float batch[] = {1, 3, 2, 2, 5, 7, 2, 2};

struct run {
    struct net *net;
    struct tape *tape;
};

static struct run run_new(struct shape input, const char *text, int max_batch)
{
    struct run run = {.net = net_from_text(input, text)};
    run.tape = tape_new_aggregating(run.net, max_batch, NULL);
    net_init_weights(run.net, 1);
    return run;
}

static void run_free(struct run *run)
{
    tape_free(run->tape);
    net_free(run->net);
}

static struct run batch_norm_run(void)
{
    struct run run = run_new(shape_image(2, 1, 2), "batch_norm b momentum=0.25", 4);
    memcpy(tape_activation(run.tape, 0), batch, sizeof batch);
    return run;
}

static void batch_norm_takes_the_batchs_statistics(void **state)
{
    (void)state;
    struct run run = batch_norm_run();
    net_forward(run.net, run.tape, 0, 1, 2);
    const float *y = tape_activation(run.tape, 1);
    double s = 1 / sqrt(5 + 1e-5);
    near(y[0], -3 * s);
    near(y[1], -s);
    near(y[2], 0);
    near(y[5], 3 * s);
    run_free(&run);
}

static void batch_norm_moves_its_running_statistics(void **state)
{
    (void)state;
    struct run run = batch_norm_run();
    size_t n;
    const float *buffers = net_buffers(run.net, &n);
    assert_int_equal(n, 5);
    near(buffers[0], 0);
    near(buffers[2], 1);
    net_forward(run.net, run.tape, 0, 1, 2);
    near(buffers[0], 1);                       /* 0.25 x 4 */
    near(buffers[1], 0.5);                     /* 0.25 x 2 */
    near(buffers[2], 0.75 + 0.25 * 5 * 4 / 3); /* the unbiased variance */
    near(buffers[3], 0.75);
    near(buffers[4], 1);
    run_free(&run);
}

static void batch_norm_evaluates_with_its_running_statistics(void **state)
{
    (void)state;
    struct run run = batch_norm_run();
    float *buffers = net_buffers(run.net, NULL);
    memcpy(buffers, (const float[]){1, 2, 4, 9, 7}, 5 * sizeof(float));
    tape_set_training(run.tape, false, 0, 0);
    net_forward(run.net, run.tape, 0, 1, 1);
    const float *y = tape_activation(run.tape, 1);
    near(y[0], 0);
    near(y[1], 2 / sqrt(4 + 1e-5));
    near(y[2], 0);
    near(buffers[4], 7);
    tape_gradient(run.tape, 1)[0] = 6;
    tape_gradient(run.tape, 1)[3] = 6;
    net_backward(run.net, run.tape, 0, 1, 1, true);
    near(tape_gradient(run.tape, 0)[0], 6 / sqrt(4 + 1e-5));
    near(tape_gradient(run.tape, 0)[3], 6 / sqrt(9 + 1e-5));
    run_free(&run);
}

static void buffers_are_named_as_in_a_state_dict(void **state)
{
    (void)state;
    struct net *net = net_from_text(shape_flat(3), "linear l out_features=2; batch_norm b; "
                                                   "linear k out_features=1; batch_norm c");
    assert_int_equal(net_n_buffers(net), 6);
    assert_string_equal(net_buffer(net, 0)->name, "b.running_mean");
    assert_string_equal(net_buffer(net, 4)->name, "c.running_var");
    assert_string_equal(net_buffer(net, 5)->name, "c.num_batches_tracked");
    assert_int_equal(net_buffer(net, 4)->first, 6);
    assert_int_equal(net_buffer(net, 5)->n_dims, 0);
    assert_true(net_buffer(net, 5)->is_count && !net_buffer(net, 4)->is_count);
    size_t n_params, n_buffers, n_state;
    float *params = net_params(net, &n_params), *buffers = net_buffers(net, &n_buffers);
    assert_ptr_equal(net_state(net, &n_state), params);
    assert_ptr_equal(buffers, params + n_params);
    assert_int_equal(n_state, n_params + n_buffers);
    net_free(net);
}

/* A forward of merged columns neither takes nor keeps statistics; a new batch does again. */
static void batch_norm_freezes_its_statistics_for_merged_columns(void **state)
{
    (void)state;
    const struct slots slots = {2, 1, 1, (const double[]){0.5, 0.5}};
    struct run run = batch_norm_run();
    const float *buffers = net_buffers(run.net, NULL);
    net_forward(run.net, run.tape, 0, 1, 2);
    tape_aggregate(run.tape, 0, 1, &slots);
    net_forward(run.net, run.tape, 0, 1, 1);
    near(tape_activation(run.tape, 1)[0], -1 / sqrt(5 + 1e-5)); /* of (1 + 5)/2 */
    near(buffers[4], 1);
    memcpy(tape_activation(run.tape, 0), batch, sizeof batch);
    net_forward(run.net, run.tape, 0, 1, 2);
    near(buffers[4], 2);
    run_free(&run);
}

static void batch_norm_survives_a_single_number(void **state)
{
    (void)state;
    struct run run = run_new(shape_flat(1), "batch_norm b", 1);
    tape_activation(run.tape, 0)[0] = 5;
    net_forward(run.net, run.tape, 0, 1, 1);
    near(tape_activation(run.tape, 1)[0], 0);
    assert_true(isfinite(net_buffers(run.net, NULL)[1]));
    run_free(&run);
}

enum { N = 2001, COLUMNS = 3 };

static void drop(struct run *run, bool is_training, uint64_t seed, uint64_t step,
                 float out[COLUMNS * N])
{
    for (int i = 0; i < COLUMNS * N; i++)
        tape_activation(run->tape, 0)[i] = 3;
    tape_set_training(run->tape, is_training, seed, step);
    net_forward(run->net, run->tape, 0, net_to(run->net), COLUMNS);
    memcpy(out, tape_activation(run->tape, net_to(run->net)), COLUMNS * N * sizeof *out);
}

static void dropout_drops_its_share_and_scales_the_rest(void **state)
{
    (void)state;
    static float y[COLUMNS * N];
    struct run run = run_new(shape_flat(N), "dropout p=0.25", COLUMNS);
    drop(&run, true, 1, 1, y);
    int n_dropped = 0;
    for (int i = 0; i < COLUMNS * N; i++) {
        assert_true(y[i] == 0 || y[i] == 4);
        n_dropped += y[i] == 0;
    }
    assert_true(abs(n_dropped - COLUMNS * N / 4) < 200);
    assert_memory_not_equal(y, y + N, N * sizeof *y);
    drop(&run, false, 1, 1, y);
    for (int i = 0; i < COLUMNS * N; i++)
        assert_true(y[i] == 3);
    run_free(&run);
}

static void dropouts_mask_follows_from_seed_and_step(void **state)
{
    (void)state;
    static float first[COLUMNS * N], other[COLUMNS * N];
    struct run run = run_new(shape_flat(N), "dropout", COLUMNS);
    drop(&run, true, 1, 1, first);
    drop(&run, true, 1, 1, other);
    assert_memory_equal(first, other, sizeof first);
    drop(&run, true, 1, 2, other);
    assert_memory_not_equal(first, other, sizeof first);
    drop(&run, true, 2, 1, other);
    assert_memory_not_equal(first, other, sizeof first);
    run_free(&run);
    run = run_new(shape_flat(N), "relu; dropout", COLUMNS); /* another place in the network */
    drop(&run, true, 1, 1, other);
    assert_memory_not_equal(first, other, sizeof first);
    run_free(&run);
}

/* Mean square of the weights and of the biases drawn for (40, 20, 3, 3). */
static void weights_are_drawn_as_their_init_says(void **state)
{
    (void)state;
    const double in = 20 * 9, out = 40 * 9;
    const struct {
        int init;
        double weights, biases, largest; /* 0: no limit */
    } rows[] = {
        {0, 1 / (3 * in), 1 / (3 * in), sqrt(1 / in)},
        {1, 2 / in, 0, sqrt(6 / in)},
        {2, 2 / in, 0, 0},
        {3, 2 / out, 0, 0},
        {4, 2 / (in + out), 0, sqrt(6 / (in + out))},
        {5, 2 / (in + out), 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[80];
        snprintf(text, sizeof text, "conv2d c out_channels=40 kernel_size=3 init=%d", rows[i].init);
        struct net *net = net_from_text(shape_image(20, 3, 3), text);
        net_init_weights(net, 5);
        const float *w = net_params(net, NULL);
        const size_t n = 40 * 20 * 9;
        double squares = 0, biases = 0, largest = 0;
        for (size_t k = 0; k < n; k++) {
            squares += (double)w[k] * (double)w[k] / (double)n;
            largest = fmax(largest, fabs((double)w[k]));
        }
        for (size_t k = 0; k < 40; k++)
            biases += (double)w[n + k] * (double)w[n + k] / 40;
        assert_true(fabs(squares / rows[i].weights - 1) < 0.05);
        assert_true(fabs(biases - rows[i].biases) <= 0.5 * rows[i].biases);
        assert_true(rows[i].largest == 0 ? largest > sqrt(6 * squares) * 1.05
                                         : largest <= rows[i].largest * (1 + 1e-6));
        net_free(net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_norm_takes_the_batchs_statistics),
        cmocka_unit_test(batch_norm_moves_its_running_statistics),
        cmocka_unit_test(batch_norm_evaluates_with_its_running_statistics),
        cmocka_unit_test(buffers_are_named_as_in_a_state_dict),
        cmocka_unit_test(batch_norm_freezes_its_statistics_for_merged_columns),
        cmocka_unit_test(batch_norm_survives_a_single_number),
        cmocka_unit_test(dropout_drops_its_share_and_scales_the_rest),
        cmocka_unit_test(dropouts_mask_follows_from_seed_and_step),
        cmocka_unit_test(weights_are_drawn_as_their_init_says),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
