/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The linear program of a relaxation on GLPK. Columns are points: a device on a subchannel with a
 * power (whose rate is on the curve), an end of the uplink stage and of the downlink stage (with
 * the rates all devices then need). Rows: the rates suffice, powers are within their limits, a
 * subchannel is given away at most once, each stage ends once.
 *
 * Scaled to numbers near 1 inside; everything outside is SI. Rates that cannot be met are bought at
 * a price above any sensible one, so the program always has a solution.
 */
#ifndef SCHEDULER_MASTER_H
#define SCHEDULER_MASTER_H

#include <stdint.h>

#include "scheduler/lagrangian.h"

struct master;

/* round_s: the length of some round at this cut, for the scale. */
struct master *master_new(const struct cell *cell, const struct cut_costs *costs, double round_s);
void master_free(struct master *m);

/* Add a point; 1 if it is new, 0 if there is one next to it (or no room, or no such stage). */
int master_add_power(struct master *m, int device, int subchannel, double power_w);
int master_add_up(struct master *m, double up_s);
int master_add_down(struct master *m, double down_s);

/* Only points of pairs in allowed[C][M] may be used by the solves that follow. */
void master_allow(struct master *m, const bool *allowed);

/*
 * Fills prices, the subchannels' prices [M] and the round's length in the mixture. -1 when GLPK has
 * no optimal basis to offer: time is up, or numerical trouble that a fresh basis did not cure.
 */
int master_solve(struct master *m, int64_t deadline_us, struct prices *prices,
                 double *subchannel_price, double *round_s);

/* [C][M] of the last solution. */
void master_shares(const struct master *m, double *share);

#endif
