/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which plan holds in which round: when one is made anew, when its cut moves, and what happens without one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "edge-server/planning.h"
#include "edge-server/schedule.h"
#include "scheduler/rates.h"

#define SMALL "devices.0.count=2", "radio.subchannels=4", "training.rounds=20"

static void load(struct experiment *e, const char *const *sets)
{
    struct experiment_override overrides[16];
    struct strbuf errors = STRBUF_INIT;
    struct experiment_choices choices = planning_choices();
    size_t n = 0;
    for (; sets[n]; n++)
        overrides[n].assignment = sets[n];
    if (experiment_load(e, "configs/experiments/quickstart.yaml", overrides, n, &choices, &errors))
        fail_msg("%s", errors.text);
}

static void open_schedule(struct schedule *schedule, struct experiment *e, const char *const *sets)
{
    struct err err = ERR_INIT;
    load(e, sets);
    if (schedule_open(schedule, e, &err))
        fail_msg("%s", err.text);
    assert_int_equal(schedule->change, SCHEDULE_PLANNED);
    assert_int_equal(schedule->plan_round, 1);
}

static void go_to(struct schedule *schedule, uint32_t round)
{
    struct err err = ERR_INIT;
    if (schedule_next(schedule, round, &err))
        fail_msg("%s", err.text);
    assert_int_equal(schedule->round, round);
}

static void close_schedule(struct schedule *schedule, struct experiment *e)
{
    schedule_release(schedule);
    experiment_release(e);
}

/* The plan's owners and powers on the channel of the round, by plan_check(), which computes them itself. */
static void assert_plan_holds(const struct schedule *schedule)
{
    struct err err = ERR_INIT;
    if (schedule->plan_round == schedule->round &&
        plan_check(&schedule->plan, &schedule->problem, &err))
        fail_msg("%s", err.text);
    struct plan now = schedule->plan;
    now.latency_s = schedule->latency_s;
    now.lower_bound_s = 0;
    if (schedule->cut == schedule->previous_cut && plan_check(&now, &schedule->problem, &err))
        fail_msg("%s", err.text);
}

static void one_plan_is_kept_and_its_rates_follow_the_channel(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "radio.fading_block=round", NULL};
    struct experiment e;
    struct schedule schedule;
    open_schedule(&schedule, &e, sets);
    go_to(&schedule, 1);
    double last_s = schedule.latency_s;
    assert_true(last_s == schedule.plan.latency_s);
    for (uint32_t round = 2; round <= 20; round++) {
        go_to(&schedule, round);
        assert_int_equal(schedule.change, SCHEDULE_SAME);
        assert_int_equal(schedule.plan_round, 1);
        assert_true(schedule.latency_s != last_s);
        assert_plan_holds(&schedule);
        last_s = schedule.latency_s;
    }
    close_schedule(&schedule, &e);
}

static void a_channel_that_stays_leaves_the_plan_as_it_is(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "scheduler.every=1", NULL};
    struct experiment e;
    struct schedule schedule;
    open_schedule(&schedule, &e, sets);
    double latency_s = schedule.latency_s;
    for (uint32_t round = 1; round <= 5; round++) {
        go_to(&schedule, round);
        assert_int_equal(schedule.change, round == 1 ? SCHEDULE_PLANNED : SCHEDULE_SAME);
        assert_int_equal(schedule.plan_round, 1);
        assert_true(schedule.latency_s == latency_s);
    }
    close_schedule(&schedule, &e);
}

static void every_so_many_rounds_there_is_a_plan_for_the_channel_as_it_is(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "radio.fading_block=round", "scheduler.every=3",
                                       NULL};
    struct experiment e;
    struct schedule schedule;
    open_schedule(&schedule, &e, sets);
    for (uint32_t round = 1; round <= 20; round++) {
        struct rates old;
        go_to(&schedule, round);
        assert_int_equal(schedule.plan_round, 3 * ((round - 1) / 3) + 1);
        assert_int_equal(schedule.change == SCHEDULE_PLANNED, (round - 1) % 3 == 0);
        assert_plan_holds(&schedule);
        rates_init(&old, 2);
        rates_evaluate(&schedule.problem, schedule.plan.owner, schedule.plan.psd_w_per_hz, &old);
        assert_memory_equal(old.uplink_bps, schedule.rates.uplink_bps, 2 * sizeof(double));
        rates_release(&old);
    }
    close_schedule(&schedule, &e);
}

