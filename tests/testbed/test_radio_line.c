/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The radio over the rounds of a whole run on a virtual clock: measured is what is predicted,
 * whatever it does.
 */
#include "tests/testbed/virtual_line.h"

#include <math.h>

#define SMALL                                                                                      \
    "training.rounds=4", "training.batch_size=8", "training.evaluate_every=0",                     \
        "data.test_samples=64", "scheduler.cuts=[pool2]", "scheduler.gap=0.5",                     \
        "scheduler.time_limit=0.2 s"

/*
 * Several settings on several frameworks; a clock of whole microseconds rounds each of a round's
 * steps up.
 */
static void rounds_take_what_is_predicted_on_their_own_radio(void **state)
{
    (void)state;
    static const char *const radios[][4] = {
        {"radio.fading=rayleigh", "radio.fading_block=round", NULL, NULL},
        {"radio.fading=rician", "radio.fading_block=time", "radio.coherence_time=60 ms", NULL},
        {"radio.path_loss=umi", "radio.shadowing=correlated", "radio.mobility=waypoint",
         "radio.speed_min=1 m/s"},
        {"radio.delay=20 ms", "radio.jitter=30 ms", NULL, NULL},
        {"radio.loss=5 %", "radio.retransmission=10 ms", NULL, NULL},
        {"radio.outage_every=200 ms", "radio.outage_length=100 ms", "radio.delay=1 ms", NULL},
    };
    static const char *const frameworks[] = {"training.framework=epsl", "training.framework=psl",
                                             "training.framework=sl"};
    for (size_t i = 0; i < ARRAY_LEN(radios); i++)
        for (size_t k = 0; k < ARRAY_LEN(frameworks); k++) {
            const char *sets[16] = {SMALL, frameworks[k], "radio.speed_max=200 m/s"};
            for (int j = 0, n = 9; j < 4 && radios[i][j]; j++)
                sets[n++] = radios[i][j];
            struct line line = run_line(sets);
            bool differs = false;
            for (size_t r = k == 2 ? 1 : 0; r < line.n_rounds; r++) { /* sl: no first hand-over */
                const struct line_round *round = &line.rounds[r];
                assert_true(fabs(round->measured_s - round->predicted_s) <= 1e-4);
                differs |= fabs(round->predicted_s / line.rounds[1].predicted_s - 1) > 1e-6;
            }
            if (!differs)
                fail_msg("%s: rounds of %g s are all alike", radios[i][0],
                         line.rounds[1].predicted_s);
            line_close(&line);
        }
}

static void the_radio_repeats_and_leaves_learning_alone(void **state)
{
    (void)state;
    static const char *const still[] = {SMALL, NULL};
    static const char *const moving[] = {SMALL,
                                         "radio.mobility=waypoint",
                                         "radio.fading=rayleigh",
                                         "radio.fading_block=round",
                                         "radio.jitter=10 ms",
                                         NULL};
    struct line a = run_line(still), b = run_line(moving), c = run_line(moving);
    for (size_t i = 0; i < a.n_rounds; i++) {
        assert_true(a.rounds[i].loss == b.rounds[i].loss);
        assert_true(b.rounds[i].predicted_s == c.rounds[i].predicted_s);
    }
    line_close(&a);
    line_close(&b);
    line_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_take_what_is_predicted_on_their_own_radio),
        cmocka_unit_test(the_radio_repeats_and_leaves_learning_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
