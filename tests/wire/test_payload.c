/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/payload.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void count(void *arg)
{
    ++*(int *)arg;
}

static void own_memory_is_aligned_to_64_bytes(void **state)
{
    (void)state;
    for (size_t n = 0; n < 200; n += 13) {
        struct payload *payload = payload_new(n);
        assert_int_equal((uintptr_t)payload_memory(payload) % 64, 0);
        assert_ptr_equal(payload_data(payload), payload_memory(payload));
        assert_int_equal(payload_bytes(payload), n);
        memset(payload_memory(payload), 0xff, n);
        payload_drop(payload);
    }
}

static void a_shared_payload_stays_until_the_last_drop(void **state)
{
    (void)state;
    int n_released = 0;
    const char bytes[] = "abcd";
    struct payload *payload = payload_lend(bytes, 4, count, &n_released);
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(payload_share(payload), payload);
    for (int i = 0; i < 5; i++) {
        payload_drop(payload);
        assert_int_equal(n_released, 0);
    }
    assert_ptr_equal(payload_data(payload), bytes);
    payload_drop(payload);
    assert_int_equal(n_released, 1);
}

static void lent_memory_without_release_is_left_alone(void **state)
{
    (void)state;
    const char bytes[] = "abcd";
    payload_drop(payload_lend(bytes, 4, NULL, NULL));
    assert_string_equal(bytes, "abcd");
    payload_drop(NULL);
}

static void zeros_are_zero_and_take_no_memory(void **state)
{
    (void)state;
    struct payload *huge[64];
    for (int i = 0; i < 64; i++) { /* 64 GiB in all */
        huge[i] = payload_zeros(PAYLOAD_MAX_BYTES);
        const char *bytes = payload_data(huge[i]);
        assert_int_equal(payload_bytes(huge[i]), PAYLOAD_MAX_BYTES);
        assert_true(bytes[0] == 0 && bytes[PAYLOAD_MAX_BYTES - 1] == 0);
    }
    for (int i = 0; i < 64; i++)
        payload_drop(huge[i]);
    struct payload *none = payload_zeros(0);
    assert_int_equal(payload_bytes(none), 0);
    payload_drop(none);
}

static void a_slice_keeps_the_whole_until_it_is_dropped(void **state)
{
    (void)state;
    int n_released = 0;
    const char bytes[] = "abcdefgh";
    struct payload *payload = payload_lend(bytes, 8, count, &n_released);
    struct payload *slice = payload_slice(payload, 3, 4), *empty = payload_slice(payload, 8, 0);
    payload_drop(payload);
    assert_ptr_equal(payload_data(slice), bytes + 3);
    assert_int_equal(payload_bytes(slice), 4);
    assert_int_equal(payload_bytes(empty), 0);
    payload_drop(slice);
    assert_int_equal(n_released, 0);
    payload_drop(empty);
    assert_int_equal(n_released, 1);
}

static void *drop_many(void *arg)
{
    struct payload **payloads = arg;
    for (int i = 0; i < 1000; i++)
        payload_drop(payloads[i]);
    return NULL;
}

static void threads_may_drop_references_of_the_same_payloads(void **state)
{
    (void)state;
    static struct payload *payloads[1000];
    int n_released[1000] = {0};
    pthread_t threads[3];
    for (int i = 0; i < 1000; i++) {
        payloads[i] = payload_lend("abcd", 4, count, &n_released[i]);
        payload_share(payload_share(payloads[i]));
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, drop_many, payloads), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(n_released[i], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_memory_is_aligned_to_64_bytes),
        cmocka_unit_test(a_shared_payload_stays_until_the_last_drop),
        cmocka_unit_test(lent_memory_without_release_is_left_alone),
        cmocka_unit_test(zeros_are_zero_and_take_no_memory),
        cmocka_unit_test(a_slice_keeps_the_whole_until_it_is_dropped),
        cmocka_unit_test(threads_may_drop_references_of_the_same_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
