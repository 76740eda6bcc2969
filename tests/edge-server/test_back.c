/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's learning: what each framework's step does to gradients and weights. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "edge-server/back.h"
#include "edge-server/framework.h"

#define GROUPS   3
#define BATCH    6
#define FEATURES 8
#define CLASSES  4

static const double lambda[GROUPS] = {0.5, 0.3, 0.2};

static void add(struct net_spec *spec, const char *kind, const char *name, const char *key,
                double value)
{
    struct err err = ERR_INIT;
    struct layer_spec *layer = layer_list_add(&spec->layers, kind, name, &err);
    if (!layer || (key && layer_spec_set(layer, key, value, &err)))
        fail_msg("%s", err.text);
}

/* Front: one linear layer (never run here). Back: linear, [relu,] linear, [relu,] linear. */
static struct net_spec make_spec(bool has_relus)
{
    struct net_spec spec = NET_SPEC_INIT;
    strcpy(spec.name, "test");
    spec.input = shape_flat(5);
    add(&spec, "linear", "front", "out_features", FEATURES);
    add(&spec, "linear", "back1", "out_features", 7);
    if (has_relus)
        add(&spec, "relu", "", NULL, 0);
    add(&spec, "linear", "back2", "out_features", 6);
    if (has_relus)
        add(&spec, "relu", "", NULL, 0);
    add(&spec, "linear", "last", "out_features", CLASSES);
    return spec;
}

struct data {
    float activations[GROUPS][BATCH * FEATURES];
    uint32_t labels[GROUPS][BATCH];
};

static struct data make_data(uint64_t seed, bool is_identical)
{
    struct data data;
    struct rng rng;
    rng_seed(&rng, seed, 0);
    for (int i = 0; i < GROUPS; i++) {
        for (int k = 0; k < BATCH * FEATURES; k++)
            data.activations[i][k] = (float)rng_normal(&rng);
        for (int j = 0; j < BATCH; j++)
            data.labels[i][j] = (uint32_t)rng_below(&rng, CLASSES);
    }
    for (int i = 1; is_identical && i < GROUPS; i++) {
        memcpy(data.activations[i], data.activations[0], sizeof data.activations[0]);
        memcpy(data.labels[i], data.labels[0], sizeof data.labels[0]);
    }
    return data;
}

static struct back *make_back_of(const struct net_spec *spec, int cut)
{
    struct err err = ERR_INIT;
    struct back_options options = {.cut = cut,
                                   .max_groups = GROUPS,
                                   .batch = BATCH,
                                   .aggregates = true,
                                   .seed = 3,
                                   .loss = loss_find("cross-entropy")};
    assert_int_equal(optimizer_init(&options.optimizer, "sgd", &err), 0);
    options.optimizer.learning_rate = 0.1;
    options.optimizer.momentum = 0.9;
    options.optimizer.weight_decay = 1e-3;
    struct back *back = back_new(spec, &options, &err);
    if (!back)
        fail_msg("%s", err.text);
    return back;
}

static struct back *make_back(bool has_relus)
{
    struct net_spec spec = make_spec(has_relus);
    struct back *back = make_back_of(&spec, 1);
    net_spec_release(&spec);
    return back;
}

static void put(struct back *back, const struct data *data, int n_groups)
{
    for (int i = 0; i < n_groups; i++)
        back_put(back, i, data->activations[i], data->labels[i]);
}

static void step(struct back *back, const struct framework *framework, const struct data *data,
                 int n_groups, const double *weights, enum aggregation aggregation, int n_slots)
{
    put(back, data, n_groups);
    back_forward(back, n_groups, weights);
    framework->learn(back, aggregation, n_slots);
}

static float *copy_weights(struct back *back, size_t *n)
{
    const float *weights = back_weights(back, n);
    return mem_copy(weights, *n * sizeof *weights);
}

static void assert_same_weights(struct back *a, struct back *b)
{
    size_t n, m;
    const float *a_weights = back_weights(a, &n), *b_weights = back_weights(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a_weights, b_weights, n * sizeof *a_weights);
}

static void assert_near(const float *a, const float *b, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        if (fabs((double)a[i] - (double)b[i]) > tolerance)
            fail_msg("element %zu: %.9g and %.9g", i, (double)a[i], (double)b[i]);
}

static void epsl_without_shared_slots_is_psl_bit_for_bit(void **state)
{
    (void)state;
    struct back *epsl = make_back(true), *psl = make_back(true);
    for (uint64_t round = 0; round < 5; round++) {
        struct data data = make_data(round, false);
        step(epsl, &framework_epsl, &data, GROUPS, lambda, AGGREGATE_CACHED_MEANS, 0);
        step(psl, &framework_psl, &data, GROUPS, lambda, AGGREGATE_CACHED_MEANS, 0);
        assert_same_weights(epsl, psl);
        for (int i = 0; i < GROUPS; i++)
            assert_memory_equal(back_own_gradient(epsl, i), back_own_gradient(psl, i),
                                BATCH * FEATURES * sizeof(float));
    }
    back_free(epsl);
    back_free(psl);
}

