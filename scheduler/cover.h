/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bound above that of the relaxation (lagrangian.h), for rounds whose downlink stage ends within
 * a window: subchannels have prices v_k, and each device takes the cheapest set of whole
 * subchannels that gives it the rates for the end of the window and for a round that is shorter
 * than `enough`. With T2 in [from, to] and prices as in lagrangian.h, no allocation is faster than
 * `enough` or than
 *
 *   fixed + from + min_T1 [T1 + sum_i a_i D_u / (T1 - T_i^F)]
 *         - sum_i m_i cap_i - n p_total - sum_k v_k
 *         + sum_i min { sum_{k in S} (v_k - w_ik) :  sum_{k in S} c_ik >= D_d / (to - T_i^B),
 *           sum_{k in S} w_ik >= a_i D_u / (enough - fixed - from - T_i^F) - (m_i + n) cap_i }
 *
 * where w_ik = max_{0 <= P <= cap_i} [a_i r_ik(P) - (m_i + n) P] and c_ik is the downlink rate. The
 * second condition follows from a_i R_i^U <= sum_k w_ik + (m_i + n) cap_i, whatever the powers. Sets on
 * which even cap_i, poured out exactly, does not carry D_u / (enough - fixed - from - T_i^F) are
 * left out as well: the second condition is that one relaxed to a sum, in which the search can
 * bound. The inner minimum over whole sets is a knapsack; that no part of a subchannel can be taken
 * is what lifts the bound. Holds at any prices; good ones are found by subgradient steps. Used by
 * cover_search.h.
 */
#ifndef SCHEDULER_COVER_H
#define SCHEDULER_COVER_H

#include <stdint.h>

#include "scheduler/knapsack.h"
#include "scheduler/lagrangian.h"
#include "scheduler/waterfill.h"

struct cover {
    const struct cell *cell; /* borrowed */
    struct lagrangian at;    /* with downlink prices 0: w_ik and the uplink stage */
    struct knapsack knapsack;
    struct prices prices; /* downlink 0 */
    size_t n_prices;      /* v [M], a [C], m [C], n */
    double *price, *best; /* [n_prices] the same as one list; where the bound was best */
    double *unit;         /* [n_prices] of a price: a step of 1 */
    double *slope, *way;  /* [n_prices] of the bound at the prices; smoothed over the steps */
    double *share;        /* [C][M] how often i took k, smoothed over the steps */
    double *mix;          /* [C] of the knapsacks' two weights; moves with the steps */
    /* For the exact question of the knapsack at hand: of whom, how fast, on what; scratch. */
    int device;
    double rate_bps;
    struct bands bands;
    int *owner; /* [M] */
    double bound_s;
    int n_steps; /* that the last cover_raise() made */
};

void cover_init(struct cover *c, const struct cell *cell);
void cover_release(struct cover *c);

/* Prices from a lagrangian evaluated at `prices`, and their units. */
void cover_start(struct cover *c, const struct lagrangian *at, const struct prices *prices);

/*
 * At most n_steps from c->price for downlink stages that end within [from_s, to_s]; stops once the
 * bound reaches enough_s, and leaves the best prices in c->price. Returns the best bound, at most
 * enough_s.
 */
double cover_raise(struct cover *c, const struct cut_costs *costs, double from_s, double to_s,
                   double target_s, double enough_s, int n_steps, int64_t deadline_us);

#endif
