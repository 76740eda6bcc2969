/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The simulator: every phase takes what the equations say to 1e-9, in the first round as in the last, whatever moves;
 * the learning is that of the same parties driven otherwise, and leaving it out changes no time.
 */
#include "testbed/simulation.h"
#include "tests/testbed/cut_moves.h"
#include "tests/testbed/predicted_round.h"

/* What a line drives itself is driven by the simulator here; its records are kept in the same way. */
static struct simulation *start(struct line *line, const char *const *sets, const int *cuts)
{
    line_open(line, sets);
    line->cuts = cuts;
    line_make_server(line);
    return simulation_new(&line->e, line->server);
}

static bool is_over(const struct line *line)
{
    return server_state(line->server) == SERVER_DONE || server_state(line->server) == SERVER_FAILED;
}

static void simulate_rest(struct line *line, struct simulation *simulation)
{
    const struct round_record *record;
    while (!is_over(line)) {
        if (server_wanted_round(line->server)) {
            simulation_restart_clock(simulation);
            assert_true(simulation_now_us(simulation) == 0);
            line->now_us = 0;
            line_go_on(line);
            simulation_take_sent(simulation);
        }
        if (!is_over(line))
            assert_true(simulation_step(simulation));
        while ((record = server_next_record(line->server)))
            line_keep(line, record);
    }
}

static struct line simulate(const char *const *sets, const int *cuts)
{
    struct line line;
    struct simulation *simulation = start(&line, sets, cuts);
    simulate_rest(&line, simulation);
    simulation_free(simulation);
    line_assert_done(&line);
    return line;
}

#define FADING                                                                                     \
    "training.batch_size=8", "training.evaluate_every=3", "data.test_samples=64",                  \
        "scheduler.gap=0.5", "scheduler.time_limit=0.2 s", "radio.fading=rayleigh",                \
        "radio.fading_block=round", "training.rounds=9"
static void every_phase_is_as_predicted_in_every_framework(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {
        {"training.framework=sl", "training.aggregation_ratio=0"},
        {"training.framework=psl", "training.aggregation_ratio=0"},
        {"training.framework=epsl", "training.aggregation_ratio=0"},
        {"training.framework=epsl", "training.aggregation_ratio=0.5"},
        {"training.framework=epsl", "training.aggregation_ratio=1"},
    };
    static const char *const learning[] = {"training.learning=true", "training.learning=false"};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (size_t j = 0; j < ARRAY_LEN(learning); j++)
            for (int moves = 0; moves < 2; moves++) {
                const char *const sets[] = {FADING,      CUT_MOVES(""), kinds[k][0],
                                            kinds[k][1], learning[j],   NULL};
                struct line line = simulate(sets, moves ? cut_moves : NULL);
                for (size_t i = 0; i < line.n_rounds; i++)
                    line_assert_as_predicted(&line.rounds[i]);
                assert_true(line.rounds[1].predicted_s != line.rounds[2].predicted_s);
                line_close(&line);
            }
}

#define FAULTS                                                                                     \
    "radio.delay=20 ms", "radio.jitter=5 ms", "radio.loss=0.01", "radio.outage_every=300 ms",      \
        "radio.outage_length=50 ms"
static void links_with_faults_are_as_predicted_too(void **state)
{
    (void)state;
    static const char *const sets[] = {FADING, FAULTS, "scheduler.every=2", NULL};
    struct line line = simulate(sets, NULL);
    for (size_t i = 0; i < line.n_rounds; i++)
        line_assert_as_predicted(&line.rounds[i]);
    line_close(&line);
}

static void so_are_hand_overs_on_such_links(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {{"training.framework=sl", "devices.0.count=3"},
                                           {"training.framework=sl", "devices.0.count=1"},
                                           {"training.framework=psl", "devices.0.count=3"},
                                           {"training.framework=epsl", "devices.0.count=3"}};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const char *const sets[] = {FADING, CUT_MOVES(""), kinds[k][0], kinds[k][1], FAULTS, NULL};
        struct line line = simulate(sets, cut_moves);
        for (size_t i = 0; i < line.n_rounds; i++)
            line_assert_as_predicted(&line.rounds[i]);
        line_close(&line);
    }
}

