/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The radio over the rounds of a whole run on a virtual clock: measured is what is predicted,
 * whatever it does.
 */
#include "tests/testbed/virtual_line.h"

#include <math.h>
#include <unistd.h>

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

#define DOWN_S 0.0005

/* A run whose links are down for half a millisecond from down_s on, once; the predicted latency of its first round. */
static double first_round_s(double down_s)
{
    char path[] = "/tmp/splitbed-test-outages-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    assert_non_null(file);
    fprintf(file, "device,down_s,up_s\n*,%.12f,%.12f\n", down_s, down_s + DOWN_S);
    fclose(file);
    char *outages = mem_format("radio.outages=%s", path);
    const char *const sets[] = {SMALL, outages, NULL};
    struct line line = run_line(sets);
    double predicted_s = line.rounds[0].predicted_s;
    assert_true(fabs(line.rounds[0].measured_s - predicted_s) <= 1e-4);
    line_close(&line);
    unlink(path);
    free(outages);
    return predicted_s;
}

/* An outage a moment after the first of a phase's transfers may start and a moment before. */
static void transfers_start_when_the_phases_before_are_over(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, NULL};
    struct line line = run_line(sets);
    const struct latency_terms *t = &line.schedule.plan.terms;
    double up_s = 0, whole_s = line.schedule.plan.latency_s, moment_s = 1e-7;
    for (int i = 0; i < t->n_devices; i++)
        up_s = fmax(up_s, t->device_forward_s[i] + t->uplink_s[i]);
    double broadcast_s = up_s + t->server_forward_s + t->server_backward_s;
    double downlink_s = broadcast_s + t->broadcast_s;
    assert_true(t->server_forward_s + t->server_backward_s > 2 * DOWN_S);
    assert_true(fabs(first_round_s(up_s - moment_s) - (whole_s + DOWN_S)) <= 1e-5);
    assert_true(fabs(first_round_s(up_s + moment_s) - whole_s) <= 1e-5);
    assert_true(fabs(first_round_s(broadcast_s - DOWN_S - moment_s) - whole_s) <= 1e-5);
    assert_true(fabs(first_round_s(broadcast_s + moment_s) - (whole_s + DOWN_S)) <= 1e-5);
    assert_true(fabs(first_round_s(downlink_s + moment_s) - (whole_s + DOWN_S)) <= 1e-5);
    line_close(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_take_what_is_predicted_on_their_own_radio),
        cmocka_unit_test(transfers_start_when_the_phases_before_are_over),
        cmocka_unit_test(the_radio_repeats_and_leaves_learning_alone),
    };
    return cmocka_run_group_tests(tests, NULL, line_remove_data);
}