static void a_single_device_learns_as_in_sl_bit_for_bit(void **state)
{
    (void)state;
    static const double one[] = {1};
    for (int aggregation = 0; aggregation <= AGGREGATE_BROADCAST_GRADIENT; aggregation++)
        for (int n_slots = 0; n_slots <= BATCH; n_slots += 3) {
            struct back *epsl = make_back(true), *sl = make_back(true);
            for (uint64_t round = 0; round < 5; round++) {
                struct data data = make_data(round, false);
                step(epsl, &framework_epsl, &data, 1, one, (enum aggregation)aggregation, n_slots);
                step(sl, &framework_sl, &data, 1, one, AGGREGATE_CACHED_MEANS, 0);
                assert_same_weights(epsl, sl);
            }
            back_free(epsl);
            back_free(sl);
        }
}

static void identical_devices_give_psls_gradients_for_any_ratio_and_aggregation(void **state)
{
    (void)state;
    struct data data = make_data(1, true);
    struct back *psl = make_back(true);
    step(psl, &framework_psl, &data, GROUPS, lambda, AGGREGATE_CACHED_MEANS, 0);
    size_t n;
    const float *want = back_weights(psl, &n);
    for (int aggregation = 0; aggregation <= AGGREGATE_BROADCAST_GRADIENT; aggregation++)
        for (int n_slots = 1; n_slots <= BATCH; n_slots++) {
            struct back *epsl = make_back(true);
            step(epsl, &framework_epsl, &data, GROUPS, lambda, (enum aggregation)aggregation,
                 n_slots);
            assert_near(back_weights(epsl, &n), want, n, 1e-6);
            assert_near(back_shared_gradient(epsl), back_own_gradient(psl, 0),
                        (size_t)n_slots * FEATURES, 1e-6);
            if (n_slots < BATCH)
                assert_near(back_own_gradient(epsl, 2),
                            back_own_gradient(psl, 2) + n_slots * FEATURES,
                            (size_t)(BATCH - n_slots) * FEATURES, 1e-6);
            back_free(epsl);
        }
    back_free(psl);
}

/* Without ReLUs the layers are linear, so it does not matter where they are differentiated. */
static void
in_a_linear_network_the_cut_gradient_is_the_weighted_mean_of_the_devices_own(void **state)
{
    (void)state;
    const int n_slots = 4;
    struct data data = make_data(2, false);
    struct back *psl = make_back(false);
    step(psl, &framework_psl, &data, GROUPS, lambda, AGGREGATE_CACHED_MEANS, 0);
    float want[BATCH * FEATURES];
    for (int k = 0; k < n_slots * FEATURES; k++) {
        double sum = 0;
        for (int i = 0; i < GROUPS; i++)
            sum += lambda[i] * (double)back_own_gradient(psl, i)[k];
        want[k] = (float)sum;
    }
    for (int aggregation = 0; aggregation <= AGGREGATE_BROADCAST_GRADIENT; aggregation++) {
        struct back *epsl = make_back(false);
        step(epsl, &framework_epsl, &data, GROUPS, lambda, (enum aggregation)aggregation, n_slots);
        assert_near(back_shared_gradient(epsl), want, n_slots * FEATURES, 1e-6);
        back_free(epsl);
    }
    back_free(psl);
}

/* Options A and B differ at the ReLUs; C does not merge before the cut. */
static void the_three_aggregations_differ_where_layers_bend(void **state)
{
    (void)state;
    struct data data = make_data(4, false);
    float *weights[3];
    size_t n = 0;
    for (int aggregation = 0; aggregation < 3; aggregation++) {
        struct back *epsl = make_back(true);
        step(epsl, &framework_epsl, &data, GROUPS, lambda, (enum aggregation)aggregation, BATCH);
        weights[aggregation] = copy_weights(epsl, &n);
        back_free(epsl);
    }
    assert_memory_not_equal(weights[0], weights[1], n * sizeof(float));
    assert_memory_not_equal(weights[0], weights[2], n * sizeof(float));
    assert_memory_not_equal(weights[1], weights[2], n * sizeof(float));
    for (int aggregation = 0; aggregation < 3; aggregation++)
        free(weights[aggregation]);
}

