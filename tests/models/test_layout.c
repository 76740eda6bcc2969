/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sharing memory, fusing layers and passing gradients on change no bit of the results. */
#include "tests/models/spec_from_text.h"

#include "base/mem.h"
#include "models/block_pack.h"
#include "models/parallel.h"

enum { BATCH = 5, STEPS = 2 };

/* 4x6x6 in; residuals with body and shortcut of every form, nested, with and without a ReLU at their end. */
static const char *const texts[] = {
    "relu; conv2d a out_channels=3 kernel_size=3; relu; leaky_relu; relu; batch_norm b; relu; "
    "max_pool2d kernel_size=2; flatten; relu; linear l out_features=3; relu",
    "batch_norm a; relu; relu; dropout; relu; gelu; relu; layer_norm n; relu; group_norm g "
    "num_groups=2; relu; avg_pool2d kernel_size=2; relu",
    "residual r {conv2d a out_channels=4 kernel_size=3 padding=1; batch_norm b; relu; "
    "conv2d c out_channels=4 kernel_size=3 padding=1; batch_norm d}; "
    "residual s {conv2d e out_channels=4 kernel_size=3 padding=1; batch_norm f}; global_avg_pool",
    "conv2d z out_channels=4 kernel_size=1; batch_norm y; relu; "
    "residual r {conv2d a out_channels=6 kernel_size=3 stride=2; batch_norm b; relu} "
    "{conv2d c out_channels=6 kernel_size=3 stride=2; batch_norm d; relu}; global_avg_pool",
    "conv2d z out_channels=4 kernel_size=1; "
    "residual r relu=0 {conv2d a out_channels=4 kernel_size=1}; "
    "residual s relu=0 {conv2d b out_channels=4 kernel_size=1; relu; batch_norm c}; "
    "residual t relu=0 {relu; conv2d d out_channels=4 kernel_size=1}; sigmoid",
    "conv2d z out_channels=4 kernel_size=1; relu; "
    "residual r {conv2d a out_channels=4 kernel_size=1} "
    "{tanh; residual s relu=0 {conv2d b out_channels=4 kernel_size=1}}; silu",
    "conv2d z out_channels=4 kernel_size=1; residual q relu=0 {batch_norm p} "
    "{residual r relu=0 {batch_norm o; relu; conv2d a out_channels=4 kernel_size=1; batch_norm n} "
    "{residual s {conv2d b out_channels=4 kernel_size=1; residual t {conv2d c out_channels=4 "
    "kernel_size=1}}}}; layer_norm m",
    "residual r {residual s {relu; conv2d a out_channels=4 kernel_size=1} {leaky_relu}} {relu}; "
    "residual t relu=0 {sequence {gelu; relu}} {dropout}; flatten; relu; linear l out_features=2",
};

struct run {
    struct net *net;
    struct tape *tape;
    float *output, *input_gradient; /* of all steps */
    size_t n_in, n_out, n;
};

static struct run run_new(const char *text, bool is_aggregating)
{
    struct run run = {.net = net_from_text(shape_image(4, 6, 6), text)};
    run.tape = (is_aggregating ? tape_new_aggregating : tape_new)(run.net, BATCH, NULL);
    struct shape in = net_shape(run.net, 0), out = net_shape(run.net, net_to(run.net));
    run.n_in = BATCH * shape_features(&in);
    run.n_out = BATCH * shape_features(&out);
    run.output = mem_zero(STEPS * run.n_out, sizeof(float));
    run.input_gradient = mem_zero(STEPS * run.n_in, sizeof(float));
    net_init_weights(run.net, 3);
    fill_normal(net_params(run.net, &run.n), run.n, 4);
    return run;
}

static void run_free(struct run *run)
{
    tape_free(run->tape);
    net_free(run->net);
    free(run->output);
    free(run->input_gradient);
}

/* Layer by layer, or all in one. Parameters move so that the second step differs. */
static void run_steps(struct run *run, bool by_layer)
{
    int end = net_to(run->net), stride = by_layer ? 1 : end;
    for (int step = 0; step < STEPS; step++) {
        tape_set_training(run->tape, true, 1, (uint64_t)step);
        fill_normal(tape_activation(run->tape, 0), run->n_in, (uint64_t)(10 + step));
        for (int i = 0; i < end; i += stride)
            net_forward(run->net, run->tape, i, i + stride, BATCH);
        memcpy(run->output + (size_t)step * run->n_out, tape_activation(run->tape, end),
               run->n_out * sizeof(float));
        fill_normal(tape_gradient(run->tape, end), run->n_out, (uint64_t)(20 + step));
        net_zero_grads(run->net);
        for (int i = end; i > 0; i -= stride)
            net_backward(run->net, run->tape, i - stride, i, BATCH, true);
        memcpy(run->input_gradient + (size_t)step * run->n_in, tape_gradient(run->tape, 0),
               run->n_in * sizeof(float));
        float *params = net_params(run->net, NULL), *grads = net_grads(run->net, NULL);
        for (size_t i = 0; i < run->n; i++)
            params[i] -= 0.01f * grads[i];
    }
}

static void assert_same(const struct run *a, const struct run *b)
{
    assert_memory_equal(a->output, b->output, STEPS * a->n_out * sizeof(float));
    assert_memory_equal(a->input_gradient, b->input_gradient, STEPS * a->n_in * sizeof(float));
    if (a->n)
        assert_memory_equal(net_params(a->net, NULL), net_params(b->net, NULL),
                            a->n * sizeof(float));
}