/* One device and two cuts: floats of weights and velocities that change sides, fc1's of LeNet-5. */
#define FC1_FLOATS (2.0 * (400 * 120 + 120))

/* Makes the other cut's round this much shorter, then lets the plan be made anew; true when the cut moved. */
static bool moves_for(double gain_s, const char *every, double *cost_s)
{
    const char *const sets[] = {"devices.0.count=1",
                                "radio.subchannels=2",
                                "training.rounds=20",
                                "scheduler.cuts=[flatten, fc1]",
                                every,
                                NULL};
    struct experiment e;
    struct schedule schedule;
    struct plan plans[2];
    struct err err = ERR_INIT;
    open_schedule(&schedule, &e, sets);
    int old = schedule.plan.cut, other = !old;
    for (int j = 0; j < 2; j++)
        assert_int_equal(schedule_plan_at(&schedule, j, &plans[j], &err), 0);
    /* Server compute is a term of its own: shortening it shortens the round by just as much. */
    double per_flop_s = e.training.batch_size * schedule.problem.server_cycles_per_flop /
                        schedule.problem.server_clock_hz;
    double excess_s = plans[other].latency_s - plans[old].latency_s + gain_s;
    schedule.problem.cuts[old].server_forward_flop += excess_s / per_flop_s;
    *cost_s = 32 * FC1_FLOATS /
              (other > old ? plans[other].rates.broadcast_bps : plans[other].rates.uplink_bps[0]);
    schedule.is_stale = true;
    go_to(&schedule, 1 + (uint32_t)e.scheduler.every);
    bool moves = schedule.plan.cut == other;
    assert_int_equal(schedule.change, SCHEDULE_PLANNED);
    assert_int_equal(schedule.cut != schedule.previous_cut, moves);
    if (moves)
        assert_true(fabs(schedule.terms.handover_s[0] / *cost_s - 1) < 1e-9);
    assert_true(fabs(schedule.latency_s - schedule.plan.latency_s - (moves ? *cost_s : 0)) < 1e-9);
    for (int j = 0; j < 2; j++)
        plan_release(&plans[j]);
    close_schedule(&schedule, &e);
    return moves;
}

static void the_cut_moves_when_that_pays_until_the_next_plan(void **state)
{
    (void)state;
    double cost_s;
    assert_false(moves_for(1e-9, "scheduler.every=5", &cost_s));
    assert_true(cost_s > 0);
    assert_false(moves_for(0.99 * cost_s / 5, "scheduler.every=5", &cost_s));
    assert_true(moves_for(1.01 * cost_s / 5, "scheduler.every=5", &cost_s));
    /* From round 17 on 4 rounds are left of 20, whatever `every` says. */
    assert_false(moves_for(0.99 * cost_s / 4, "scheduler.every=16", &cost_s));
    assert_true(moves_for(1.01 * cost_s / 4, "scheduler.every=16", &cost_s));
}

static void without_a_plan_the_last_one_goes_on(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "radio.fading_block=round", "scheduler.every=2",
                                       NULL};
    static char fixed[] = "fixed", pi_0[] = "pi-0";
    char *owners[] = {pi_0}; /* the other device has nothing */
    struct experiment e;
    struct schedule schedule;
    open_schedule(&schedule, &e, sets);
    char *policy = e.scheduler.policy, **old_owners = e.scheduler.owners;
    e.scheduler.policy = fixed;
    e.scheduler.owners = owners;
    e.scheduler.n_owners = 1;
    go_to(&schedule, 2);
    go_to(&schedule, 3);
    assert_int_equal(schedule.change, SCHEDULE_INFEASIBLE);
    assert_non_null(strstr(schedule.reason, "pi-1"));
    assert_int_equal(schedule.plan_round, 1);
    assert_plan_holds(&schedule);
    go_to(&schedule, 4);
    assert_int_equal(schedule.change, SCHEDULE_SAME);
    assert_null(schedule.reason);
    e.scheduler.policy = policy;
    e.scheduler.owners = old_owners;
    e.scheduler.n_owners = 0;
    go_to(&schedule, 5);
    assert_int_equal(schedule.plan_round, 5);
    close_schedule(&schedule, &e);
}

