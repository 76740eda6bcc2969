/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "edge-server/assignment.h"
#include "edge-server/planning.h"
#include "experiment/slowdowns.h"
#include "models/net_range.h"
#include "scheduler/rates.h"

static int layer_of(const struct schedule *schedule, int cut_index)
{
    return schedule->problem.cuts[cut_index].layer;
}

/* What changes sides when the cut moves between layers `from` and `to`. */
static struct handover_move move_between(const struct schedule *schedule, int from, int to)
{
    int low = from < to ? from : to, high = from < to ? to : from;
    return (struct handover_move){
        .weights_bits = 32.0 * (double)net_range_weights(schedule->layers, low, high),
        .optimizer_bits = 32.0 * (double)schedule->n_state *
                          (double)net_range_params(schedule->layers, low, high),
        .devices_gain = to > from,
    };
}

/* Rates, terms and latency of this round under the plan that holds. */
static void evaluate(struct schedule *schedule)
{
    const struct plan *plan = &schedule->plan;
    schedule->cut = layer_of(schedule, plan->cut);
    schedule->is_special = schedule->round == 1 || schedule->cut != schedule->previous_cut;
    struct handover_move move = move_between(schedule, schedule->previous_cut, schedule->cut);
    move.is_first_round = schedule->round == 1;
    schedule->latency_s = round_radio_evaluate(schedule->radio, schedule->round, &schedule->problem,
                                               plan, &move, &schedule->rates, &schedule->terms);
}

static bool is_usable(const struct schedule *schedule)
{
    return schedule->latency_s <= ROUND_MAX_S;
}

/* What is wrong with a round that is not usable: `no_rate`, or how long it is. */
static int refuse(const struct schedule *schedule, const char *no_rate, struct err *err)
{
    const char *and = schedule->reason ? ", and there is no other: " : "";
    const char *reason = schedule->reason ? schedule->reason : "";
    if (schedule->latency_s < HUGE_VAL)
        return err_set(err,
                       "round %u: a round of %.6g s under the plan of round %u: at most %g s, some "
                       "31 years; a link is too slow%s%s",
                       schedule->round, schedule->latency_s, schedule->plan_round, ROUND_MAX_S, and,
                       reason);
    return err_set(err, "round %u: %s%s%s", schedule->round, no_rate, and, reason);
}

int schedule_open(struct schedule *schedule, const struct experiment *e, struct err *err)
{
    struct optimizer optimizer;
    struct plan plan;
    memset(schedule, 0, sizeof *schedule);
    if (planning_problem(&schedule->problem, e, err))
        return -1;
    schedule->e = e;
    schedule->round = 1;
    rates_init(&schedule->rates, e->n_devices);
    latency_terms_init(&schedule->terms, e->n_devices);
    schedule->layers = net_new(&e->model, 0, 0, err);
    if (!schedule->layers || assignment_optimizer(&optimizer, e, 1, err))
        return -1;
    schedule->n_state = optimizer_state_floats(&optimizer, 1);
    schedule->radio = round_radio_new(e, err);
    schedule->slowdowns = slowdowns_new(e, err);
    if (!schedule->radio || !schedule->slowdowns)
        return -1;
    if (planning_solve(&plan, &schedule->problem, e, NULL, NULL, err))
        return err_prefix(err, "planning");
    if (plan.status == PLAN_INFEASIBLE) {
        err_set(err, "there is no plan: %s", plan.reason);
        plan_release(&plan);
        return -1;
    }
    schedule->previous_cut = layer_of(schedule, plan.cut);
    return schedule_adopt(schedule, &plan, err);
}

void schedule_release(struct schedule *schedule)
{
    net_free(schedule->layers);
    round_radio_free(schedule->radio);
    slowdowns_free(schedule->slowdowns);
    plan_release(&schedule->plan);
    rates_release(&schedule->rates);
    latency_terms_release(&schedule->terms);
    free(schedule->reason);
    problem_release(&schedule->problem);
    memset(schedule, 0, sizeof *schedule);
}

int schedule_adopt(struct schedule *schedule, struct plan *plan, struct err *err)
{
    plan_release(&schedule->plan);
    schedule->plan = *plan;
    memset(plan, 0, sizeof *plan);
    schedule->plan_round = schedule->round;
    schedule->change = SCHEDULE_PLANNED;
    schedule->is_stale = false;
    evaluate(schedule);
    return is_usable(schedule) ? 0 : refuse(schedule, "its plan gives some device no rate", err);
}

