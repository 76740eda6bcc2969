/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "link/shaper.h"
#include "tests/link/near.h"

static int cookies[1000];

static void a_message_takes_bits_over_rate(void **state)
{
    struct shaper *shaper = shaper_new(1e6);

    (void)state;
    shaper_push(shaper, 100, 500, &cookies[0]); /* 500 us */
    assert_near_us(shaper_next_us(shaper), 600);
    assert_null(shaper_pop(shaper, 599));
    assert_ptr_equal(shaper_pop(shaper, 600), &cookies[0]);
    assert_true(isinf(shaper_next_us(shaper)));
    assert_null(shaper_pop(shaper, HUGE_VAL));
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
    assert_near_us(shaper_next_us(shaper), 200);
    assert_ptr_equal(shaper_pop(shaper, 1000), &cookies[1]);
    assert_near_us(shaper_next_us(shaper), 600);
    assert_ptr_equal(shaper_pop(shaper, 1000), &cookies[2]);
    assert_null(shaper_pop(shaper, 1000));
    shaper_free(shaper);
}

static void fractions_of_a_microsecond_are_carried(void **state)
{
    struct shaper *shaper = shaper_new(3e6);
    double year_us = 31557600e6;

    (void)state;
    for (int i = 0; i < 900; i++)
        shaper_push(shaper, year_us, 1, &cookies[i]); /* a third of a microsecond each */
    assert_true(fabs(shaper_next_us(shaper) - year_us - 1. / 3) < 0.01);
    assert_true(fabs(shaper_free_us(shaper) - year_us - 300) < 300 * 0.01);
    shaper_free(shaper);
}

static void a_shifted_clock_moves_every_stamp(void **state)
{
    struct shaper *shaper = shaper_new(1e6);

    (void)state;
    shaper_shift_clock(shaper, 5); /* idle since ever stays so */
    shaper_push(shaper, 1000, 100, &cookies[0]);
    shaper_push(shaper, 1000, 100, &cookies[1]);
    shaper_shift_clock(shaper, -1000);
    assert_near_us(shaper_next_us(shaper), 100);
    assert_ptr_equal(shaper_pop(shaper, 101), &cookies[0]);
    assert_near_us(shaper_free_us(shaper), 200);
    assert_near_us(shaper_step_us(shaper, 5), 140);
    shaper_push(shaper, 0, 100, &cookies[2]);
    assert_ptr_equal(shaper_pop(shaper, 201), &cookies[1]);
    assert_near_us(shaper_next_us(shaper), 300);
    shaper_free(shaper);
}

static void a_block_holds_the_link(void **state)
{
    struct shaper *shaper = shaper_new(1e6);

    (void)state;
    shaper_block(shaper, 1000);
    shaper_push(shaper, 0, 100, &cookies[0]);
    assert_near_us(shaper_next_us(shaper), 1100);
    shaper_block(shaper, 500); /* already taken for longer */
    assert_near_us(shaper_free_us(shaper), 1100);
    shaper_free(shaper);
}

static void an_infinite_rate_waits_for_nothing_but_blocks(void **state)
{
    struct shaper *shaper = shaper_new(HUGE_VAL);

    (void)state;
    shaper_push(shaper, 42, 1e300, &cookies[0]);
    assert_near_us(shaper_next_us(shaper), 42);
    assert_ptr_equal(shaper_pop(shaper, 42), &cookies[0]);
    shaper_block(shaper, 100);
    shaper_push(shaper, 50, 8, &cookies[1]);
    assert_near_us(shaper_next_us(shaper), 100);
    shaper_free(shaper);
}

static void a_new_rate_is_for_later_messages(void **state)
{
    struct shaper *shaper = shaper_new(1e6);

    (void)state;
    shaper_push(shaper, 0, 100, &cookies[0]);
    shaper_set_rate(shaper, 2e6);
    assert_near_us(shaper_next_us(shaper), 100);
    shaper_push(shaper, 0, 100, &cookies[1]);
    assert_near_us(shaper_free_us(shaper), 150);
    shaper_free(shaper);
}