static void a_channel_without_any_plan_is_an_error_that_says_so(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "radio.fading_block=round", "scheduler.every=2",
                                       NULL};
    struct experiment e;
    struct schedule schedule;
    struct err err = ERR_INIT;
    open_schedule(&schedule, &e, sets);
    e.radio.antenna_gain = 0; /* nothing is heard any more */
    round_radio_free(schedule.radio);
    schedule.radio = round_radio_new(&e, &err);
    assert_non_null(schedule.radio);
    assert_int_equal(schedule_next(&schedule, 2, &err), -1);
    assert_string_equal(err.text, "round 2: the plan of round 1 gives some device no rate now, and "
                                  "there is no other: device pi-0 has no usable subchannel: every "
                                  "gain is 0");
    close_schedule(&schedule, &e);
}

static void a_plan_that_gives_no_rate_any_more_is_replaced_at_once(void **state)
{
    (void)state;
    static const char *const once[] = {SMALL, "radio.fading_block=round", NULL};
    static const char *const again[] = {SMALL, "radio.fading_block=round", "scheduler.every=9",
                                        NULL};
    struct experiment e;
    struct schedule schedule;
    struct err err = ERR_INIT;
    open_schedule(&schedule, &e, again);
    memset(schedule.plan.psd_w_per_hz, 0, 4 * sizeof(double));
    go_to(&schedule, 2);
    assert_int_equal(schedule.plan_round, 2);
    close_schedule(&schedule, &e);

    open_schedule(&schedule, &e, once);
    memset(schedule.plan.psd_w_per_hz, 0, 4 * sizeof(double));
    assert_int_equal(schedule_next(&schedule, 2, &err), -1);
    assert_string_equal(err.text, "round 2: the plan of round 1 gives some device no rate now");
    close_schedule(&schedule, &e);
}

static void no_plan_at_the_start_is_an_error(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "scheduler.policy=fixed", "scheduler.owners=[pi-0]",
                                       NULL};
    struct experiment e;
    struct schedule schedule;
    struct err err = ERR_INIT;
    load(&e, sets);
    assert_int_equal(schedule_open(&schedule, &e, &err), -1);
    assert_non_null(strstr(err.text, "there is no plan: "));
    close_schedule(&schedule, &e);
}

/* Everyone has heard all when the slowest has, whatever its own delay; segments sent again come on top. */
static void the_parts_of_a_broadcast_come_to_the_same_for_all(void **state)
{
    (void)state;
    struct schedule schedule;
    struct experiment e;
    const char *const sets[] = {"devices.0.count=4",
                                "radio.subchannels=4",
                                "radio.jitter=20 ms",
                                "radio.delay=50 ms",
                                "training.framework=epsl",
                                "training.aggregation_ratio=0.5",
                                NULL};
    open_schedule(&schedule, &e, sets);
    double broadcast_s = schedule.terms.broadcast_s;
    const struct transfer *first = round_radio_transfer(schedule.radio, LINK_BROADCAST, 0);
    for (int i = 0; i < 4; i++) {
        const struct transfer *t = round_radio_transfer(schedule.radio, LINK_BROADCAST, i);
        assert_true(fabs(t->carry_s + t->delay_s - broadcast_s) < 1e-12);
        assert_true(t->delay_s >= 0.05 && t->delay_s < 0.07);
        assert_true(i == 0 || t->delay_s != first->delay_s);
        const struct transfer *up = round_radio_transfer(schedule.radio, LINK_UPLINK, i);
        assert_true(fabs(up->carry_s + up->delay_s - schedule.terms.uplink_s[i]) < 1e-12);
    }
    close_schedule(&schedule, &e);
}

