/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/device_times.h"
#include "scheduler/ownership.h"

static const struct policy policies[] = {
    {"auto", "exact for small cells, dual for large ones", policy_auto_solve, policy_exact_solve_u},
    {"bcd", "block coordinate descent of EPSL: subchannels, power, cut, in turn", policy_bcd_solve,
     NULL},
    {"dual", "Lagrangian prices: a proven bound and a good plan, for large cells",
     policy_dual_solve, NULL},
    {"equal", "as many subchannels each, uniform power, best cut", policy_equal_solve,
     policy_equal_solve_u},
    {"exact", "global optimum within scheduler.gap, with a proven lower bound", policy_exact_solve,
     policy_exact_solve_u},
    {"fixed", "the owners of scheduler.owners, optimised power, best of the allowed cuts",
     policy_fixed_solve, NULL},
    {"rss-uniform-random", "strongest device on each subchannel, uniform power, random cut",
     policy_rss_uniform_random_solve, NULL},
    {"rss-uniform-best", "strongest device on each subchannel, uniform power, best cut",
     policy_rss_uniform_best_solve, NULL},
    {"rss-optimised-random", "strongest device on each subchannel, optimised power, random cut",
     policy_rss_optimised_random_solve, NULL},
    {"rss-optimised-best", "strongest device on each subchannel, optimised power, best cut",
     policy_rss_optimised_best_solve, NULL},
    {"greedy-uniform-random", "subchannels to the straggler, uniform power, random cut",
     policy_greedy_uniform_random_solve, NULL},
    {"greedy-uniform-best", "subchannels to the straggler, uniform power, best cut",
     policy_greedy_uniform_best_solve, NULL},
    {"greedy-optimised-random", "subchannels to the straggler, optimised power, random cut",
     policy_greedy_optimised_random_solve, NULL},
    {"greedy-optimised-best", "subchannels to the straggler, optimised power, best cut",
     policy_greedy_optimised_best_solve, NULL},
};

const struct policy *policy_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(policies); i++)
        if (!strcmp(policies[i].name, name))
            return &policies[i];
    return NULL;
}

const struct policy *policy_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(policies) ? &policies[i] : NULL;
}

int policy_check_applies(const struct policy *policy, const struct problem *problem,
                         struct err *err)
{
    struct strbuf names = STRBUF_INIT;

    if (!problem->is_u_shaped || policy->solve_u)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(policies); i++)
        if (policies[i].solve_u)
            strbuf_addf(&names, "%s%s", names.n ? ", " : "", policies[i].name);
    err_set(err, "policy '%s': does not apply to U-shaped problems; %s do", policy->name,
            names.text);
    strbuf_release(&names);
    return -1;
}

const char *const *policy_names(void)
{
    static const char *const names[] = {"auto",
                                        "bcd",
                                        "dual",
                                        "equal",
                                        "exact",
                                        "fixed",
                                        "rss-uniform-random",
                                        "rss-uniform-best",
                                        "rss-optimised-random",
                                        "rss-optimised-best",
                                        "greedy-uniform-random",
                                        "greedy-uniform-best",
                                        "greedy-optimised-random",
                                        "greedy-optimised-best",
                                        NULL};
    return names;
}

/* Every latency term grows with each of these numbers. */
static bool costs_no_more(const struct problem *problem, int first, int second)
{
    const struct problem_cut *a = &problem->cuts[first], *b = &problem->cuts[second];

    return a->server_forward_flop <= b->server_forward_flop &&
           a->server_backward_flop <= b->server_backward_flop &&
           a->last_layer_backward_flop <= b->last_layer_backward_flop &&
           a->activation_bits <= b->activation_bits && a->gradient_bits <= b->gradient_bits &&
           a->front_bits <= b->front_bits && device_times_cost_no_more(problem, first, second);
}

void policy_choose_cuts(const struct problem *problem, bool *wanted)
{
    for (int j = 0; j < problem->n_cuts; j++) {
        wanted[j] = true;
        for (int other = 0; other < problem->n_cuts && wanted[j]; other++)
            if (other != j && costs_no_more(problem, other, j) &&
                (!costs_no_more(problem, j, other) || other > j))
                wanted[j] = false;
    }
}

void policy_with_cell(const struct problem *problem, const struct plan_options *options,
                      struct plan *plan,
                      void (*search)(const struct cell *cell, const int *partner,
                                     const struct plan_options *options, struct plan *plan))
{
    int *partner = mem_zero((size_t)problem->n_devices, sizeof(int));
    struct strbuf reason = STRBUF_INIT;
    struct cell cell;

    cell_init(&cell, problem);
    if (ownership_match(&cell, partner, &reason)) {
        search(&cell, partner, options, plan);
    } else {
        plan->status = PLAN_INFEASIBLE;
        plan->reason = mem_string(reason.text);
    }
    strbuf_release(&reason);
    cell_release(&cell);
    free(partner);
}

void policy_fill_plan(struct plan *plan, const struct cell *cell, const struct cut_costs *costs,
                      int cut, const int *owner, double bound_s)
{
    struct allocation a;

    allocation_init(&a, cell, costs);
    allocation_set(&a, owner);
    plan->cut = cut;
    memcpy(plan->owner, owner, (size_t)cell->n_subchannels * sizeof(int));
    power_psd(&a, power_best_up_s(&a), plan->psd_w_per_hz);
    plan->lower_bound_s = bound_s;
    plan->status = PLAN_FEASIBLE;
    allocation_release(&a);
}

void policy_explain_too_slow(struct plan *plan, const struct cell *cell)
{
    const struct problem *problem = cell->problem;
    double least_bps = HUGE_VAL, bits = HUGE_VAL;
    int slowest = 0;
    struct bands bands;

    bands_init(&bands, cell->n_subchannels);
    for (int i = 0; i < cell->n_devices; i++) {
        double rate_bps;
        bands_fill(&bands, cell, i, NULL);
        rate_bps = waterfill_rate_bps(&bands, cell->power_cap_w[i]);
        if (rate_bps < least_bps) {
            least_bps = rate_bps;
            slowest = i;
        }
    }
    bands_release(&bands);
    for (int j = 0; j < problem->n_cuts; j++)
        bits = fmin(bits, problem->batch_size * problem->cuts[j].activation_bits);
    plan->status = PLAN_INFEASIBLE;
    plan->reason = mem_format("device %s: its limit of %g W (%s) gives at most %g bit/s on the "
                              "whole band; its %g bit would "
                              "need %g bit/s to be sent within a day",
                              problem->devices[slowest].name, cell->power_cap_w[slowest],
                              problem->devices[slowest].max_power_w <= problem->total_power_w
                                  ? "max_power_w"
                                  : "total_power_w",
                              least_bps, bits, bits / 86400);
}

int *policy_previous_owners(const struct plan_options *options, const struct cell *cell,
                            const int *partner, int cut)
{
    const struct plan *previous = options->previous;
    int *owner;

    if (!previous || previous->status == PLAN_INFEASIBLE || previous->cut != cut)
        return NULL;
    owner = mem_copy(previous->owner, (size_t)cell->n_subchannels * sizeof(int));
    for (int k = 0; k < cell->n_subchannels; k++)
        if (owner[k] < 0 || owner[k] >= cell->n_devices)
            owner[k] = k % cell->n_devices;
    ownership_repair(cell, partner, owner);
    return owner;
}
