/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Server and devices together on a virtual clock, what is paced going in pieces; and devices whose clocks differ. */
#include "tests/testbed/cut_moves.h"

#define MOVING_CUT SMALL, CUT_MOVES(""), "scheduler.cuts=[]", "training.momentum=0.9"

static const int cuts_of_rounds[] = {2, 5, 5, 1};

/* As run_line(), in pieces that last so long, with the cuts that are given. */
static struct line run_in_pieces(const char *const *sets, const int *cuts, double step_us,
                                 double clock_ahead_us)
{
    struct line line;
    line_open(&line, sets);
    line.cuts = cuts;
    line.step_us = step_us;
    line.clock_ahead_us = clock_ahead_us;
    line.clock_every_us = clock_ahead_us != 0 ? 1 : 0;
    line_start(&line);
    line_run(&line);
    line_assert_done(&line);
    return line;
}

static void assert_near(double got_s, double want_s)
{
    if (!(fabs(got_s - want_s) <= 1e-9 * fabs(want_s) + 1e-12))
        fail_msg("%.17g s, wanted %.17g", got_s, want_s);
}

static void assert_same_times(const struct line *a, const struct line *b)
{
    for (size_t i = 0; i < a->n_rounds; i++) {
        const struct latency_terms *x = &a->rounds[i].measured, *y = &b->rounds[i].measured;
        assert_near(a->rounds[i].measured_s, b->rounds[i].measured_s);
        assert_near(x->broadcast_s, y->broadcast_s);
        for (int k = 0; k < x->n_devices; k++) {
            assert_near(x->uplink_s[k], y->uplink_s[k]);
            assert_near(x->downlink_s[k], y->downlink_s[k]);
            assert_near(x->handover_s[k], y->handover_s[k]);
        }
    }
}

static void assert_pieces_change_nothing(const char *const *sets, const int *cuts)
{
    struct line whole = run_in_pieces(sets, cuts, 0, 0);
    assert_int_equal(whole.n_up[MSG_PIECE], 0);
    assert_int_equal(whole.n_down[MSG_PIECE], 0);
    static const double steps_us[] = {3, 50};
    for (size_t i = 0; i < ARRAY_LEN(steps_us); i++) {
        struct line pieces = run_in_pieces(sets, cuts, steps_us[i], 0);
        assert_true(pieces.n_up[MSG_PIECE] > 0 && pieces.n_down[MSG_PIECE] > 0);
        assert_same_losses(&whole, &pieces);
        assert_same_times(&whole, &pieces);
        line_close(&pieces);
    }
    line_close(&whole);
}

static void activations_and_gradients_in_pieces_change_neither_losses_nor_times(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "training.aggregation_ratio=0.5", NULL};
    assert_pieces_change_nothing(sets, NULL);
}

static void fronts_handed_on_in_pieces_change_neither_losses_nor_times(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "training.framework=sl", NULL};
    assert_pieces_change_nothing(sets, NULL);
}

static void layers_that_change_sides_in_pieces_change_neither_losses_nor_times(void **state)
{
    (void)state;
    static const char *const sets[] = {MOVING_CUT, NULL};
    assert_pieces_change_nothing(sets, cuts_of_rounds);
}

static void clocks_that_differ_change_nothing(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, NULL};
    struct line same = run_in_pieces(sets, NULL, 0, 0);
    struct line ahead = run_in_pieces(sets, NULL, 0, 123456.75);
    assert_int_equal(same.n_up[MSG_CLOCK], 0);
    assert_true(ahead.n_up[MSG_CLOCK] > 0 && ahead.n_up[MSG_CLOCK] == ahead.n_down[MSG_CLOCK]);
    assert_same_losses(&same, &ahead);
    for (size_t i = 0; i < same.n_rounds; i++)
        assert_near(same.rounds[i].measured_s, ahead.rounds[i].measured_s);
    line_close(&same);
    line_close(&ahead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_and_gradients_in_pieces_change_neither_losses_nor_times),
        cmocka_unit_test(fronts_handed_on_in_pieces_change_neither_losses_nor_times),
        cmocka_unit_test(layers_that_change_sides_in_pieces_change_neither_losses_nor_times),
        cmocka_unit_test(clocks_that_differ_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, line_remove_data);
}