static void a_new_link_is_free_at_any_time_of_the_clock(void **state)
{
    struct shaper *shaper = shaper_new(1e6);

    (void)state;
    assert_true(shaper_free_us(shaper) < -1000000);
    shaper_push(shaper, -500, 100, &cookies[0]);
    assert_near_us(shaper_next_us(shaper), -400);
    shaper_free(shaper);
}

static void ages_of_transmission_do_not_overflow(void **state)
{
    struct shaper *shaper = shaper_new(1e-300);

    (void)state;
    shaper_push(shaper, 0, 1e300, &cookies[0]);
    shaper_push(shaper, 0, 1e300, &cookies[1]);
    assert_true(shaper_next_us(shaper) > 1e300);
    assert_null(shaper_pop(shaper, 1e30));
    shaper_free(shaper);
}

/* Random pushes, blocks and pops: what came out is what went in, in order, and never early. */
static void a_random_schedule_conserves_bits_and_never_beats_the_rate(void **state)
{
    enum { MESSAGES = 1000 };
    struct rng rng;
    struct shaper *shaper = shaper_new(7.3e6);
    double in_bits = 0, sent[MESSAGES];
    double now_us = 0, first_us = 5;
    int n_pushed = 0, n_popped = 0;

    (void)state;
    rng_seed(&rng, 3, 0);
    while (n_popped < MESSAGES) {
        void *cookie;
        now_us += 1 + (double)rng_below(&rng, 200);
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
                        7.3e6 * (now_us - first_us) * 1e-6 * (1 + 1e-12));
        }
    }
    assert_true(fabs(shaper_delivered_bits(shaper) - in_bits) <= 1e-9 * in_bits);
    assert_true(isinf(shaper_next_us(shaper)));
    shaper_free(shaper);
}

/*
 * A sender on a virtual clock that is woken up to late_us after it wanted: what of a message goes
 * when. Bytes are in order and whole, none is early, and the last one comes when bits / rate says,
 * as late as it was woken.
 */
static void send_in_steps(double rate_bps, uint64_t n_bytes, uint64_t late_us, struct rng *rng)
{
    struct shaper *shaper = shaper_new(rate_bps);
    struct shaper_piece piece = {.is_last = false};
    double start_us = 777, now_us = start_us;

    shaper_push(shaper, start_us, 8.0 * (double)n_bytes, &cookies[0]);
    uint64_t step = shaper_step_bytes(shaper, 1000), sent = 0;
    double end_us = shaper_next_us(shaper);
    while (!piece.is_last) {
        double wanted_us = shaper_step_us(shaper, step);
        assert_true(wanted_us > now_us);
        assert_false(shaper_take(shaper, nextafter(wanted_us, 0), step, &piece));
        now_us = wanted_us + (double)rng_below(rng, late_us + 1);
        while (shaper_take(shaper, now_us, step, &piece)) {
            assert_ptr_equal(piece.cookie, &cookies[0]);
            assert_true(piece.offset_bytes == sent && piece.n_bytes > 0);
            sent += piece.n_bytes;
            double elapsed_s = (now_us - start_us) * 1e-6;
            assert_true(8.0 * (double)sent <= rate_bps * elapsed_s * (1 + 1e-12));
        }
    }
    assert_true(sent == n_bytes);
    assert_true(shaper_delivered_bits(shaper) == 8.0 * (double)n_bytes);
    assert_true(isinf(shaper_step_us(shaper, step)));
    double wanted_s = 8.0 * (double)n_bytes / rate_bps;
    assert_true(fabs((end_us - start_us) * 1e-6 - wanted_s) <= 1e-12 * wanted_s);
    assert_true(now_us >= end_us && now_us <= end_us + (double)late_us);
    shaper_free(shaper);
}

