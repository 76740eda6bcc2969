/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Server and devices together on a virtual clock: learning, latency, bytes, order. */
#include "models/partition.h"
#include "tests/testbed/predicted_round.h"

static void assert_runs_learn_alike(const char *const *a_sets, const char *const *b_sets)
{
    struct line a = run_line(a_sets), b = run_line(b_sets);
    assert_same_losses(&a, &b);
    line_close(&a);
    line_close(&b);
}

static void epsl_with_ratio_0_equals_psl_bit_for_bit(void **state)
{
    (void)state;
    static const char *const epsl[] = {SMALL, "training.framework=epsl",
                                       "training.aggregation_ratio=0", NULL};
    static const char *const psl[] = {SMALL, "training.framework=psl", NULL};
    assert_runs_learn_alike(epsl, psl);
}

static void epsl_with_ratio_half_differs_from_psl(void **state)
{
    (void)state;
    static const char *const epsl_sets[] = {SMALL, "training.framework=epsl",
                                            "training.aggregation_ratio=0.5", NULL};
    static const char *const psl_sets[] = {SMALL, "training.framework=psl", NULL};
    struct line epsl = run_line(epsl_sets), psl = run_line(psl_sets);
    assert_true(epsl.rounds[0].loss == psl.rounds[0].loss);
    assert_true(epsl.rounds[3].loss != psl.rounds[3].loss);
    line_close(&epsl);
    line_close(&psl);
}

static void one_device_equals_sl_bit_for_bit_for_any_ratio(void **state)
{
    (void)state;
    static const char *const sl[] = {SMALL, "devices.0.count=1", "training.framework=sl", NULL};
    static const char *const ratios[] = {"training.aggregation_ratio=0",
                                         "training.aggregation_ratio=0.3",
                                         "training.aggregation_ratio=1"};
    static const char *const aggregations[] = {"training.aggregation=cached-means",
                                               "training.aggregation=mean-activations",
                                               "training.aggregation=broadcast-gradient"};
    struct line reference = run_line(sl);
    for (size_t i = 0; i < ARRAY_LEN(ratios); i++)
        for (size_t k = 0; k < ARRAY_LEN(aggregations); k++) {
            const char *const epsl[] = {SMALL,     "devices.0.count=1", "training.framework=epsl",
                                        ratios[i], aggregations[k],     NULL};
            struct line line = run_line(epsl);
            assert_same_losses(&reference, &line);
            line_close(&line);
        }
    line_close(&reference);
}

static void the_order_of_arrival_changes_nothing(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "training.evaluate_every=2", NULL};
    struct line reference = run_line(sets);
    for (int first = 1; first < 5; first += 2) {
        struct line line;
        line_open(&line, sets);
        line.first = first;
        line_start(&line);
        line_run(&line);
        assert_same_losses(&reference, &line);
        line_close(&line);
    }
    line_close(&reference);
}

static void another_seed_gives_other_losses(void **state)
{
    (void)state;
    static const char *const one[] = {SMALL, "experiment.seed=1", NULL};
    static const char *const two[] = {SMALL, "experiment.seed=2", NULL};
    struct line a = run_line(one), b = run_line(two);
    assert_true(a.rounds[0].loss != b.rounds[0].loss);
    line_close(&a);
    line_close(&b);
}

static void every_phase_takes_on_the_virtual_clock_what_the_plan_predicts(void **state)
{
    (void)state;
    static const char *const ratios[] = {"training.aggregation_ratio=0",
                                         "training.aggregation_ratio=0.5",
                                         "training.aggregation_ratio=1"};
    for (size_t k = 0; k < ARRAY_LEN(ratios); k++) {
        const char *const sets[] = {SMALL, ratios[k], NULL};
        struct line line = run_line(sets);
        for (size_t i = 0; i < line.n_rounds; i++) {
            assert_terms_near(&line.rounds[i].measured, &line.schedule.plan.terms);
            assert_near_s(line.rounds[i].measured_s, line.schedule.plan.latency_s);
        }
        line_close(&line);
    }
}

static void when_taking_turns_the_round_takes_the_sum(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "training.framework=sl", NULL};
    struct line line = run_line(sets);
    for (size_t i = 0; i < line.n_rounds; i++) {
        const struct line_round *round = &line.rounds[i];
        assert_terms_near(&round->measured, &round->predicted);
        for (int k = 0; k < line.e.n_devices; k++)
            assert_near_s(round->measured.handover_s[k], round->predicted.handover_s[k]);
        assert_near_s(round->measured_s, round->predicted_s);
        assert_true(round->measured.handover_s[0] > 0);
    }
    assert_near_s(line.rounds[1].predicted_s, line.schedule.plan.latency_s);
    /* The first device of the first round has its front part from the assignment. */
    assert_true(line.rounds[0].measured_s < line.rounds[1].measured_s);
    line_close(&line);
}

