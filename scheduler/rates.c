/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "link/radio.h"

void rates_init(struct rates *rates, int n_devices)
{
    rates->uplink_bps = mem_zero((size_t)n_devices, sizeof(double));
    rates->downlink_bps = mem_zero((size_t)n_devices, sizeof(double));
    rates->broadcast_bps = 0;
}

void rates_release(struct rates *rates)
{
    free(rates->uplink_bps);
    free(rates->downlink_bps);
    *rates = (struct rates){0};
}

void rates_copy(struct rates *to, const struct rates *from, int n_devices)
{
    size_t bytes = (size_t)n_devices * sizeof(double);

    memcpy(to->uplink_bps, from->uplink_bps, bytes);
    memcpy(to->downlink_bps, from->downlink_bps, bytes);
    to->broadcast_bps = from->broadcast_bps;
}

static double uplink_of_bps(const struct problem *problem, int i, int k, double psd_w_per_hz)
{
    return subchannel_rate_bps(problem->bandwidth_hz[k], psd_w_per_hz,
                               problem_gain(&problem->devices[i], k), problem->noise_psd_w_per_hz);
}

double rates_downlink_of_bps(const struct problem *problem, int device, int subchannel)
{
    return uplink_of_bps(problem, device, subchannel, problem->downlink_psd_w_per_hz);
}

/*
 * The whole band at the server's power. Where subchannels are alike, and there may be as many as devices, one
 * logarithm does for all; the additions are those of any band, so that the sum is the same to the bit.
 */
static double whole_band_bps(const struct problem *problem, int i)
{
    double sum = 0, rate = 0;

    for (int k = 0; k < problem->n_subchannels; k++) {
        if (k == 0 || !problem->devices[i].is_flat ||
            problem->bandwidth_hz[k] != problem->bandwidth_hz[k - 1])
            rate = rates_downlink_of_bps(problem, i, k);
        sum += rate;
    }
    return sum;
}

/*
 * Where every device is flat, one that is weaker on the first subchannel is nowhere stronger, so that few whole bands
 * need to be added up: of those equally weak there, one for each gain in a row.
 */
static double flat_broadcast_bps(const struct problem *problem)
{
    double least = HUGE_VAL, weakest = HUGE_VAL, added_gain = -1;

    for (int i = 0; i < problem->n_devices; i++)
        least = fmin(least, rates_downlink_of_bps(problem, i, 0));
    for (int i = 0; i < problem->n_devices; i++) {
        double gain = problem_gain(&problem->devices[i], 0);
        if (gain == added_gain || rates_downlink_of_bps(problem, i, 0) > least)
            continue;
        weakest = fmin(weakest, whole_band_bps(problem, i));
        added_gain = gain;
    }
    return weakest;
}

double rates_broadcast_bps(const struct problem *problem)
{
    double weakest = HUGE_VAL;

    if (problem_is_flat(problem))
        return flat_broadcast_bps(problem);
    for (int i = 0; i < problem->n_devices; i++)
        weakest = fmin(weakest, whole_band_bps(problem, i));
    return weakest;
}

static void clear(struct rates *rates, int n_devices)
{
    memset(rates->uplink_bps, 0, (size_t)n_devices * sizeof(double));
    memset(rates->downlink_bps, 0, (size_t)n_devices * sizeof(double));
    rates->broadcast_bps = 0;
}

void rates_evaluate(const struct problem *problem, const int *owner, const double *psd_w_per_hz,
                    struct rates *rates)
{
    rates_evaluate_own(problem, owner, psd_w_per_hz, rates_broadcast_bps(problem), rates);
}

void rates_evaluate_own(const struct problem *problem, const int *owner, const double *psd_w_per_hz,
                        double broadcast_bps, struct rates *rates)
{
    clear(rates, problem->n_devices);
    for (int k = 0; k < problem->n_subchannels; k++) {
        int i = owner[k];
        if (i < 0)
            continue;
        rates->uplink_bps[i] += uplink_of_bps(problem, i, k, psd_w_per_hz[k]);
        rates->downlink_bps[i] += rates_downlink_of_bps(problem, i, k);
    }
    rates->broadcast_bps = broadcast_bps;
}

void rates_evaluate_turns(const struct problem *problem, const double *turn_psd_w_per_hz,
                          struct rates *rates)
{
    int m = problem->n_subchannels;

    clear(rates, problem->n_devices);
    for (int i = 0; i < problem->n_devices; i++)
        for (int k = 0; k < m; k++) {
            double psd = turn_psd_w_per_hz[(size_t)i * (size_t)m + (size_t)k];
            rates->uplink_bps[i] += uplink_of_bps(problem, i, k, psd);
            rates->downlink_bps[i] += rates_downlink_of_bps(problem, i, k);
        }
}
