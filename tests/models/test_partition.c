/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include "models/partition.h"

enum { N = 1003, CLASSES = 10 };
static uint32_t labels[N];

static const struct partition_request requests[] = {
    {.kind = "iid", .n_devices = 7, .min_samples = 100, .seed = 1},
    {.kind = "shards", .n_devices = 7, .shards_per_device = 2, .min_samples = 100, .seed = 1},
    {.kind = "dirichlet", .n_devices = 7, .alpha = 0.5, .min_samples = 5, .seed = 1},
};

static int make_labels(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < N; i++)
        labels[i] = i * 7 % CLASSES;
    return 0;
}

static struct partition made(const struct partition_request *request)
{
    struct partition partition;
    struct err err = ERR_INIT;
    if (partition_make(&partition, request, labels, N, &err))
        fail_msg("%s: %s", request->kind, err.text);
    return partition;
}

static int n_labels(const struct partition *partition, int device)
{
    bool has[CLASSES] = {0};
    int n = 0;
    for (size_t i = partition->first[device]; i < partition->first[device + 1]; i++) {
        n += !has[labels[partition->index[i]]];
        has[labels[partition->index[i]]] = true;
    }
    return n;
}

static void every_sample_goes_to_one_device(void **state)
{
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct partition partition = made(&requests[k]);
        int seen[N] = {0};
        assert_int_equal(partition.n_devices, 7);
        assert_int_equal(partition.first[0], 0);
        assert_int_equal(partition.first[7], N);
        for (size_t i = 0; i < N; i++)
            seen[partition.index[i]]++;
        for (size_t i = 0; i < N; i++)
            assert_int_equal(seen[i], 1);
        for (int d = 0; d < 7; d++)
            assert_true(partition.first[d + 1] - partition.first[d] >=
                        (size_t)requests[k].min_samples);
        partition_release(&partition);
    }
}

static void the_seed_decides(void **state)
{
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct partition_request other = requests[k];
        other.seed = 2;
        struct partition a = made(&requests[k]), b = made(&requests[k]), c = made(&other);
        assert_memory_equal(a.index, b.index, N * sizeof *a.index);
        assert_memory_equal(a.first, b.first, 8 * sizeof *a.first);
        assert_memory_not_equal(a.index, c.index, N * sizeof *a.index);
        partition_release(&a);
        partition_release(&b);
        partition_release(&c);
    }
}

static void iid_gives_every_device_all_labels_evenly(void **state)
{
    (void)state;
    struct partition partition = made(&requests[0]);
    for (int d = 0; d < 7; d++) {
        size_t n = partition.first[d + 1] - partition.first[d];
        assert_true(n == N / 7 || n == N / 7 + 1);
        assert_int_equal(n_labels(&partition, d), CLASSES);
    }
    partition_release(&partition);
}

/* A shard of 1003/14 = 72 samples meets at most 2 labels of 100 each. */
static void shards_give_few_labels_to_each(void **state)
{
    (void)state;
    struct partition partition = made(&requests[1]);
    for (int d = 0; d < 7; d++)
        assert_true(n_labels(&partition, d) <= 4);
    partition_release(&partition);
}

/* The share of its commonest label, averaged over devices. */
static double skew(double alpha)
{
    struct partition_request request = requests[2];
    request.alpha = alpha;
    request.min_samples = 1;
    struct partition partition = made(&request);
    double sum = 0;
    for (int d = 0; d < 7; d++) {
        int of_label[CLASSES] = {0}, most = 0;
        size_t n = partition.first[d + 1] - partition.first[d];
        for (size_t i = partition.first[d]; i < partition.first[d + 1]; i++) {
            int count = ++of_label[labels[partition.index[i]]];
            most = count > most ? count : most;
        }
        sum += (double)most / (double)n / 7;
    }
    partition_release(&partition);
    return sum;
}

static void dirichlet_is_skewed_when_alpha_is_small(void **state)
{
    (void)state;
    assert_true(skew(0.1) > 0.4);
    assert_true(skew(1000) < 0.15);
}

static void requests_that_cannot_be_met_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct partition_request request;
        const char *text;
    } rows[] = {
        {{.kind = "random", .n_devices = 2},
         "'random' is no kind of partition: allowed are iid, shards, dirichlet"},
        {{.kind = "iid", .n_devices = 0},
         "0 devices for 1003 samples: at least 1 device and a sample for each"},
        {{.kind = "iid", .n_devices = 1004},
         "1004 devices for 1003 samples: at least 1 device and a sample for each"},
        {{.kind = "iid", .n_devices = 10, .min_samples = 101},
         "device 3 gets 100 samples, at least 101 are wanted"},
        {{.kind = "shards", .n_devices = 10}, "shards_per_device 0: at least 1"},
        {{.kind = "shards", .n_devices = 10, .shards_per_device = 101},
         "10 devices with 101 shards each need more samples than the 1003 there are"},
        {{.kind = "dirichlet", .n_devices = 10}, "alpha 0: above 0, at most 1e6"},
        {{.kind = "dirichlet", .n_devices = 10, .alpha = 0.1, .min_samples = 100},
         "100 draws, none good; in the last: device "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct partition partition;
        struct err err = ERR_INIT;
        assert_int_equal(partition_make(&partition, &rows[i].request, labels, N, &err), -1);
        if (!strstr(err.text, rows[i].text))
            fail_msg("'%s' is not in '%s'", rows[i].text, err.text);
    }
}

/* A tiny alpha makes every gamma draw underflow to 0. */
static void dirichlet_survives_a_vanishing_alpha(void **state)
{
    (void)state;
    struct partition_request request = {.kind = "dirichlet", .n_devices = 2, .alpha = 1e-5};
    struct partition partition = made(&request);
    assert_int_equal(partition.first[2], N);
    partition_release(&partition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_goes_to_one_device),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(iid_gives_every_device_all_labels_evenly),
        cmocka_unit_test(shards_give_few_labels_to_each),
        cmocka_unit_test(dirichlet_is_skewed_when_alpha_is_small),
        cmocka_unit_test(requests_that_cannot_be_met_are_refused),
        cmocka_unit_test(dirichlet_survives_a_vanishing_alpha),
    };
    return cmocka_run_group_tests(tests, make_labels, NULL);
}