static void shared_memory_gives_the_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct run kept = run_new(texts[i], true), lean = run_new(texts[i], false);
        run_steps(&kept, false);
        run_steps(&lean, false);
        assert_same(&kept, &lean);
        assert_true(tape_bytes(lean.tape) < tape_bytes(kept.tape));
        run_free(&kept);
        run_free(&lean);
    }
}

/* What is fused is computed apart where a boundary lies between. */
static void layers_one_by_one_give_the_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct run whole = run_new(texts[i], false), lean = run_new(texts[i], false);
        struct run kept = run_new(texts[i], true);
        run_steps(&whole, false);
        run_steps(&lean, true);
        run_steps(&kept, true);
        assert_same(&whole, &lean);
        assert_same(&whole, &kept);
        run_free(&whole);
        run_free(&lean);
        run_free(&kept);
    }
}

/* Activations at the cut may still be on their way while the gradient comes in, and the other way round. */
static void what_is_lent_at_the_ends_is_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct run run = run_new(texts[i], false);
        int end = net_to(run.net);
        float *sent = mem_zero(run.n_out, sizeof *sent), *put = mem_zero(run.n_in, sizeof *put);
        fill_normal(put, run.n_in, 7);
        memcpy(tape_activation(run.tape, 0), put, run.n_in * sizeof *put);
        fill_normal(tape_gradient(run.tape, 0), run.n_in, 8);
        net_forward(run.net, run.tape, 0, end, BATCH);
        memcpy(sent, tape_activation(run.tape, end), run.n_out * sizeof *sent);
        fill_normal(tape_gradient(run.tape, end), run.n_out, 9);
        assert_memory_equal(tape_activation(run.tape, end), sent, run.n_out * sizeof *sent);
        net_backward(run.net, run.tape, 0, end, BATCH, true);
        assert_memory_equal(tape_activation(run.tape, end), sent, run.n_out * sizeof *sent);
        assert_memory_equal(tape_activation(run.tape, 0), put, run.n_in * sizeof *put);
        memcpy(put, tape_gradient(run.tape, 0), run.n_in * sizeof *put);
        net_forward(run.net, run.tape, 0, end, BATCH);
        assert_memory_equal(tape_gradient(run.tape, 0), put, run.n_in * sizeof *put);
        free(sent);
        free(put);
        run_free(&run);
    }
}

static size_t bytes_of(const char *text)
{
    struct net *net = net_from_text(shape_flat(1024), text);
    struct tape *tape = tape_new(net, 1, NULL);
    size_t bytes = tape_bytes(tape);
    tape_free(tape);
    net_free(net);
    return bytes;
}

static void memory_is_what_lives_at_once(void **state)
{
    (void)state;
    /* The input; all outputs in one place; their gradients and the input's in another. */
    assert_int_equal(bytes_of("relu; relu; relu; relu"), 3 * 4096);
    /* Each keeps its input; one gradient. */
    assert_int_equal(bytes_of("tanh; tanh; tanh; tanh"), (5 + 1) * 4096);
    /* x, the body's two, the sum in the second's place; the gradient of all. */
    assert_int_equal(bytes_of("residual r relu=0 {tanh; dropout}"), (3 + 2) * 4096);
}

static void blocks_that_live_together_do_not_overlap(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 5, 0);
    for (int trial = 0; trial < 200; trial++) {
        struct block blocks[40];
        size_t most = 0, n = ARRAY_LEN(blocks);
        for (size_t i = 0; i < n; i++) {
            int birth = (int)(rng_next(&rng) % 30);
            blocks[i] = (struct block){16 * (size_t)(rng_next(&rng) % 9), birth,
                                       birth + (int)(rng_next(&rng) % 10), 0};
            most += blocks[i].floats;
        }
        size_t total = block_pack(blocks, n);
        assert_true(total < most);
        for (size_t i = 0; i < n; i++) {
            assert_true(blocks[i].offset + blocks[i].floats <= total);
            for (size_t j = 0; j < i; j++) {
                const struct block *a = &blocks[i], *b = &blocks[j];
                bool apart = a->death < b->birth || b->death < a->birth ||
                             a->offset + a->floats <= b->offset ||
                             b->offset + b->floats <= a->offset;
                assert_true(apart || a->floats == 0 || b->floats == 0);
            }
        }
    }
}

static void gradients_add_up_until_they_are_zeroed(void **state)
{
    (void)state;
    struct run run = run_new(texts[0], true);
    int end = net_to(run.net);
    float *once = mem_zero(run.n, sizeof *once);
    fill_normal(tape_activation(run.tape, 0), run.n_in, 1);
    for (int pass = 0; pass < 4; pass++) {
        if (pass == 2) {
            net_zero_grads(run.net);
            for (size_t i = 0; i < run.n; i++)
                assert_true(net_grads(run.net, NULL)[i] == 0);
            net_zero_grads(run.net);
        }
        net_forward(run.net, run.tape, 0, end, BATCH);
        fill_normal(tape_gradient(run.tape, end), run.n_out, 2);
        net_backward(run.net, run.tape, 0, end, BATCH, true);
        if (pass == 0)
            memcpy(once, net_grads(run.net, NULL), run.n * sizeof *once);
        for (size_t i = 0; i < run.n; i++)
            assert_float_equal(net_grads(run.net, NULL)[i], (pass % 2 + 1) * once[i], 1e-4);
    }
    free(once);
    run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_memory_gives_the_same_bits),
        cmocka_unit_test(layers_one_by_one_give_the_same_bits),
        cmocka_unit_test(what_is_lent_at_the_ends_is_left_alone),
        cmocka_unit_test(memory_is_what_lives_at_once),
        cmocka_unit_test(blocks_that_live_together_do_not_overlap),
        cmocka_unit_test(gradients_add_up_until_they_are_zeroed),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
