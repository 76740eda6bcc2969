/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The proof behind every lower bound: the Lagrangian of the round at one cut, in closed form.
 *
 * With prices >= 0 on each device's rates and power and on the total power, no allocation is faster
 * than
 *
 *   fixed + min_T1 [T1 + sum_i a_i D_u / (T1 - T_i^F)] + min_T2 [T2 + sum_i d_i D_d / (T2 - T_i^B)]
 *         - sum_i m_i cap_i - n p_total
 *         - sum_k max(0, max_i max_{0 <= P <= cap_i} [a_i r_ik(P) + d_i c_ik - (m_i + n) P])
 *
 * where r_ik(P) = B_k log2(1 + P g_ik / (B_k N0)) and c_ik is the downlink rate. That holds for any
 * prices, so a bound does not depend on how well, or how cleanly, they were found. At the best
 * prices it equals the relaxation in which devices may share subchannels in time.
 */
#ifndef SCHEDULER_LAGRANGIAN_H
#define SCHEDULER_LAGRANGIAN_H

#include <stdbool.h>

#include "scheduler/cell.h"
#include "scheduler/prices.h"

/* What the bound decided on the way, as material for a better one. */
struct lagrangian {
    double bound_s;            /* < 0 when the prices are poor, still valid */
    double up_s, down_s;       /* T1, T2 */
    double *power_w, *worth_s; /* [C][M] best power on the subchannel, and what it is worth */
    double *best_worth_s;      /* [M] the largest worth among those allowed; 0 if none */
    double *weight, *share;    /* [M], [C][M] scratch of the demand */
    /* Pairs that the next evaluations and demands look at, device by device: those of i are
     * near[near_from[i]] to near[near_from[i + 1] - 1]; set by lagrangian_look_near(). */
    int *near, *near_from; /* subchannels; [C + 1] */
    bool looks_near;
};

/* What the devices get at some prices. */
struct demand {
    double *uplink_bps, *downlink_bps, *power_w; /* [C] */
    double total_power_w;
    double *share; /* [C][M] the shares are added to what is there; NULL: not wanted */
};

void lagrangian_init(struct lagrangian *l, const struct cell *cell);
void lagrangian_release(struct lagrangian *l);

/* allowed[C][M]: who may own what. Pairs not allowed get worth_s = -INFINITY. */
void lagrangian_evaluate(struct lagrangian *l, const struct cell *cell,
                         const struct cut_costs *costs, const struct prices *prices,
                         const bool *allowed);

/*
 * From now on only the pairs whose worth was above `part` of the subchannel's best in the last
 * evaluation, which was of all pairs, are looked at: much less to do in large cells, but bound_s is
 * then no bound. lagrangian_look_everywhere() ends that.
 */
void lagrangian_look_near(struct lagrangian *l, const struct cell *cell, double part);
void lagrangian_look_everywhere(struct lagrangian *l);

void demand_init(struct demand *demand, int n_devices);
void demand_release(struct demand *demand);

/*
 * Of the last evaluation: each subchannel is shared among those to whom it is worth nearly the
 * most, with weights exp(-(worth lost) / (softness x worth)). With it the bound's slope is need
 * minus demand.
 */
void lagrangian_demand(struct lagrangian *l, const struct cell *cell, const struct prices *prices,
                       double softness, struct demand *demand);

#endif