/* b = 8, C = 5, cut after pool2: 16 x 5 x 5 floats a sample; n = ceil(0.5 * 8) = 4. */
static void bytes_and_columns_are_what_the_equations_count(void **state)
{
    (void)state;
    const uint64_t sample = 16 * 5 * 5 * 4, b = 8, C = 5, n = 4;
    static const char *const half_sets[] = {SMALL, NULL};
    static const char *const all_sets[] = {SMALL, "training.aggregation_ratio=1", NULL};
    static const char *const spread_sets[] = {SMALL, "training.aggregation=broadcast-gradient",
                                              NULL};
    struct line half = run_line(half_sets), all = run_line(all_sets),
                spread = run_line(spread_sets);
    assert_int_equal(half.rounds[0].uplink_bytes, C * b * sample);
    assert_int_equal(half.rounds[0].broadcast_bytes, n * sample);
    assert_int_equal(half.rounds[0].downlink_bytes, C * (b - n) * sample);
    assert_int_equal(half.rounds[0].columns_below_last, n + C * (b - n));
    assert_int_equal(all.rounds[0].uplink_bytes, C * b * sample);
    assert_int_equal(all.rounds[0].broadcast_bytes, b * sample);
    assert_int_equal(all.rounds[0].downlink_bytes, 0);
    assert_int_equal(all.rounds[0].columns_below_last, b);
    assert_int_equal(spread.rounds[0].broadcast_bytes, n * sample);
    assert_int_equal(spread.rounds[0].columns_below_last, C * b);
    line_close(&half);
    line_close(&all);
    line_close(&spread);
}

static void taking_turns_hands_the_front_on_up_and_down(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "training.framework=sl", NULL};
    struct line line = run_line(sets);
    const uint64_t front = (156 + 2416) * 4; /* conv1 and conv2 with their biases */
    assert_int_equal(line.rounds[0].handover_bytes, (5 + 4) * front);
    assert_int_equal(line.rounds[1].handover_bytes, (5 + 5) * front);
    assert_int_equal(line.rounds[0].uplink_bytes, 5 * 8 * 16 * 5 * 5 * 4);
    line_close(&line);
}

static void an_evaluation_covers_every_test_sample(void **state)
{
    (void)state;
    static const char *const shared_sets[] = {SMALL, "data.test_samples=101", NULL};
    static const char *const every_sets[] = {SMALL, "data.test_samples=101",
                                             "training.evaluation=every-device", NULL};
    struct line shared = run_line(shared_sets), every = run_line(every_sets);
    /* ceil(21 / 8) chunks of the first device's share, ceil(20 / 8) of the others'; ceil(101 / 8) each. */
    assert_int_equal(shared.n_up[MSG_EVALUATION], 5 * 3);
    assert_int_equal(every.n_up[MSG_EVALUATION], 5 * 13);
    double correct = shared.rounds[3].accuracy * 101;
    assert_true(fabs(correct - round(correct)) < 1e-9);
    line_close(&shared);
    line_close(&every);
}

static void identical_devices_take_the_same_first_step_with_any_ratio(void **state)
{
    (void)state;
    /* Samplers differ by device, so equal data are made by a list of one sample, drawn by all. */
    static const char *const ratios[] = {"training.aggregation_ratio=0",
                                         "training.aggregation_ratio=0.5",
                                         "training.aggregation_ratio=1"};
    double losses[ARRAY_LEN(ratios)];
    for (size_t k = 0; k < ARRAY_LEN(ratios); k++) {
        const char *const sets[] = {SMALL, ratios[k], NULL};
        struct line line;
        line_open(&line, sets);
        for (int i = 0; i <= line.e.n_devices; i++)
            line.partition.first[i] = (size_t)i;
        for (int i = 0; i < line.e.n_devices; i++)
            line.partition.index[i] = 7;
        line_start(&line);
        line_run(&line);
        assert_int_equal(server_state(line.server), SERVER_DONE);
        losses[k] = line.rounds[3].loss;
        line_close(&line);
    }
    assert_true(fabs(losses[1] - losses[0]) < 1e-4 * losses[0]);
    assert_true(fabs(losses[2] - losses[0]) < 1e-4 * losses[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epsl_with_ratio_0_equals_psl_bit_for_bit),
        cmocka_unit_test(epsl_with_ratio_half_differs_from_psl),
        cmocka_unit_test(one_device_equals_sl_bit_for_bit_for_any_ratio),
        cmocka_unit_test(the_order_of_arrival_changes_nothing),
        cmocka_unit_test(another_seed_gives_other_losses),
        cmocka_unit_test(every_phase_takes_on_the_virtual_clock_what_the_plan_predicts),
        cmocka_unit_test(when_taking_turns_the_round_takes_the_sum),
        cmocka_unit_test(bytes_and_columns_are_what_the_equations_count),
        cmocka_unit_test(taking_turns_hands_the_front_on_up_and_down),
        cmocka_unit_test(an_evaluation_covers_every_test_sample),
        cmocka_unit_test(identical_devices_take_the_same_first_step_with_any_ratio),
    };
    return cmocka_run_group_tests(tests, NULL, line_remove_data);
}