/* A front part goes up and down, each time with a delay of its own; so do gains and losses of layers. */
static void a_hand_over_is_a_transfer_of_its_own(void **state)
{
    (void)state;
    const char *const plain[] = {"devices.0.count=3", "training.framework=sl",
                                 "radio.subchannels=4", NULL};
    const char *const late[] = {"devices.0.count=3", "training.framework=sl", "radio.subchannels=4",
                                "radio.delay=100 ms", NULL};
    struct experiment e, e_late;
    struct schedule s, s_late;
    open_schedule(&s, &e, plain);
    open_schedule(&s_late, &e_late, late);
    for (uint32_t round = 1; round <= 3; round++) {
        go_to(&s, round);
        go_to(&s_late, round);
        int n_messages = round == 1 ? 4 * 3 - 1 : 4 * 3;
        assert_true(fabs(s_late.latency_s - s.latency_s - 0.1 * n_messages) < 1e-9);
        for (int i = 0; i < 3; i++) {
            int n = round == 1 && i == 2 ? 1 : 2; /* nobody hands the first device its front part */
            assert_true(fabs(s_late.terms.handover_s[i] - s.terms.handover_s[i] - 0.1 * n) < 1e-9);
        }
    }
    close_schedule(&s, &e);
    close_schedule(&s_late, &e_late);
}

/* The terms of a round in which the cut moves between pool1 and pool2, of three devices. */
static struct latency_terms terms_of_a_move(const char *framework, const char *delay,
                                            const char *other, bool gains)
{
    const char *const sets[] = {"devices.0.count=3",
                                "radio.subchannels=4",
                                "scheduler.cuts=[pool1,pool2]",
                                framework,
                                delay,
                                "scheduler.every=1",
                                other,
                                NULL};
    struct experiment e;
    struct schedule s;
    struct err err = ERR_INIT;
    struct plan plan;
    struct latency_terms terms;
    open_schedule(&s, &e, sets);
    assert_int_equal(schedule_plan_at(&s, gains, &plan, &err), 0);
    s.round = 2;
    s.previous_cut = s.problem.cuts[!gains].layer;
    assert_int_equal(schedule_adopt(&s, &plan, &err), 0);
    latency_terms_init(&terms, 3);
    latency_terms_copy(&terms, &s.terms);
    assert_true(fabs(latency_total(&s.problem, &terms) / s.latency_s - 1) < 1e-12);
    close_schedule(&s, &e);
    return terms;
}

/* How many messages the hand-over of each device has, by their delays. */
static void layers_that_change_sides_have_a_delay_too(void **state)
{
    (void)state;
    static const struct {
        const char *framework;
        bool gains;
        int n_messages[3];
    } cases[] = {
        {"training.framework=psl", true, {1, 1, 1}},
        {"training.framework=psl", false, {1, 1, 1}},
        {"training.framework=sl", true, {2, 2, 2}}, /* gained with the front part */
        {"training.framework=sl", false, {3, 2, 2}},
    };
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        struct latency_terms plain =
            terms_of_a_move(cases[k].framework, "radio.delay=0 s", "radio.loss=0", cases[k].gains);
        struct latency_terms late = terms_of_a_move(cases[k].framework, "radio.delay=100 ms",
                                                    "radio.loss=0", cases[k].gains);
        for (int i = 0; i < 3; i++)
            assert_true(fabs(late.handover_s[i] - plain.handover_s[i] -
                             0.1 * cases[k].n_messages[i]) < 1e-9);
        latency_terms_release(&plain);
        latency_terms_release(&late);
    }
}

