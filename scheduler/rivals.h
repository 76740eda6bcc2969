/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plans that "exact" and "dual" promise not to be worse than: block coordinate descent and the
 * best of the baselines. Their owners are tried before a search begins, so that the promise holds
 * by construction and not only because searching is better on average.
 */
#ifndef SCHEDULER_RIVALS_H
#define SCHEDULER_RIVALS_H

#include "scheduler/cell.h"
#include "scheduler/plan.h"

#define RIVALS 4

/*
 * owner[M] of one rival, 0 <= r < RIVALS; false when it has no plan. Uniform powers and random cuts
 * are no rivals of their own: the same owners with the best powers at the best cut are no worse.
 */
bool rival_owners(int r, const struct cell *cell, const int *partner,
                  const struct plan_options *options, int *owner);

#endif
