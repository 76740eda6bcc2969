/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/parallel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { PARTS = 1000 };

struct record {
    int n_calls[PARTS], thread[PARTS];
};

static void note(void *context, int i, int thread)
{
    struct record *record = context;
    record->n_calls[i]++;
    record->thread[i] = thread;
}

static void each_part_runs_once_on_its_thread(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 7, 2, 1};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        parallel_set_threads(threads[t]);
        assert_int_equal(parallel_threads(), threads[t]);
        for (int n = 0; n <= PARTS; n = n * 3 + 1) {
            struct record record = {0};
            parallel_for(n, note, &record);
            for (int i = 0; i < n; i++) {
                assert_int_equal(record.n_calls[i], 1);
                assert_int_equal(record.thread[i], i % threads[t]);
            }
            if (n < PARTS)
                assert_int_equal(record.n_calls[n], 0);
        }
    }
}

static void more_threads_than_the_limit_are_the_limit(void **state)
{
    (void)state;
    parallel_set_threads(PARALLEL_MAX_THREADS + 1);
    assert_int_equal(parallel_threads(), PARALLEL_MAX_THREADS);
    parallel_set_threads(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_runs_once_on_its_thread),
        cmocka_unit_test(more_threads_than_the_limit_are_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