/* Hand-overs arrive after 10 s, when links go down for as long: activations that left before would not notice. */
static void what_comes_after_a_hand_over_starts_after_it(void **state)
{
    (void)state;
    char path[] = "/tmp/splitbed-test-outages-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    assert_non_null(file);
    fputs("device,down_s,up_s\n*,10,20\n", file);
    fclose(file);
    char *outages = mem_format("radio.outages=%s", path);
    static const char *const frameworks[] = {"training.framework=psl", "training.framework=sl"};
    for (size_t k = 0; k < ARRAY_LEN(frameworks); k++)
        for (int gains = 0; gains < 2; gains++) {
            struct latency_terms terms =
                terms_of_a_move(frameworks[k], "radio.delay=10 s", outages, gains);
            if (k == 1 && !gains) /* it is the layers given up that wait, behind the front part */
                assert_true(terms.uplink_s[0] < 11 && terms.handover_s[0] > 39);
            else
                assert_true(terms.uplink_s[0] > 19 && terms.uplink_s[0] < 21);
            latency_terms_release(&terms);
        }
    unlink(path);
    free(outages);
}

/* What one link makes of the same bits in the same round, in each of its directions: each draws for itself. */
static void every_hand_over_has_jitter_of_its_own(void **state)
{
    (void)state;
    const char *const sets[] = {"devices.0.count=2", "training.framework=sl", "radio.subchannels=4",
                                "radio.jitter=20 ms", NULL};
    static const enum link_direction directions[] = {LINK_UPLINK, LINK_DOWNLINK, LINK_FRONT,
                                                     LINK_GAINED};
    struct experiment e;
    struct schedule s;
    open_schedule(&s, &e, sets);
    go_to(&s, 2);
    for (int i = 0; i < 2; i++)
        for (size_t a = 0; a < ARRAY_LEN(directions); a++) {
            const struct transfer *t = round_radio_transfer(s.radio, directions[a], i);
            assert_true(t->bits > 0 && t->delay_s > 0 && t->delay_s < 0.02);
            assert_true(fabs(t->bits / t->rate_bps - t->carry_s - t->delay_s) < 1e-12);
            for (size_t b = 0; b < a; b++)
                assert_true(t->delay_s != round_radio_transfer(s.radio, directions[b], i)->delay_s);
        }
    assert_true(round_radio_transfer(s.radio, LINK_GIVEN, 0)->bits == 0);
    close_schedule(&s, &e);
}

static void a_round_of_centuries_is_refused(void **state)
{
    (void)state;
    const char *const gains[] = {"radio.antenna_gain=1e-20", "radio.antenna_gain=1e-40"};
    for (size_t i = 0; i < ARRAY_LEN(gains); i++) {
        const char *const sets[] = {SMALL, gains[i], NULL};
        struct experiment e;
        struct schedule schedule;
        struct err err = ERR_INIT;
        load(&e, sets);
        assert_int_equal(schedule_open(&schedule, &e, &err), -1);
        assert_non_null(strstr(err.text, "round 1: a round of "));
        assert_non_null(strstr(err.text, "at most 1e+09 s, some 31 years"));
        schedule_release(&schedule);
        experiment_release(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_plan_is_kept_and_its_rates_follow_the_channel),
        cmocka_unit_test(a_channel_that_stays_leaves_the_plan_as_it_is),
        cmocka_unit_test(every_so_many_rounds_there_is_a_plan_for_the_channel_as_it_is),
        cmocka_unit_test(the_cut_moves_when_that_pays_until_the_next_plan),
        cmocka_unit_test(without_a_plan_the_last_one_goes_on),
        cmocka_unit_test(a_channel_without_any_plan_is_an_error_that_says_so),
        cmocka_unit_test(a_plan_that_gives_no_rate_any_more_is_replaced_at_once),
        cmocka_unit_test(no_plan_at_the_start_is_an_error),
        cmocka_unit_test(the_parts_of_a_broadcast_come_to_the_same_for_all),
        cmocka_unit_test(a_hand_over_is_a_transfer_of_its_own),
        cmocka_unit_test(layers_that_change_sides_have_a_delay_too),
        cmocka_unit_test(what_comes_after_a_hand_over_starts_after_it),
        cmocka_unit_test(every_hand_over_has_jitter_of_its_own),
        cmocka_unit_test(a_round_of_centuries_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
