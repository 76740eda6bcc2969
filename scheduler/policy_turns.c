/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Vanilla split learning: on its turn a device has every subchannel and min(p_i^max, p_total), so
 * water-filling gives the largest uplink rate, every latency term is as small as it can be, and the
 * best cut is found by looking at all of them. The latency is its own lower bound.
 */
#include "scheduler/policy.h"

#include <math.h>

#include "base/mem.h"
#include "scheduler/rates.h"
#include "scheduler/waterfill.h"

static bool is_usable(const struct rates *rates, int i)
{
    return rates->uplink_bps[i] > 0 && rates->downlink_bps[i] > 0;
}

static void fill_powers(const struct problem *problem, struct plan *plan)
{
    struct cell cell;
    struct bands bands;

    cell_init(&cell, problem);
    bands_init(&bands, cell.n_subchannels);
    for (int i = 0; i < cell.n_devices; i++) {
        bands_fill(&bands, &cell, i, NULL);
        waterfill_psd_for_power(&bands, cell.power_cap_w[i],
                                &plan->turn_psd_w_per_hz[cell_at(&cell, i, 0)]);
    }
    bands_release(&bands);
    cell_release(&cell);
}

int policy_turns_solve(const struct problem *problem, const struct plan_options *options,
                       struct plan *plan, struct err *err)
{
    double best_s = HUGE_VAL;

    (void)options;
    (void)err;
    fill_powers(problem, plan);
    rates_evaluate_turns(problem, plan->turn_psd_w_per_hz, &plan->rates);
    for (int i = 0; i < problem->n_devices; i++)
        if (!is_usable(&plan->rates, i)) {
            plan->status = PLAN_INFEASIBLE;
            plan->reason = mem_format("device %s has no usable subchannel: every gain is 0",
                                      problem->devices[i].name);
            return 0;
        }
    for (int j = 0; j < problem->n_cuts; j++) {
        double total_s;
        latency_evaluate(problem, j, &plan->rates, &plan->terms);
        total_s = latency_total(problem, &plan->terms);
        if (total_s <= best_s) { /* of equals the last, as in policy_choose_cuts() */
            best_s = total_s;
            plan->cut = j;
        }
    }
    plan->lower_bound_s = best_s;
    plan->status = PLAN_OPTIMAL;
    return 0;
}
