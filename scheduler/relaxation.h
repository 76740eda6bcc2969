/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The relaxation of one cut in which devices may share a subchannel in time, solved by column
 * generation: a linear program on GLPK (the master) mixes points of the rate curves and of the
 * stage times, its duals are prices, the Lagrangian at these prices is the bound and names the
 * points the master lacks.
 *
 * The bound never rests on GLPK: any trouble there (numerical, time) only makes it less tight.
 * Branches are told by `allowed`; points are kept from call to call. One thread at a time; all
 * masters of a thread share GLPK's environment, see glpk_guard.h.
 */
#ifndef SCHEDULER_RELAXATION_H
#define SCHEDULER_RELAXATION_H

#include <stdint.h>

#include "scheduler/lagrangian.h"
#include "scheduler/power.h"

struct relaxation;

/* `known` is a complete allocation: its points make the master feasible and set the scale. */
struct relaxation *relaxation_new(const struct cell *cell, const struct cut_costs *costs,
                                  const struct allocation *known);
void relaxation_free(struct relaxation *r);

struct relaxed {
    double bound_s; /* no allocation within `allowed` is faster */
    double *
        share; /* [C][M] part of the time that i has subchannel k in the relaxation; 0s if unknown */
    double *loss_s; /* [C][M] how much the bound rises if k goes to i; INFINITY where not allowed */
    bool is_known;  /* `share` is a solution of the master */
};
void relaxed_init(struct relaxed *relaxed, const struct cell *cell);
void relaxed_release(struct relaxed *relaxed);

/*
 * Stops early once the bound reaches cutoff_s, or when what is left to gain is below tolerance_s or
 * the deadline has passed.
 */
void relaxation_solve(struct relaxation *r, const bool *allowed, double cutoff_s,
                      double tolerance_s, int64_t deadline_us, struct relaxed *relaxed);

/* Those of the best bound so far. */
const struct prices *relaxation_prices(const struct relaxation *r);

#endif
