/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Good prices for the Lagrangian bound (lagrangian.h) in O(C M) a step, without a linear program:
 * each price rises while what it pays for is short and falls while there is plenty, by a factor
 * that grows as long as the direction holds and shrinks when it turns. Needs some hundred steps to
 * come within a few tenths of a per cent of the best bound; any step's bound is valid. In large
 * cells most of the later steps look only at pairs near the best (lagrangian_look_near()) and every
 * tenth at all of them; only the bounds of these count.
 */
#ifndef SCHEDULER_ASCENT_H
#define SCHEDULER_ASCENT_H

#include <stdint.h>

#include "scheduler/lagrangian.h"
#include "scheduler/power.h"

struct ascent {
    const struct cell *cell; /* borrowed */
    struct lagrangian at;    /* at the prices of the last step */
    struct demand demand;
    struct prices prices, best; /* of the last step; of the best bound */
    double bound_s;             /* the best bound */
    double first_step, first_softness,
        last_softness;     /* set by ascent_init(); smaller from near the best */
    double *step, *before; /* [3 C + 1] per price: rate of change, last direction */
};

void ascent_init(struct ascent *a, const struct cell *cell);
void ascent_release(struct ascent *a);

/* Forgets the bound and starts from the prices that a known allocation suggests. */
void ascent_start(struct ascent *a, const struct allocation *known);

/* Forgets the bound and keeps the prices, as for another cut or another set of pairs. */
void ascent_restart(struct ascent *a);

/*
 * At most n_steps at these costs; stops once the bound reaches enough_s, or at the deadline.
 * `allowed` as in lagrangian.h. Returns the best bound since the start. Afterwards a->at is the
 * evaluation at the best prices.
 */
double ascent_run(struct ascent *a, const struct cut_costs *costs, const bool *allowed, int n_steps,
                  double enough_s, int64_t deadline_us);

#endif
