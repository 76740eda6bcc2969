/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "link/shaper.h"

static int cookies[1000];

static void a_message_takes_bits_over_rate(void **state)
{
    struct shaper *shaper = shaper_new(1e6);

    (void)state;
    shaper_push(shaper, 100, 500, &cookies[0]); /* 500 us */
    assert_int_equal(shaper_next_us(shaper), 600);
    assert_null(shaper_pop(shaper, 599));
    assert_ptr_equal(shaper_pop(shaper, 600), &cookies[0]);
    assert_int_equal(shaper_next_us(shaper), INT64_MAX);
    assert_null(shaper_pop(shaper, INT64_MAX));
    shaper_free(shaper);
}

static void messages_queue_behind_one_another_in_order(void **state)
{
    struct shaper *shaper = shaper_new(1e6);

    (void)state;
    shaper_push(shaper, 0, 100, &cookies[0]);
    shaper_push(shaper, 10, 100, &cookies[1]);
    shaper_push(shaper, 500, 100, &cookies[2]); /* the link was idle from 200 */
    assert_ptr_equal(shaper_pop(shaper, 1000), &cookies[0]);
    assert_int_equal(shaper_next_us(shaper), 200);
    assert_ptr_equal(shaper_pop(shaper, 1000), &cookies[1]);
    assert_int_equal(shaper_next_us(shaper), 600);
    assert_ptr_equal(shaper_pop(shaper, 1000), &cookies[2]);
    assert_null(shaper_pop(shaper, 1000));
    shaper_free(shaper);
}

static void fractions_of_a_microsecond_are_carried(void **state)
{
    struct shaper *shaper = shaper_new(3e6);
    int64_t century_us = INT64_C(3155760000000000);

    (void)state;
    for (int i = 0; i < 900; i++)
        shaper_push(shaper, century_us, 1, &cookies[i]); /* a third of a microsecond each */
    assert_int_equal(shaper_next_us(shaper), century_us + 1);
    assert_int_equal(shaper_free_us(shaper), century_us + 300);
    shaper_free(shaper);
}

static void a_block_holds_the_link(void **state)
{
    struct shaper *shaper = shaper_new(1e6);

    (void)state;
    shaper_block(shaper, 1000);
    shaper_push(shaper, 0, 100, &cookies[0]);
    assert_int_equal(shaper_next_us(shaper), 1100);
    shaper_block(shaper, 500); /* already taken for longer */
    assert_int_equal(shaper_free_us(shaper), 1100);
    shaper_free(shaper);
}

static void an_infinite_rate_waits_for_nothing_but_blocks(void **state)
{
    struct shaper *shaper = shaper_new(HUGE_VAL);

    (void)state;
    shaper_push(shaper, 42, 1e300, &cookies[0]);
    assert_int_equal(shaper_next_us(shaper), 42);
    assert_ptr_equal(shaper_pop(shaper, 42), &cookies[0]);
    shaper_block(shaper, 100);
    shaper_push(shaper, 50, 8, &cookies[1]);
    assert_int_equal(shaper_next_us(shaper), 100);
    shaper_free(shaper);
}

static void a_new_rate_is_for_later_messages(void **state)
{
    struct shaper *shaper = shaper_new(1e6);

    (void)state;
    shaper_push(shaper, 0, 100, &cookies[0]);
    shaper_set_rate(shaper, 2e6);
    assert_int_equal(shaper_next_us(shaper), 100);
    shaper_push(shaper, 0, 100, &cookies[1]);
    assert_int_equal(shaper_free_us(shaper), 150);
    shaper_free(shaper);
}

static void a_new_link_is_free_at_any_time_of_the_clock(void **state)
{
    struct shaper *shaper = shaper_new(1e6);

    (void)state;
    assert_true(shaper_free_us(shaper) < -1000000);
    shaper_push(shaper, -500, 100, &cookies[0]);
    assert_int_equal(shaper_next_us(shaper), -400);
    shaper_free(shaper);
}

static void ages_of_transmission_do_not_overflow(void **state)
{
    struct shaper *shaper = shaper_new(1e-300);

    (void)state;
    shaper_push(shaper, 0, 1e300, &cookies[0]);
    shaper_push(shaper, 0, 1e300, &cookies[1]);
    assert_true(shaper_next_us(shaper) > INT64_MAX / 4);
    assert_null(shaper_pop(shaper, INT64_C(1) << 60));
    shaper_free(shaper);
}

/* Random pushes, blocks and pops: what came out is what went in, in order, and never early. */
static void a_random_schedule_conserves_bits_and_never_beats_the_rate(void **state)
{
    enum { MESSAGES = 1000 };
    struct rng rng;
    struct shaper *shaper = shaper_new(7.3e6);
    double in_bits = 0, sent[MESSAGES];
    int64_t now_us = 0, first_us = 5;
    int n_pushed = 0, n_popped = 0;

    (void)state;
    rng_seed(&rng, 3, 0);
    while (n_popped < MESSAGES) {
        void *cookie;
        now_us += 1 + (int64_t)rng_below(&rng, 200);
        if (n_pushed < MESSAGES && rng_below(&rng, 2)) {
            if (n_pushed == 0)
                first_us = now_us;
            sent[n_pushed] = rng_uniform_in(&rng, 0, 2000);
            in_bits += sent[n_pushed];
            shaper_push(shaper, now_us, sent[n_pushed], &cookies[n_pushed]);
            n_pushed++;
        }
        if (rng_below(&rng, 50) == 0)
            shaper_block(shaper, now_us + 100);
        while ((cookie = shaper_pop(shaper, now_us))) {
            assert_ptr_equal(cookie, &cookies[n_popped]);
            n_popped++;
            assert_true(shaper_delivered_bits(shaper) <=
                        7.3e6 * (double)(now_us - first_us) * 1e-6 * (1 + 1e-12));
        }
    }
    assert_true(fabs(shaper_delivered_bits(shaper) - in_bits) <= 1e-9 * in_bits);
    assert_int_equal(shaper_next_us(shaper), INT64_MAX);
    shaper_free(shaper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_takes_bits_over_rate),
        cmocka_unit_test(messages_queue_behind_one_another_in_order),
        cmocka_unit_test(fractions_of_a_microsecond_are_carried),
        cmocka_unit_test(a_block_holds_the_link),
        cmocka_unit_test(an_infinite_rate_waits_for_nothing_but_blocks),
        cmocka_unit_test(a_new_rate_is_for_later_messages),
        cmocka_unit_test(a_new_link_is_free_at_any_time_of_the_clock),
        cmocka_unit_test(ages_of_transmission_do_not_overflow),
        cmocka_unit_test(a_random_schedule_conserves_bits_and_never_beats_the_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
