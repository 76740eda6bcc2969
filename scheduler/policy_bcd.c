/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/policy_bcd.h"

#include <glpk.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/cut_program.h"
#include "scheduler/ownership.h"
#include "scheduler/rates.h"

#define STILL 1e-9 /* relative; a turn that gains less is the last */

static double round_at_s(const struct bcd *b, int cut, struct rates *rates)
{
    struct latency_terms terms;
    double total_s;

    latency_terms_init(&terms, b->cell->n_devices);
    latency_evaluate(b->cell->problem, cut, rates, &terms);
    total_s = latency_total(b->cell->problem, &terms);
    latency_terms_release(&terms);
    return total_s;
}

static double round_of_s(const struct bcd *b, const int *owner, const double *psd)
{
    struct rates rates;
    double total_s;

    rates_init(&rates, b->cell->n_devices);
    rates_evaluate_own(b->cell->problem, owner, psd, b->cell->broadcast_bps, &rates);
    total_s = round_at_s(b, b->cut, &rates);
    rates_release(&rates);
    return total_s;
}

/* Each device's power spread over what it owns, as far as all of it is allowed. */
static void spread_power(const struct bcd *b, const int *owner, double *psd)
{
    const struct cell *cell = b->cell;
    double *width = mem_zero((size_t)cell->n_devices, sizeof(double)), all = 0;

    for (int k = 0; k < cell->n_subchannels; k++) {
        width[owner[k]] += cell->problem->bandwidth_hz[k];
        all += cell->problem->bandwidth_hz[k];
    }
    for (int k = 0; k < cell->n_subchannels; k++)
        psd[k] =
            fmin(cell->problem->total_power_w / all, cell->power_cap_w[owner[k]] / width[owner[k]]);
    free(width);
}

static void keep(struct bcd *b, const int *owner, const double *psd)
{
    double total_s = round_of_s(b, owner, psd);

    if (total_s < b->round_s) {
        memcpy(b->owner, owner, (size_t)b->cell->n_subchannels * sizeof(int));
        memcpy(b->psd, psd, (size_t)b->cell->n_subchannels * sizeof(double));
        b->round_s = total_s;
    }
    b->after_s[b->n_blocks++] = b->round_s;
}

/* Owners: the powers go with the subchannels, spread evenly until the next block sets them. */
static void choose_owners(struct bcd *b, const struct cut_costs *costs)
{
    double *psd = mem_zero((size_t)b->cell->n_subchannels, sizeof(double));
    struct allocation a;

    allocation_init(&a, b->cell, costs);
    ownership_greedy(&a, b->partner);
    spread_power(b, a.owner, psd);
    keep(b, a.owner, psd);
    allocation_release(&a);
    free(psd);
}

static void choose_power(struct bcd *b, const struct cut_costs *costs)
{
    double *psd = mem_zero((size_t)b->cell->n_subchannels, sizeof(double));
    struct allocation a;

    allocation_init(&a, b->cell, costs);
    allocation_set(&a, b->owner);
    power_psd(&a, power_best_up_s(&a), psd);
    keep(b, b->owner, psd);
    allocation_release(&a);
    free(psd);
}

static void choose_cut(struct bcd *b)
{
    struct rates rates;
    double total_s = HUGE_VAL;
    int cut;

    rates_init(&rates, b->cell->n_devices);
    rates_evaluate_own(b->cell->problem, b->owner, b->psd, b->cell->broadcast_bps, &rates);
    cut = cut_program_solve(b->cell->problem, &rates);
    if (cut >= 0)
        total_s = round_at_s(b, cut, &rates);
    if (total_s < b->round_s) {
        b->cut = cut;
        b->round_s = total_s;
    }
    b->after_s[b->n_blocks++] = b->round_s;
    rates_release(&rates);
}

void bcd_init(struct bcd *b, const struct cell *cell, const int *partner, int first_cut)
{
    *b = (struct bcd){.cell = cell, .partner = partner, .cut = first_cut, .round_s = HUGE_VAL};
    b->owner = mem_zero((size_t)cell->n_subchannels, sizeof(int));
    b->psd = mem_zero((size_t)cell->n_subchannels, sizeof(double));
    for (int k = 0; k < cell->n_subchannels; k++)
        b->owner[k] = k % cell->n_devices;
    ownership_repair(cell, partner, b->owner);
    spread_power(b, b->owner, b->psd);
    b->round_s = round_of_s(b, b->owner, b->psd);
}

void bcd_release(struct bcd *b)
{
    free(b->owner);
    free(b->psd);
}

void bcd_run(struct bcd *b)
{
    for (int turn = 0; turn < BCD_MAX_TURNS; turn++) {
        double before_s = b->round_s;
        struct cut_costs costs;
        cut_costs_init(&costs, b->cell, b->cut);
        choose_owners(b, &costs);
        choose_power(b, &costs);
        cut_costs_release(&costs);
        choose_cut(b);
        if (turn > 0 && !(b->round_s < before_s * (1 - STILL)))
            break;
    }
}

void policy_bcd_search(const struct cell *cell, const int *partner,
                       const struct plan_options *options, struct plan *plan)
{
    double least_s = HUGE_VAL;
    struct bcd b;

    (void)options;
    bcd_init(&b, cell, partner, cell->problem->n_cuts / 2);
    bcd_run(&b);
    for (int j = 0; j < cell->problem->n_cuts; j++) {
        struct cut_costs costs;
        cut_costs_init(&costs, cell, j);
        least_s = fmin(least_s, cut_costs_least_s(&costs));
        cut_costs_release(&costs);
    }
    if (b.round_s < HUGE_VAL) {
        plan->cut = b.cut;
        memcpy(plan->owner, b.owner, (size_t)cell->n_subchannels * sizeof(int));
        memcpy(plan->psd_w_per_hz, b.psd, (size_t)cell->n_subchannels * sizeof(double));
        plan->lower_bound_s = least_s;
        plan->status = PLAN_FEASIBLE;
    } else {
        policy_explain_too_slow(plan, cell);
    }
    bcd_release(&b);
    glp_free_env();
}

int policy_bcd_solve(const struct problem *problem, const struct plan_options *options,
                     struct plan *plan, struct err *err)
{
    (void)err;
    policy_with_cell(problem, options, plan, policy_bcd_search);
    return 0;
}
