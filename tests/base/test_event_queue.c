/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events come out in order of time, then of arrival. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>

#include "base/event_queue.h"
#include "base/rng.h"

static void an_empty_queue_has_nothing_ever(void **state)
{
    (void)state;
    struct event_queue queue = {0};
    struct event event;
    assert_true(isinf(event_queue_next_us(&queue)));
    assert_false(event_queue_take(&queue, HUGE_VAL, &event));
    event_queue_release(&queue);
}

static void an_event_comes_out_when_it_is_due_with_what_it_carries(void **state)
{
    (void)state;
    struct event_queue queue = {0};
    struct event event;
    int what;
    event_queue_add(&queue, 7.5, 3, 4, &what);
    assert_true(event_queue_next_us(&queue) == 7.5);
    assert_false(event_queue_take(&queue, 7.4, &event));
    assert_true(event_queue_take(&queue, 7.5, &event));
    assert_true(event.at_us == 7.5 && event.kind == 3 && event.whom == 4 && event.what == &what);
    assert_false(event_queue_take(&queue, HUGE_VAL, &event));
    event_queue_release(&queue);
}

/* Few different times, so that many events share one. */
static void a_random_load_comes_out_in_order_of_time_then_arrival(void **state)
{
    (void)state;
    enum { ROUNDS = 20000 };
    struct event_queue queue = {0};
    struct event event, last = {.at_us = -HUGE_VAL};
    struct rng rng;
    int n_taken = 0;
    rng_seed(&rng, 11, 0);
    for (int i = 0; i < ROUNDS; i++) {
        double from_us = fmax(last.at_us, 0);
        event_queue_add(&queue, from_us + (double)rng_below(&rng, 5), 0, i, NULL);
        if (rng_below(&rng, 3) == 0)
            continue;
        assert_true(event_queue_take(&queue, HUGE_VAL, &event));
        assert_true(event.at_us > last.at_us ||
                    (event.at_us == last.at_us && event.whom > last.whom));
        last = event;
        n_taken++;
    }
    while (event_queue_take(&queue, HUGE_VAL, &event)) {
        assert_true(event.at_us > last.at_us ||
                    (event.at_us == last.at_us && event.whom > last.whom));
        last = event;
        n_taken++;
    }
    assert_int_equal(n_taken, ROUNDS);
    event_queue_release(&queue);
}

/* 1e9 + 1e-9 is 1e9: after the shift the times are one, and the first added has to come first. */
static void a_shift_that_makes_times_equal_keeps_the_order_of_arrival(void **state)
{
    (void)state;
    struct event_queue queue = {0};
    struct event event;
    for (int i = 0; i < 9; i++)
        event_queue_add(&queue, (9 - i) * 1e-9, 0, i, NULL);
    event_queue_shift(&queue, 1e9);
    for (int i = 0; i < 9; i++) {
        assert_true(event_queue_take(&queue, 1e9, &event));
        assert_int_equal(event.whom, i);
    }
    event_queue_release(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_queue_has_nothing_ever),
        cmocka_unit_test(an_event_comes_out_when_it_is_due_with_what_it_carries),
        cmocka_unit_test(a_random_load_comes_out_in_order_of_time_then_arrival),
        cmocka_unit_test(a_shift_that_makes_times_equal_keeps_the_order_of_arrival),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
