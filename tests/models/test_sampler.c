/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/models/spec_from_text.h"

#include "models/partition.h"

enum { N = 10, EPOCHS = 4 };
static const uint32_t own[N] = {3, 5, 8, 13, 21, 34, 55, 89, 144, 233};

static void draw_epochs(uint32_t drawn[EPOCHS * N], uint64_t seed, uint64_t stream)
{
    struct sampler sampler;
    sampler_init(&sampler, own, N, seed, stream);
    for (int i = 0; i < EPOCHS * N; i += 4)
        sampler_draw(&sampler, drawn + i, 4);
    sampler_release(&sampler);
}

static void each_epoch_visits_each_sample_once(void **state)
{
    (void)state;
    uint32_t drawn[EPOCHS * N];
    draw_epochs(drawn, 1, 2);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        for (int k = 0; k < N; k++) {
            int seen = 0;
            for (int i = 0; i < N; i++)
                seen += drawn[epoch * N + i] == own[k];
            assert_int_equal(seen, 1);
        }
    }
    assert_memory_not_equal(drawn, drawn + N, N * sizeof *drawn);
}

static void seed_and_stream_decide_the_order(void **state)
{
    (void)state;
    uint32_t a[EPOCHS * N], b[EPOCHS * N];
    draw_epochs(a, 1, 2);
    draw_epochs(b, 1, 2);
    assert_memory_equal(a, b, sizeof a);
    draw_epochs(b, 1, 3);
    assert_memory_not_equal(a, b, sizeof a);
    draw_epochs(b, 2, 2);
    assert_memory_not_equal(a, b, sizeof a);
}

static void a_batch_may_be_larger_than_an_epoch(void **state)
{
    (void)state;
    struct sampler sampler;
    uint32_t drawn[7];
    sampler_init(&sampler, own, 2, 1, 1);
    sampler_draw(&sampler, drawn, 7);
    int of_first = 0;
    for (int i = 0; i < 7; i++)
        of_first += drawn[i] == own[0];
    assert_in_range(of_first, 3, 4);
    sampler_release(&sampler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_epoch_visits_each_sample_once),
        cmocka_unit_test(seed_and_stream_decide_the_order),
        cmocka_unit_test(a_batch_may_be_larger_than_an_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