int schedule_plan_at(const struct schedule *schedule, int cut_index, struct plan *plan,
                     struct err *err)
{
    struct problem problem = schedule->problem;
    struct plan previous = schedule->plan;
    problem.cuts += cut_index;
    problem.n_cuts = 1;
    bool is_same_cut = previous.cut == cut_index;
    previous.cut = 0;
    if (planning_solve(plan, &problem, schedule->e, NULL, is_same_cut ? &previous : NULL, err))
        return err_prefix(err, "planning");
    plan->cut = cut_index;
    return 0;
}

/* Whether the cut of `plan` is worth moving to, instead of keeping the one there is with `kept`. */
static bool is_worth_moving(const struct schedule *schedule, const struct plan *plan,
                            const struct plan *kept)
{
    const struct experiment *e = schedule->e;
    int left = e->training.rounds - (int)schedule->round + 1;
    int horizon = left < e->scheduler.every ? left : e->scheduler.every;
    struct latency_terms terms;
    if (kept->status == PLAN_INFEASIBLE)
        return true;
    latency_terms_init(&terms, e->n_devices);
    latency_terms_copy(&terms, &plan->terms);
    struct handover_move move =
        move_between(schedule, schedule->cut, layer_of(schedule, plan->cut));
    handover_evaluate(&schedule->problem, plan->cut, &move, &plan->rates, &terms);
    double handover_s = latency_total(&schedule->problem, &terms) - plan->latency_s;
    latency_terms_release(&terms);
    return plan->latency_s + handover_s / horizon < kept->latency_s;
}

/* The plan at the old cut in place of `plan`, where moving does not pay. */
static int weigh_move(const struct schedule *schedule, struct plan *plan, struct err *err)
{
    struct plan kept;
    if (plan->cut == schedule->plan.cut)
        return 0;
    if (schedule_plan_at(schedule, schedule->plan.cut, &kept, err))
        return -1;
    bool moves = is_worth_moving(schedule, plan, &kept);
    struct plan worse = moves ? kept : *plan;
    if (!moves)
        *plan = kept;
    plan_release(&worse);
    return 0;
}

static int plan_again(struct schedule *schedule, struct err *err)
{
    struct plan plan;
    if (planning_solve(&plan, &schedule->problem, schedule->e, NULL, &schedule->plan, err))
        return err_prefix(err, "planning");
    if (plan.status == PLAN_INFEASIBLE) {
        schedule->change = SCHEDULE_INFEASIBLE;
        schedule->reason = mem_string(plan.reason);
        plan_release(&plan);
        return 0;
    }
    if (weigh_move(schedule, &plan, err)) {
        plan_release(&plan);
        return -1;
    }
    return schedule_adopt(schedule, &plan, err);
}

int schedule_next(struct schedule *schedule, uint32_t round, struct err *err)
{
    uint32_t every = (uint32_t)schedule->e->scheduler.every;
    if (round == 1) /* schedule_open() has been there */
        return 0;
    round_radio_advance(schedule->radio, schedule->latency_s);
    schedule->round = round;
    schedule->previous_cut = schedule->cut;
    schedule->change = SCHEDULE_SAME;
    free(schedule->reason);
    schedule->reason = NULL;
    bool has_changed = round_radio_gains(schedule->radio, round, &schedule->problem);
    has_changed |= problem_slow_down(&schedule->problem, schedule->slowdowns,
                                     round_radio_now_s(schedule->radio));
    schedule->is_stale |= has_changed;
    if (has_changed || schedule->is_special || !round_radio_is_ideal(schedule->radio))
        evaluate(schedule); /* otherwise the round is as the one before */
    bool is_due = every > 0 && ((round - 1) % every == 0 || !is_usable(schedule));
    if (is_due && schedule->is_stale && plan_again(schedule, err))
        return err_prefix(err, "round %u", round);
    if (is_usable(schedule))
        return 0;
    char *no_rate =
        mem_format("the plan of round %u gives some device no rate now", schedule->plan_round);
    refuse(schedule, no_rate, err);
    free(no_rate);
    return -1;
}
