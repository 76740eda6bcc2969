/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include <math.h>

static const double weights[] = {0.5, 0.25, 0.25};

static void columns_are_those_shared_plus_those_kept(void **state)
{
    (void)state;
    static const struct {
        int groups, batch, slots, columns;
    } rows[] = {{5, 64, 0, 320}, {5, 64, 32, 192}, {5, 64, 64, 64}, {1, 64, 13, 64}, {3, 2, 1, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slots slots = {rows[i].groups, rows[i].batch, rows[i].slots, weights};
        assert_int_equal(slots_columns(&slots), rows[i].columns);
    }
}

static void slots_become_weighted_means_and_the_rest_follows_by_group(void **state)
{
    (void)state;
    const struct slots slots = {3, 3, 1, weights};
    /* (3 groups x 3 columns, 2 features) */
    float columns[] = {4,
                       8,
                       1,
                       2,
                       3,
                       4,
                       /* group 1 */ 0,
                       4,
                       11,
                       12,
                       13,
                       14,
                       /* group 2 */ 8,
                       0,
                       21,
                       22,
                       23,
                       24};
    const float wanted[] = {4, 5, 1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24};
    slots_aggregate(&slots, columns, 2);
    assert_int_equal(slots_columns(&slots), 7);
    assert_memory_equal(columns, wanted, sizeof wanted);
}

static void all_slots_leave_one_groups_worth(void **state)
{
    (void)state;
    const struct slots slots = {2, 2, 2, (const double[]){0.75, 0.25}};
    float columns[] = {4, 8, 0, 16};
    slots_aggregate(&slots, columns, 1);
    assert_true(columns[0] == 3 && columns[1] == 10);
}

static void one_group_or_no_slot_changes_nothing(void **state)
{
    (void)state;
    float columns[60], before[60];
    fill_normal(columns, 60, 1);
    memcpy(before, columns, sizeof columns);
    slots_aggregate(&(struct slots){1, 12, 7, (const double[]){1}}, columns, 5);
    assert_memory_equal(columns, before, sizeof columns);
    slots_aggregate(&(struct slots){3, 4, 0, weights}, columns, 5);
    assert_memory_equal(columns, before, sizeof columns);
}

/*
 * For a linear layer the weight gradient of the merged column, zbar abar^T, differs from the mean of the
 * groups' own, sum_i lambda_i z_i a_i^T, by the weighted covariance of z and a over the groups.
 */
static void a_linear_layers_gradient_is_off_by_the_covariance(void **state)
{
    (void)state;
    enum { GROUPS = 3, IN = 4, OUT = 3 };
    const struct slots slots = {GROUPS, 1, 1, weights};
    float a[GROUPS * IN], z[GROUPS * OUT];
    fill_normal(a, GROUPS * IN, 1);
    fill_normal(z, GROUPS * OUT, 2);
    struct net *net = net_from_text(shape_flat(IN), "linear l out_features=3");
    struct tape *tape = tape_new_aggregating(net, GROUPS, NULL);
    memcpy(tape_activation(tape, 0), a, sizeof a);
    memcpy(tape_gradient(tape, 1), z, sizeof z);
    tape_aggregate(tape, 0, 1, &slots);
    slots_aggregate(&slots, tape_gradient(tape, 1), OUT);
    net_backward(net, tape, 0, 1, slots_columns(&slots), false);
    const float *merged = net_grads(net, NULL);
    for (int o = 0; o < OUT; o++) {
        for (int i = 0; i < IN; i++) {
            double mean = 0, zbar = 0, abar = 0, covariance = 0;
            for (int g = 0; g < GROUPS; g++) {
                mean += weights[g] * (double)z[g * OUT + o] * (double)a[g * IN + i];
                zbar += weights[g] * (double)z[g * OUT + o];
                abar += weights[g] * (double)a[g * IN + i];
            }
            for (int g = 0; g < GROUPS; g++)
                covariance +=
                    weights[g] * ((double)z[g * OUT + o] - zbar) * ((double)a[g * IN + i] - abar);
            assert_true(fabs(covariance) > 1e-3);
            assert_true(fabs(mean - (double)merged[o * IN + i] - covariance) < 1e-6);
        }
    }
    tape_free(tape);
    net_free(net);
}

/* Layers of every kind, a composite among them. */
static const char *const net_text =
    "conv2d c out_channels=4 kernel_size=3 padding=1; group_norm n num_groups=2; relu; batch_norm "
    "o;"
    "max_pool2d kernel_size=2;"
    "residual r {conv2d a out_channels=6 kernel_size=3 stride=2 padding=1; group_norm g "
    "num_groups=3; relu; conv2d b out_channels=6 kernel_size=3 padding=1} {conv2d s out_channels=6 "
    "kernel_size=1 stride=2}; avg_pool2d kernel_size=2; flatten; linear l out_features=5; relu";

enum { GROUPS = 3, BATCH = 4, SLOTS = 3, IN = 128, OUT = 5 };

/* Every group the same samples and the same output gradients. */
static struct tape *forward_alike(const struct net *net, float z[BATCH * OUT])
{
    struct tape *tape = tape_new_aggregating(net, GROUPS * BATCH, NULL);
    for (int g = 0; g < GROUPS; g++)
        fill_normal(tape_activation(tape, 0) + g * BATCH * IN, BATCH * IN, 3);
    fill_normal(z, BATCH * OUT, 4);
    net_forward(net, tape, 0, net_to(net), GROUPS * BATCH);
    return tape;
}

/* Group g's columns from slot `from` on, scaled by its weight, into gradient columns that start at `to`. */
static float *put_weighted(float *to, const float *z, int group, int from)
{
    for (int i = from * OUT; i < BATCH * OUT; i++)
        *to++ = (float)weights[group] * z[i];
    return to;
}

static void groups_with_the_same_data_give_the_full_batchs_gradient(void **state)
{
    (void)state;
    const struct slots slots = {GROUPS, BATCH, SLOTS, weights};
    struct net *net = net_from_text(shape_image(2, 8, 8), net_text);
    net_init_weights(net, 5);
    float z[BATCH * OUT];
    struct tape *tape = forward_alike(net, z);
    int end = net_to(net);
    float *gradient = tape_gradient(tape, end);
    for (int g = 0; g < GROUPS; g++)
        gradient = put_weighted(gradient, z, g, 0);
    net_backward(net, tape, 0, end, GROUPS * BATCH, false);
    size_t n;
    float *grads = net_grads(net, &n), *full = malloc(n * sizeof *full);
    memcpy(full, grads, n * sizeof *full);

    net_zero_grads(net);
    tape_aggregate(tape, 0, end, &slots);
    gradient = tape_gradient(tape, end);
    memcpy(gradient, z, SLOTS * OUT * sizeof *z); /* sum of weights: 1 */
    gradient += SLOTS * OUT;
    for (int g = 0; g < GROUPS; g++)
        gradient = put_weighted(gradient, z, g, SLOTS);
    net_backward(net, tape, 0, end, slots_columns(&slots), false);
    for (size_t i = 0; i < n; i++)
        assert_true(fabsf(full[i] - grads[i]) <= 1e-4f * (0.1f + fabsf(full[i])));
    free(full);
    tape_free(tape);
    net_free(net);
}

/* The mask of a merged column is the mean of its sources' masks; those kept have their own. */
static void dropout_masks_are_merged(void **state)
{
    (void)state;
    enum { N = 16 };
    const struct slots slots = {2, 2, 1, (const double[]){0.75, 0.25}};
    struct net *net = net_from_text(shape_flat(N), "dropout p=0.5");
    struct tape *tape = tape_new_aggregating(net, 4, NULL);
    tape_set_training(tape, true, 3, 8);
    for (int i = 0; i < 4 * N; i++)
        tape_activation(tape, 0)[i] = 1;
    net_forward(net, tape, 0, 1, 4);
    float masks[4 * N];
    memcpy(masks, tape_activation(tape, 1), sizeof masks);
    tape_aggregate(tape, 0, 1, &slots);
    for (int i = 0; i < 3 * N; i++)
        tape_gradient(tape, 1)[i] = 1;
    net_backward(net, tape, 0, 1, 3, true);
    const float *gx = tape_gradient(tape, 0);
    for (int i = 0; i < N; i++) {
        assert_true(gx[i] == 0.75f * masks[i] + 0.25f * masks[2 * N + i]);
        assert_true(gx[N + i] == masks[N + i]);
        assert_true(gx[2 * N + i] == masks[3 * N + i]);
    }
    tape_free(tape);
    net_free(net);
}

/* Backward after aggregation sees masks and statistics of the means, not of what went forward. */
static void backward_uses_the_merged_activations_throughout(void **state)
{
    (void)state;
    const struct slots slots = {2, 1, 1, (const double[]){0.5, 0.5}};
    struct net *net = net_from_text(shape_flat(2), "relu; relu");
    struct tape *tape = tape_new_aggregating(net, 2, NULL);
    memcpy(tape_activation(tape, 0), (const float[]){-1, 1, 3, -5}, 4 * sizeof(float));
    net_forward(net, tape, 0, 2, 2);
    tape_aggregate(tape, 0, 2, &slots); /* (1, -2) at the input; (1.5, 0.5) in between */
    memcpy(tape_gradient(tape, 2), (const float[]){10, 20}, 2 * sizeof(float));
    net_backward(net, tape, 0, 2, 1, true);
    assert_true(tape_gradient(tape, 0)[0] == 10);
    assert_true(tape_gradient(tape, 0)[1] == 0);
    assert_true(tape_activation(tape, 0)[0] == 1 && tape_activation(tape, 0)[1] == -2);
    tape_free(tape);
    net_free(net);
}

/* Also where the first layer's backward does not look at its input. */
static void the_input_of_the_range_is_merged_always(void **state)
{
    (void)state;
    const struct slots slots = {2, 1, 1, (const double[]){0.5, 0.5}};
    struct net *net = net_from_text(shape_image(1, 1, 2), "global_avg_pool; relu");
    struct tape *tape = tape_new_aggregating(net, 2, NULL);
    memcpy(tape_activation(tape, 0), (const float[]){1, 2, 3, 4}, 4 * sizeof(float));
    net_forward(net, tape, 0, 2, 2);
    tape_aggregate(tape, 0, 2, &slots);
    const float wanted[] = {2, 3};
    assert_memory_equal(tape_activation(tape, 0), wanted, sizeof wanted);
    tape_free(tape);
    net_free(net);
}

/* Memory seen under two shapes is merged once. */
static void what_flatten_shares_is_merged_once(void **state)
{
    (void)state;
    const struct slots slots = {2, 2, 1, (const double[]){0.5, 0.5}};
    struct net *net = net_from_text(shape_image(1, 1, 1), "relu; flatten; relu");
    struct tape *tape = tape_new_aggregating(net, 4, NULL);
    memcpy(tape_activation(tape, 0), (const float[]){1, 2, 3, 4}, 4 * sizeof(float));
    net_forward(net, tape, 0, 3, 4);
    tape_aggregate(tape, 0, 3, &slots);
    const float wanted[] = {2, 2, 4};
    assert_memory_equal(tape_activation(tape, 0), wanted, sizeof wanted);
    assert_memory_equal(tape_activation(tape, 2), wanted, sizeof wanted);
    tape_free(tape);
    net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_those_shared_plus_those_kept),
        cmocka_unit_test(slots_become_weighted_means_and_the_rest_follows_by_group),
        cmocka_unit_test(all_slots_leave_one_groups_worth),
        cmocka_unit_test(one_group_or_no_slot_changes_nothing),
        cmocka_unit_test(a_linear_layers_gradient_is_off_by_the_covariance),
        cmocka_unit_test(groups_with_the_same_data_give_the_full_batchs_gradient),
        cmocka_unit_test(dropout_masks_are_merged),
        cmocka_unit_test(backward_uses_the_merged_activations_throughout),
        cmocka_unit_test(the_input_of_the_range_is_merged_always),
        cmocka_unit_test(what_flatten_shares_is_merged_once),
    };
    net_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
