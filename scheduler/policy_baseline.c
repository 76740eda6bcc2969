/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The baselines of the literature, as three switches each: who owns the subchannels, with what
 * power, and at which cut. Their bound is that of every device having the whole band to itself.
 */
#include "scheduler/policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "scheduler/ownership.h"
#include "scheduler/rates.h"

enum baseline_owners {
    OWNERS_RSS,    /* each subchannel to the device that is received best on it */
    OWNERS_GREEDY, /* each to the device that would end last */
    OWNERS_EQUAL   /* as many to each, in turn */
};

struct baseline {
    enum baseline_owners owners;
    bool
        has_uniform_power; /* one density for all, less for a device at its limit; else optimised */
    bool has_random_cut;   /* drawn from the seed; else the best for these owners and powers */
};

static int strongest(const struct cell *cell, int k)
{
    int best = 0;

    for (int i = 1; i < cell->n_devices; i++)
        if (cell->floor_w_per_hz[cell_at(cell, i, k)] <
            cell->floor_w_per_hz[cell_at(cell, best, k)])
            best = i;
    return best;
}

static void choose_owners(const struct baseline *b, struct allocation *a, const int *partner)
{
    const struct cell *cell = a->cell;

    if (b->owners == OWNERS_GREEDY) {
        ownership_greedy(a, partner);
        return;
    }
    for (int k = 0; k < cell->n_subchannels; k++)
        a->owner[k] = b->owners == OWNERS_RSS ? strongest(cell, k) : k % cell->n_devices;
    ownership_repair(cell, partner, a->owner);
    allocation_set(a, a->owner);
}

static void spread_power(const struct allocation *a, double *psd)
{
    const struct problem *problem = a->cell->problem;
    double *width = mem_zero((size_t)a->cell->n_devices, sizeof(double)), all = 0;

    for (int k = 0; k < problem->n_subchannels; k++) {
        width[a->owner[k]] += problem->bandwidth_hz[k];
        all += problem->bandwidth_hz[k];
    }
    for (int k = 0; k < problem->n_subchannels; k++)
        psd[k] = fmin(problem->total_power_w / all,
                      a->cell->power_cap_w[a->owner[k]] / width[a->owner[k]]);
    free(width);
}

static double round_s(const struct cell *cell, int cut, const int *owner, const double *psd)
{
    const struct problem *problem = cell->problem;
    struct latency_terms terms;
    struct rates rates;
    double total_s;

    rates_init(&rates, problem->n_devices);
    latency_terms_init(&terms, problem->n_devices);
    rates_evaluate_own(problem, owner, psd, cell->broadcast_bps, &rates);
    latency_evaluate(problem, cut, &rates, &terms);
    total_s = latency_total(problem, &terms);
    rates_release(&rates);
    latency_terms_release(&terms);
    return total_s;
}

/* The plan takes this cut if the round is shorter there. */
static void try_cut(const struct baseline *b, const struct cell *cell, const int *partner, int cut,
                    struct plan *plan, double *best_s)
{
    size_t m = (size_t)cell->n_subchannels;
    double *psd = mem_zero(m, sizeof(double)), total_s;
    struct cut_costs costs;
    struct allocation a;

    cut_costs_init(&costs, cell, cut);
    allocation_init(&a, cell, &costs);
    plan->lower_bound_s = fmin(plan->lower_bound_s, cut_costs_least_s(&costs));
    choose_owners(b, &a, partner);
    if (b->has_uniform_power)
        spread_power(&a, psd);
    else
        power_psd(&a, power_best_up_s(&a), psd);
    total_s = round_s(cell, cut, a.owner, psd);
    if (total_s < *best_s) {
        *best_s = total_s;
        plan->cut = cut;
        plan->status = PLAN_FEASIBLE;
        memcpy(plan->owner, a.owner, m * sizeof(int));
        memcpy(plan->psd_w_per_hz, psd, m * sizeof(double));
    }
    free(psd);
    allocation_release(&a);
    cut_costs_release(&costs);
}

static double least_of_all_cuts_s(const struct cell *cell)
{
    double least_s = HUGE_VAL;

    for (int j = 0; j < cell->problem->n_cuts; j++) {
        struct cut_costs costs;
        cut_costs_init(&costs, cell, j);
        least_s = fmin(least_s, cut_costs_least_s(&costs));
        cut_costs_release(&costs);
    }
    return least_s;
}

static void search(const struct baseline *b, const struct cell *cell, const int *partner,
                   const struct plan_options *options, struct plan *plan)
{
    int n_cuts = cell->problem->n_cuts, only = -1;
    double best_s = HUGE_VAL;
    struct rng rng;

    rng_seed(&rng, options->seed, RNG_POLICY);
    if (b->has_random_cut)
        only = (int)rng_below(&rng, (uint64_t)n_cuts);
    plan->lower_bound_s = HUGE_VAL;
    for (int j = 0; j < n_cuts; j++)
        if (only < 0 || j == only)
            try_cut(b, cell, partner, j, plan, &best_s);
    if (only >= 0)
        plan->lower_bound_s = least_of_all_cuts_s(cell);
    if (plan->status == PLAN_INFEASIBLE)
        policy_explain_too_slow(plan, cell);
}

/* A policy has no room for its switches but in its function. */
#define BASELINE(NAME, ...)                                                                        \
    void policy_##NAME##_search(const struct cell *cell, const int *partner,                       \
                                const struct plan_options *options, struct plan *plan)             \
    {                                                                                              \
        search(&(struct baseline){__VA_ARGS__}, cell, partner, options, plan);                     \
    }                                                                                              \
    int policy_##NAME##_solve(const struct problem *problem, const struct plan_options *options,   \
                              struct plan *plan, struct err *err)                                  \
    {                                                                                              \
        (void)err;                                                                                 \
        policy_with_cell(problem, options, plan, policy_##NAME##_search);                          \
        return 0;                                                                                  \
    }

BASELINE(rss_uniform_random, OWNERS_RSS, true, true)
BASELINE(rss_uniform_best, OWNERS_RSS, true, false)
BASELINE(rss_optimised_random, OWNERS_RSS, false, true)
BASELINE(rss_optimised_best, OWNERS_RSS, false, false)
BASELINE(greedy_uniform_random, OWNERS_GREEDY, true, true)
BASELINE(greedy_uniform_best, OWNERS_GREEDY, true, false)
BASELINE(greedy_optimised_random, OWNERS_GREEDY, false, true)
BASELINE(greedy_optimised_best, OWNERS_GREEDY, false, false)
BASELINE(equal_in_cell, OWNERS_EQUAL, true, false)

int policy_equal_solve(const struct problem *problem, const struct plan_options *options,
                       struct plan *plan, struct err *err)
{
    return (policy_equal_flat_applies(problem)
                ? policy_equal_flat_solve
                : policy_equal_in_cell_solve)(problem, options, plan, err);
}
