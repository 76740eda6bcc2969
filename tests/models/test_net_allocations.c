/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Forward, backward, aggregation and the optimiser ask for no memory. */
#include "tests/models/count_allocations.h"
#include "tests/models/spec_from_text.h"

#include "models/loss.h"
#include "models/optimizer.h"

enum { GROUPS = 2, BATCH = 2, CLASSES = 10 };

static void train_step(struct net *net, struct tape *tape, const struct optimizer *optimizer,
                       float *velocity)
{
    static const uint32_t labels[GROUPS * BATCH] = {1, 2, 3, 4};
    static const double weights[GROUPS] = {0.5, 0.5};
    const struct slots slots = {GROUPS, BATCH, 1, weights};
    int end = net_to(net);
    size_t n;
    float *params = net_params(net, &n);
    net_zero_grads(net);
    net_forward(net, tape, 0, end, GROUPS * BATCH);
    loss_softmax_cross_entropy(tape_activation(tape, end), labels, GROUPS * BATCH, CLASSES,
                               tape_gradient(tape, end));
    net_backward(net, tape, end - 1, end, GROUPS * BATCH, true);
    struct shape shape = net_shape(net, end - 1);
    slots_aggregate(&slots, tape_gradient(tape, end - 1), shape_features(&shape));
    tape_aggregate(tape, 0, end - 1, &slots);
    net_backward(net, tape, 0, end - 1, slots_columns(&slots), false);
    optimizer_step(optimizer, params, net_grads(net, NULL), velocity, n, 1);
}

static void a_training_step_allocates_nothing(void **state)
{
    (void)state;
    struct net_spec spec = spec_resnet18(shape_image(1, 16, 16), IMAGENET_STEM, CLASSES);
    struct net *net = net_new(&spec, 0, -1, NULL);
    struct tape *tape = tape_new_aggregating(net, GROUPS * BATCH, NULL);
    size_t n;
    net_params(net, &n);
    struct optimizer sgd;
    assert_int_equal(optimizer_init(&sgd, "sgd", NULL), 0);
    sgd.momentum = 0.9;
    float *velocity = calloc(n, sizeof *velocity);
    net_init_weights(net, 1);
    fill_normal(tape_activation(tape, 0), GROUPS * BATCH * 256, 1);
    is_counting = true;
    train_step(net, tape, &sgd, velocity);
    is_counting = false;
    assert_int_equal(n_allocations, 0);
    free(velocity);
    tape_free(tape);
    net_free(net);
    net_spec_release(&spec);
}

static void what_the_library_allocates_is_counted(void **state)
{
    (void)state;
#ifdef SANITIZED
    skip();
#endif
    n_allocations = 0;
    is_counting = true;
    struct net *net = net_from_text(shape_flat(1), "relu");
    is_counting = false;
    assert_true(n_allocations > 0);
    n_allocations = 0;
    net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_library_allocates_is_counted),
        cmocka_unit_test(a_training_step_allocates_nothing),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
