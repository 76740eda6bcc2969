/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Policy "equal" where each device's gain is the same on every subchannel: nothing is kept for each pair of device and
 * subchannel, so that tens of thousands of devices can be planned. Any share of a flat band is as good as any other,
 * and a device with the whole band to itself spreads its power evenly, which gives the bound in closed form.
 */
#include "scheduler/policy.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "scheduler/rates.h"

#define LN_2 0.693147180559945309417

bool policy_equal_flat_applies(const struct problem *problem)
{
    if (!problem_is_flat(problem) || problem->n_subchannels < problem->n_devices)
        return false;
    for (int i = 0; i < problem->n_devices; i++)
        if (!(rates_downlink_of_bps(problem, i, 0) > 0))
            return false;
    return true;
}

static double band_hz(const struct problem *problem)
{
    double sum = 0;
    for (int k = 0; k < problem->n_subchannels; k++)
        sum += problem->bandwidth_hz[k];
    return sum;
}

static void share_out(const struct problem *problem, struct plan *plan)
{
    double *width_hz = mem_zero((size_t)problem->n_devices, sizeof(double));
    double most_w_per_hz = problem->total_power_w / band_hz(problem);

    for (int k = 0; k < problem->n_subchannels; k++) {
        plan->owner[k] = k % problem->n_devices;
        width_hz[plan->owner[k]] += problem->bandwidth_hz[k];
    }
    for (int k = 0; k < problem->n_subchannels; k++) {
        int i = plan->owner[k];
        double cap_w = fmin(problem->devices[i].max_power_w, problem->total_power_w);
        plan->psd_w_per_hz[k] = fmin(most_w_per_hz, cap_w / width_hz[i]);
    }
    free(width_hz);
}

/* What a device would send and get with all of the band, at its own power and at the server's. */
static void whole_band(const struct problem *problem, double *up_bps, double *down_bps)
{
    double all_hz = band_hz(problem), noise = problem->noise_psd_w_per_hz;

    for (int i = 0; i < problem->n_devices; i++) {
        const struct problem_device *device = &problem->devices[i];
        double cap_w = fmin(device->max_power_w, problem->total_power_w);
        double gain = problem_gain(device, 0);
        up_bps[i] = all_hz * log1p(cap_w / all_hz * gain / noise) / LN_2;
        down_bps[i] = all_hz * log1p(problem->downlink_psd_w_per_hz * gain / noise) / LN_2;
    }
}

static double seconds(double bits, double rate_bps)
{
    return bits > 0 ? bits / rate_bps : 0;
}

/* No round at this cut is shorter; of the terms those that no plan changes are used. */
static double least_s(const struct problem *problem, int cut, const struct latency_terms *terms,
                      const double *up_bps, const double *down_bps)
{
    const struct problem_cut *c = &problem->cuts[cut];
    double up_bits = problem->batch_size * c->activation_bits, up_s = 0, down_s = 0;
    double down_bits = (problem->batch_size - problem_aggregated_slots(problem)) * c->gradient_bits;

    for (int i = 0; i < problem->n_devices; i++) {
        up_s = fmax(up_s, terms->device_forward_s[i] + seconds(up_bits, up_bps[i]));
        down_s = fmax(down_s, terms->device_backward_s[i] + seconds(down_bits, down_bps[i]));
    }
    return up_s + terms->server_forward_s + terms->server_backward_s + terms->broadcast_s + down_s;
}

int policy_equal_flat_solve(const struct problem *problem, const struct plan_options *options,
                            struct plan *plan, struct err *err)
{
    double *up_bps = mem_zero((size_t)problem->n_devices, sizeof(double));
    double *down_bps = mem_zero((size_t)problem->n_devices, sizeof(double));
    double best_s = HUGE_VAL;

    (void)options;
    (void)err;
    share_out(problem, plan);
    rates_evaluate(problem, plan->owner, plan->psd_w_per_hz, &plan->rates);
    whole_band(problem, up_bps, down_bps);
    plan->lower_bound_s = HUGE_VAL;
    for (int j = 0; j < problem->n_cuts; j++) {
        latency_evaluate(problem, j, &plan->rates, &plan->terms);
        double total_s = latency_total(problem, &plan->terms);
        double bound_s = least_s(problem, j, &plan->terms, up_bps, down_bps);
        plan->lower_bound_s = fmin(plan->lower_bound_s, bound_s);
        if (total_s < best_s) {
            best_s = total_s;
            plan->cut = j;
            plan->status = PLAN_FEASIBLE;
        }
    }
    if (plan->status == PLAN_INFEASIBLE)
        plan->reason = mem_string("some device is heard so badly that its round would never end");
    free(up_bps);
    free(down_bps);
    return 0;
}
