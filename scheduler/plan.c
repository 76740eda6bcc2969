/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "scheduler/memory_fit.h"
#include "scheduler/policy.h"
#include "scheduler/rates.h"

#define OPTIMAL_GAP 0.005 /* what the status "optimal" promises */

void plan_init(struct plan *plan, const struct problem *problem)
{
    size_t c = (size_t)problem->n_devices, m = (size_t)problem->n_subchannels;

    memset(plan, 0, sizeof *plan);
    plan->n_devices = problem->n_devices;
    plan->n_subchannels = problem->n_subchannels;
    plan->status = PLAN_INFEASIBLE;
    plan->owner = mem_zero(m, sizeof(int));
    for (size_t k = 0; k < m; k++)
        plan->owner[k] = -1;
    plan->psd_w_per_hz = mem_zero(m, sizeof(double));
    if (problem->takes_turns)
        plan->turn_psd_w_per_hz = mem_zero(c * m, sizeof(double));
    if (problem->is_u_shaped) {
        plan->u = u_plan_new(problem->n_devices);
        plan->cut = -1;
    }
    rates_init(&plan->rates, problem->n_devices);
    latency_terms_init(&plan->terms, problem->n_devices);
}

void plan_release(struct plan *plan)
{
    free(plan->policy);
    free(plan->owner);
    free(plan->psd_w_per_hz);
    free(plan->turn_psd_w_per_hz);
    u_plan_free(plan->u);
    free(plan->reason);
    rates_release(&plan->rates);
    latency_terms_release(&plan->terms);
    memset(plan, 0, sizeof *plan);
}

double plan_gap(const struct plan *plan)
{
    if (plan->status == PLAN_INFEASIBLE || !(plan->latency_s > 0))
        return plan->status == PLAN_INFEASIBLE ? 1 : 0;
    return (plan->latency_s - plan->lower_bound_s) / plan->latency_s;
}

static double evaluate_front(struct plan *plan, const struct problem *problem)
{
    if (problem->takes_turns)
        rates_evaluate_turns(problem, plan->turn_psd_w_per_hz, &plan->rates);
    else
        rates_evaluate(problem, plan->owner, plan->psd_w_per_hz, &plan->rates);
    latency_evaluate(problem, plan->cut, &plan->rates, &plan->terms);
    return latency_total(problem, &plan->terms);
}

static void evaluate(struct plan *plan, const struct problem *problem)
{
    plan->latency_s = plan->u ? u_plan_evaluate(plan->u, problem) : evaluate_front(plan, problem);
    plan->lower_bound_s = fmin(plan->lower_bound_s, plan->latency_s);
    plan->status = plan_gap(plan) <= OPTIMAL_GAP ? PLAN_OPTIMAL : PLAN_FEASIBLE;
}

static int choose_policy(const struct problem *problem, const char *name, const char **used,
                         int (**solve)(const struct problem *, const struct plan_options *,
                                       struct plan *, struct err *),
                         struct err *err)
{
    const struct policy *policy = policy_find(name);
    struct strbuf names = STRBUF_INIT;

    if (policy) {
        *used = problem->takes_turns ? "turns" : policy->name;
        *solve = problem->is_u_shaped   ? policy->solve_u
                 : problem->takes_turns ? policy_turns_solve
                                        : policy->solve;
        return policy_check_applies(policy, problem, err);
    }
    for (int i = 0; policy_at(i); i++)
        strbuf_addf(&names, "%s%s", i ? ", " : "", policy_at(i)->name);
    err_set(err, "policy '%s': allowed are %s", name, names.text);
    strbuf_release(&names);
    return -1;
}

static int check_options(const struct plan_options *options, const struct problem *problem,
                         struct err *err)
{
    const struct plan *previous = options->previous;

    if (previous && (previous->n_devices != problem->n_devices ||
                     previous->n_subchannels != problem->n_subchannels))
        return err_set(err,
                       "previous plan: is of %d devices and %d subchannels, the problem has %d "
                       "and %d",
                       previous->n_devices, previous->n_subchannels, problem->n_devices,
                       problem->n_subchannels);
    if (!(options->gap >= 0 && options->gap < 1))
        return err_set(err, "gap %g: must be at least 0 and below 1", options->gap);
    if (!(options->time_limit_s >= 0 && options->time_limit_s <= 1e9))
        return err_set(err, "time limit %g s: must be 0 to 1e9", options->time_limit_s);
    return 0;
}

/* Before it takes all the memory there is. */
static int check_size(const struct problem *problem, const char *policy, struct err *err)
{
    double pairs = problem_pairs(problem);
    bool is_light =
        !problem->takes_turns && !strcmp(policy, "equal") && policy_equal_flat_applies(problem);

    if (pairs <= PROBLEM_MAX_PAIRS || is_light)
        return 0;
    return err_set(
        err,
        "policy '%s': %d devices times %d subchannels are too many: at most %d. Policy "
        "equal takes more where devices share the band and gains are the same on all of it",
        policy, problem->n_devices, problem->n_subchannels, PROBLEM_MAX_PAIRS);
}

int plan_make(struct plan *plan, const struct problem *problem, const char *policy,
              const struct plan_options *options, struct err *err)
{
    int64_t start_us = clock_now_us();
    int (*solve)(const struct problem *, const struct plan_options *, struct plan *, struct err *);
    const char *used;

    if (problem_check(problem, err) || check_options(options, problem, err) ||
        choose_policy(problem, policy, &used, &solve, err) || check_size(problem, used, err))
        return -1;
    plan_init(plan, problem);
    plan->policy = mem_string(used);
    if (memory_solve(solve, problem, options, plan, err)) {
        plan_release(plan);
        return -1;
    }
    if (plan->status != PLAN_INFEASIBLE) {
        evaluate(plan, problem);
        if (plan_check(plan, problem, err)) {
            err_prefix(err, "policy %s made a plan that fails its check", used);
            plan_release(plan);
            return -1;
        }
    }
    plan->solve_s = (double)(clock_now_us() - start_us) * 1e-6;
    return 0;
}
