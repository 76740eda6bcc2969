/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exact power control: for given owners and cut, the powers that end the uplink stage soonest.
 *
 * The stage time T1 = max_i(T_i^F + D / R_i^U) can be met if every device reaches the rate D / (T1
 * - T_i^F) within min(p_i^max, p_total) and all together within p_total; the least power for a rate
 * is water-filling, and it falls as T1 grows, so that bisection on T1 finds the optimum
 * (docs/MODEL.md). Devices that are not the last get the least power that makes them end with it.
 */
#ifndef SCHEDULER_POWER_H
#define SCHEDULER_POWER_H

#include "scheduler/waterfill.h"

/* What every device owns, and what that gives; kept up to date as subchannels change hands. */
struct allocation {
    const struct cell *cell;       /* borrowed */
    const struct cut_costs *costs; /* borrowed */
    int *owner;                    /* [M] */
    struct bands *bands;           /* [C] */
    double *downlink_bps;          /* [C] */
};

void allocation_init(struct allocation *a, const struct cell *cell, const struct cut_costs *costs);
void allocation_release(struct allocation *a);

void allocation_set(struct allocation *a, const int *owner);            /* all of them */
void allocation_give(struct allocation *a, int subchannel, int device); /* one; -1: to nobody */
void allocation_swap(struct allocation *a, int k, int l);               /* both owned */

/* The rate with which device i ends its uplink at up_s, and the least power of all for theirs. */
double power_rate_needed_bps(const struct allocation *a, int i, double up_s);
double power_total_w(const struct allocation *a, double up_s);

/* Whether the uplink stage can end by up_s. */
bool power_can_meet(const struct allocation *a, double up_s);

/* The soonest end of the uplink stage, to 1e-12 relative; INFINITY when some device cannot send. */
double power_best_up_s(const struct allocation *a);

/* The densities that meet up_s, [M]; 0 on subchannels not needed. */
void power_psd(const struct allocation *a, double up_s, double *psd_w_per_hz);

/* The end of one device's downlink and backward pass. */
double allocation_down_of_s(const struct allocation *a, int i);

/* The end of the downlink stage, max_i(D / R_i^D + T_i^B): owners alone decide it. */
double allocation_down_s(const struct allocation *a);

/* The whole round with exact power control. */
double allocation_total_s(const struct allocation *a);

#endif