static void steps_end_when_the_equation_says_at_any_rate_and_size(void **state)
{
    static const double rates_bps[] = {1e6, 3.3e6, 1e7, 1e8, 7.77e8, 1e9};
    static const uint64_t sizes[] = {64 << 10, 100001, 1 << 20, 16 << 20};
    struct rng rng;

    (void)state;
    rng_seed(&rng, 5, 0);
    for (size_t i = 0; i < sizeof rates_bps / sizeof *rates_bps; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            send_in_steps(rates_bps[i], sizes[j], 0, &rng);
            send_in_steps(rates_bps[i], sizes[j], 300, &rng);
        }
}

static void steps_are_equal_not_too_short_and_not_too_many(void **state)
{
    static const struct {
        double bits, step_us;
        uint64_t bytes;
    } cases[] = {
        {8 * 10000, 2000, 2000}, /* 10 ms: five of 2 ms */
        {8 * 11000, 2000, 2200}, /* 11 ms: five of 2.2 ms */
        {8 * 3999, 2000, 3999},  /* less than two: whole */
        {8 * 1e6, 2000, 15625},  /* a second: 64 steps */
        {8 * 1e6 + 8, 2000, 15626}, {8 * 1e6, HUGE_VAL, 1000000}, {0, 2000, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shaper *shaper = shaper_new(8e6); /* a byte a microsecond */
        shaper_push(shaper, 0, cases[i].bits, &cookies[0]);
        assert_int_equal(shaper_step_bytes(shaper, cases[i].step_us), cases[i].bytes);
        shaper_free(shaper);
    }
}

static void a_link_without_a_rate_has_whole_messages(void **state)
{
    struct shaper *shaper = shaper_new(HUGE_VAL);

    (void)state;
    assert_true(shaper_step_bytes(shaper, 2000) > 0); /* nothing there */
    shaper_push(shaper, 0, 8 * 1e6, &cookies[0]);
    assert_int_equal(shaper_step_bytes(shaper, 2000), 1000000);
    shaper_free(shaper);
}

static void a_sender_woken_late_gets_all_that_is_due_at_once(void **state)
{
    struct shaper *shaper = shaper_new(8e6); /* a byte a microsecond */
    struct shaper_piece piece;

    (void)state;
    shaper_push(shaper, 0, 8 * 1000, &cookies[0]);
    shaper_push(shaper, 0, 8 * 50, &cookies[1]);
    assert_near_us(shaper_step_us(shaper, 100), 100);
    assert_true(shaper_take(shaper, 350, 100, &piece));
    assert_true(piece.offset_bytes == 0 && piece.n_bytes == 300 && !piece.is_last);
    assert_false(shaper_take(shaper, 350, 100, &piece));
    assert_near_us(shaper_step_us(shaper, 100), 400); /* not 450 */
    assert_true(shaper_take(shaper, 2000, 100, &piece));
    assert_true(piece.offset_bytes == 300 && piece.n_bytes == 700 && piece.is_last);
    assert_true(shaper_take(shaper, 2000, 100, &piece));
    assert_ptr_equal(piece.cookie, &cookies[1]);
    assert_true(piece.n_bytes == 50 && piece.is_last);
    shaper_free(shaper);
}

static void a_message_without_bytes_is_one_empty_last_piece(void **state)
{
    struct shaper *shaper = shaper_new(1e6);
    struct shaper_piece piece;

    (void)state;
    shaper_push(shaper, 10, 0, &cookies[0]);
    assert_false(shaper_take(shaper, 9, 100, &piece));
    assert_true(shaper_take(shaper, 10, 100, &piece));
    assert_true(piece.n_bytes == 0 && piece.is_last);
    shaper_free(shaper);
}

static void a_message_taken_in_part_may_be_popped(void **state)
{
    struct shaper *shaper = shaper_new(8e6);
    struct shaper_piece piece;

    (void)state;
    shaper_push(shaper, 0, 8 * 1000, &cookies[0]);
    assert_true(shaper_take(shaper, 500, 100, &piece));
    assert_null(shaper_pop(shaper, 999));
    assert_ptr_equal(shaper_pop(shaper, 1000), &cookies[0]);
    assert_true(shaper_delivered_bits(shaper) == 8000);
    shaper_free(shaper);
}

static void delay_comes_after_the_link_and_lets_nobody_overtake(void **state)
{
    struct shaper *shaper = shaper_new(1e6);
    struct shaper_piece piece;

    (void)state;
    shaper_set_delay(shaper, 0.001);
    shaper_push(shaper, 0, 800, &cookies[0]);
    assert_near_us(shaper_free_us(shaper), 800); /* the link is free, the message on its way */
    assert_near_us(shaper_next_us(shaper), 1800);
    shaper_set_delay(shaper, 0);
    shaper_push(shaper, 0, 800, &cookies[1]); /* off the link at 1600, behind the first */
    assert_near_us(shaper_step_us(shaper, 50), 1400);
    assert_ptr_equal(shaper_pop(shaper, 1800), &cookies[0]);
    assert_near_us(shaper_next_us(shaper), 1800);
    assert_true(shaper_take(shaper, 1800, 10, &piece));
    assert_true(piece.is_last && piece.n_bytes == 100);
    shaper_free(shaper);
}

static void an_outage_holds_the_pieces_back(void **state)
{
    struct outage down = {0.0005, 0.0105};
    struct outages outages = {.list = &down, .n = 1};
    struct capacity capacity = {.rate_bps = 8e6, .outages = &outages};
    struct shaper *shaper = shaper_new(1);
    struct shaper_piece piece;

    (void)state;
    shaper_set_capacity(shaper, &capacity, 1000);
    shaper_push(shaper, 1000, 8 * 1000, &cookies[0]); /* 500 before it, 500 after it */
    assert_near_us(shaper_next_us(shaper), 12000);
    assert_true(shaper_take(shaper, 11499, 100, &piece));
    assert_true(piece.n_bytes == 500);
    assert_near_us(shaper_step_us(shaper, 100), 11600);
    shaper_set_rate(shaper, 8e6); /* the message keeps its own */
    assert_false(shaper_take(shaper, 11599, 100, &piece));
    assert_true(shaper_take(shaper, 12000 + NEAR_US, 100, &piece));
    assert_true(piece.n_bytes == 500 && piece.is_last);
    shaper_free(shaper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_takes_bits_over_rate),
        cmocka_unit_test(messages_queue_behind_one_another_in_order),
        cmocka_unit_test(fractions_of_a_microsecond_are_carried),
        cmocka_unit_test(a_shifted_clock_moves_every_stamp),
        cmocka_unit_test(a_block_holds_the_link),
        cmocka_unit_test(an_infinite_rate_waits_for_nothing_but_blocks),
        cmocka_unit_test(a_new_rate_is_for_later_messages),
        cmocka_unit_test(a_new_link_is_free_at_any_time_of_the_clock),
        cmocka_unit_test(ages_of_transmission_do_not_overflow),
        cmocka_unit_test(a_random_schedule_conserves_bits_and_never_beats_the_rate),
        cmocka_unit_test(steps_end_when_the_equation_says_at_any_rate_and_size),
        cmocka_unit_test(steps_are_equal_not_too_short_and_not_too_many),
        cmocka_unit_test(a_link_without_a_rate_has_whole_messages),
        cmocka_unit_test(a_sender_woken_late_gets_all_that_is_due_at_once),
        cmocka_unit_test(a_message_without_bytes_is_one_empty_last_piece),
        cmocka_unit_test(a_message_taken_in_part_may_be_popped),
        cmocka_unit_test(delay_comes_after_the_link_and_lets_nobody_overtake),
        cmocka_unit_test(an_outage_holds_the_pieces_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