/* The last layer runs backward for all C b columns: its weights move as in PSL whatever phi is. */
static void the_last_layers_own_gradient_is_exact(void **state)
{
    (void)state;
    const size_t last = CLASSES * 6 + CLASSES;
    struct data data = make_data(5, false);
    struct back *psl = make_back(true);
    step(psl, &framework_psl, &data, GROUPS, lambda, AGGREGATE_CACHED_MEANS, 0);
    for (int aggregation = 0; aggregation < 3; aggregation++) {
        struct back *epsl = make_back(true);
        step(epsl, &framework_epsl, &data, GROUPS, lambda, (enum aggregation)aggregation, BATCH);
        size_t n, m;
        const float *want = back_weights(psl, &n), *got = back_weights(epsl, &m);
        assert_memory_equal(got + n - last, want + n - last, last * sizeof *got);
        assert_memory_not_equal(got, want, (n - last) * sizeof *got);
        back_free(epsl);
    }
    back_free(psl);
}

/* A device's own slots: the gradient of its own mean loss, whatever its weight is. */
static void a_devices_own_gradient_is_not_scaled_by_its_weight(void **state)
{
    (void)state;
    static const double one[] = {1};
    struct data data = make_data(6, false);
    struct back *all = make_back(true), *alone = make_back(true);
    step(all, &framework_psl, &data, GROUPS, lambda, AGGREGATE_CACHED_MEANS, 0);
    memcpy(data.activations[0], data.activations[2], sizeof data.activations[0]);
    memcpy(data.labels[0], data.labels[2], sizeof data.labels[0]);
    step(alone, &framework_sl, &data, 1, one, AGGREGATE_CACHED_MEANS, 0);
    assert_near(back_own_gradient(all, 2), back_own_gradient(alone, 0), BATCH * FEATURES, 1e-7);
    back_free(all);
    back_free(alone);
}

static void columns_below_the_last_layer_are_counted(void **state)
{
    (void)state;
    static const struct {
        enum aggregation aggregation;
        int n_slots, columns;
    } cases[] = {
        {AGGREGATE_CACHED_MEANS, 0, GROUPS * BATCH},
        {AGGREGATE_CACHED_MEANS, 2, 2 + GROUPS * (BATCH - 2)},
        {AGGREGATE_CACHED_MEANS, BATCH, BATCH},
        {AGGREGATE_MEAN_ACTIVATIONS, BATCH, BATCH},
        {AGGREGATE_BROADCAST_GRADIENT, 2, GROUPS * BATCH},
    };
    struct back *back = make_back(true);
    struct data data = make_data(7, false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        step(back, &framework_epsl, &data, GROUPS, lambda, cases[i].aggregation, cases[i].n_slots);
        assert_int_equal(back_columns_below_last(back), cases[i].columns);
        assert_true((back_shared_gradient(back) != NULL) == (cases[i].n_slots > 0));
        assert_true((back_own_gradient(back, 1) != NULL) == (cases[i].n_slots < BATCH));
    }
    back_free(back);
}

/* Only the last layer on the server: aggregation begins at the cut itself. */
static void a_cut_before_the_last_layer_works_with_every_aggregation(void **state)
{
    (void)state;
    struct net_spec spec = NET_SPEC_INIT;
    strcpy(spec.name, "test");
    spec.input = shape_flat(5);
    add(&spec, "linear", "front", "out_features", FEATURES);
    add(&spec, "linear", "last", "out_features", CLASSES);
    struct data data = make_data(8, true);
    struct back *psl = make_back_of(&spec, 1);
    step(psl, &framework_psl, &data, GROUPS, lambda, AGGREGATE_CACHED_MEANS, 0);
    for (int aggregation = 0; aggregation < 3; aggregation++) {
        struct back *epsl = make_back_of(&spec, 1);
        step(epsl, &framework_epsl, &data, GROUPS, lambda, (enum aggregation)aggregation, 4);
        assert_same_weights(epsl, psl);
        assert_near(back_shared_gradient(epsl), back_own_gradient(psl, 0), 4 * FEATURES, 1e-6);
        back_free(epsl);
    }
    back_free(psl);
    net_spec_release(&spec);
}

static void every_framework_has_a_row_and_a_name(void **state)
{
    (void)state;
    const char *const *names = framework_names();
    int n = 0;
    for (; names[n]; n++)
        assert_string_equal(framework_find(names[n])->name, names[n]);
    assert_int_equal(n, 3);
    assert_null(framework_find("magic"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epsl_without_shared_slots_is_psl_bit_for_bit),
        cmocka_unit_test(a_single_device_learns_as_in_sl_bit_for_bit),
        cmocka_unit_test(identical_devices_give_psls_gradients_for_any_ratio_and_aggregation),
        cmocka_unit_test(
            in_a_linear_network_the_cut_gradient_is_the_weighted_mean_of_the_devices_own),
        cmocka_unit_test(the_three_aggregations_differ_where_layers_bend),
        cmocka_unit_test(the_last_layers_own_gradient_is_exact),
        cmocka_unit_test(a_devices_own_gradient_is_not_scaled_by_its_weight),
        cmocka_unit_test(columns_below_the_last_layer_are_counted),
        cmocka_unit_test(a_cut_before_the_last_layer_works_with_every_aggregation),
        cmocka_unit_test(every_framework_has_a_row_and_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