/* A clock that ran on would have 1e10 us behind it: rounds of 3 ms would be good to 1e-9 only by chance. */
static void a_late_round_is_as_exact_as_the_first(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "radio.fading=none", NULL};
    struct line line;
    struct simulation *simulation = start(&line, sets, NULL);
    while (!server_wanted_round(line.server))
        assert_true(simulation_step(simulation));
    simulate_rest(&line, simulation);
    const struct line_round *first = &line.rounds[0], *last = &line.rounds[line.n_rounds - 1];
    assert_true(first->measured_s == last->measured_s);
    for (int i = 0; i < line.e.n_devices; i++) {
        assert_true(first->measured.uplink_s[i] == last->measured.uplink_s[i]);
        assert_true(first->measured.downlink_s[i] == last->measured.downlink_s[i]);
    }
    simulation_free(simulation);
    line_close(&line);
}

static void losses_are_those_of_the_same_parties_driven_otherwise(void **state)
{
    (void)state;
    static const char *const frameworks[] = {"training.framework=sl", "training.framework=psl",
                                             "training.framework=epsl"};
    for (size_t k = 0; k < ARRAY_LEN(frameworks); k++) {
        const char *const sets[] = {SMALL, frameworks[k], NULL};
        struct line simulated = simulate(sets, NULL), driven = run_line(sets);
        assert_same_losses(&simulated, &driven);
        line_close(&simulated);
        line_close(&driven);
    }
}

static void without_learning_times_and_bytes_are_the_same_to_the_bit(void **state)
{
    (void)state;
    static const char *const frameworks[] = {"training.framework=sl", "training.framework=psl",
                                             "training.framework=epsl"};
    for (size_t k = 0; k < ARRAY_LEN(frameworks); k++) {
        const char *const with[] = {FADING, CUT_MOVES(""), frameworks[k], NULL};
        const char *const without[] = {FADING, CUT_MOVES(""), frameworks[k],
                                       "training.learning=false", NULL};
        struct line a = simulate(with, cut_moves), b = simulate(without, cut_moves);
        assert_int_equal(a.n_rounds, b.n_rounds);
        for (size_t i = 0; i < a.n_rounds; i++) {
            const struct line_round *x = &a.rounds[i], *y = &b.rounds[i];
            assert_true(x->measured_s == y->measured_s && x->predicted_s == y->predicted_s);
            assert_true(x->uplink_bytes == y->uplink_bytes && x->cut == y->cut);
            assert_true(x->downlink_bytes == y->downlink_bytes);
            assert_true(x->broadcast_bytes == y->broadcast_bytes);
            assert_true(x->handover_bytes == y->handover_bytes);
            assert_int_equal(x->columns_below_last, y->columns_below_last);
            assert_true(y->loss == 0 && !y->is_evaluated);
        }
        line_close(&a);
        line_close(&b);
    }
}

static void what_is_wrong_with_a_device_ends_it(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, NULL};
    struct line line;
    struct simulation *simulation = start(&line, sets, NULL);
    free(line.e.data.dir);
    line.e.data.dir = mem_string("/nowhere");
    simulate_rest(&line, simulation);
    assert_int_equal(server_state(line.server), SERVER_FAILED);
    assert_non_null(strstr(server_failure(line.server), "device pi-0: "));
    assert_non_null(strstr(server_failure(line.server), "/nowhere"));
    simulation_free(simulation);
    line_close(&line);
}

static void one_that_is_stopped_in_mid_round_leaves_nothing(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, NULL};
    for (int n_steps = 0; n_steps < 60; n_steps += 7) {
        struct line line;
        struct simulation *simulation = start(&line, sets, NULL);
        for (int i = 0; i < n_steps; i++) {
            if (server_wanted_round(line.server)) {
                line_go_on(&line);
                simulation_take_sent(simulation);
            }
            assert_true(simulation_step(simulation));
        }
        simulation_free(simulation); /* the sanitizers would tell */
        line_close(&line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_phase_is_as_predicted_in_every_framework),
        cmocka_unit_test(links_with_faults_are_as_predicted_too),
        cmocka_unit_test(so_are_hand_overs_on_such_links),
        cmocka_unit_test(a_late_round_is_as_exact_as_the_first),
        cmocka_unit_test(losses_are_those_of_the_same_parties_driven_otherwise),
        cmocka_unit_test(without_learning_times_and_bytes_are_the_same_to_the_bit),
        cmocka_unit_test(what_is_wrong_with_a_device_ends_it),
        cmocka_unit_test(one_that_is_stopped_in_mid_round_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, line_remove_data);
}
