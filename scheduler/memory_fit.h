/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which cuts the devices have memory for. All devices are cut at the same place, so a cut is offered to policies only
 * when each of them can train the layers before it; U-shaped, a pair of cuts is each device's own matter. Used by
 * plan_make() for every policy, and by policy_u.c; plan_check() looks for itself.
 */
#ifndef SCHEDULER_MEMORY_FIT_H
#define SCHEDULER_MEMORY_FIT_H

#include <stdbool.h>

#include "scheduler/plan.h"

/* Whether the device can train the layers before `head` and those behind `tail` at once. */
bool memory_fits_pair(const struct problem *problem, int device, int head, int tail);

/*
 * solve() on the problem with only the cuts that fit every device; the plan's cut is an index into all of them. With
 * none, or U-shaped with a device that no pair fits, the plan is infeasible and its reason names the device, its memory
 * and the least that is needed.
 */
int memory_solve(int (*solve)(const struct problem *problem, const struct plan_options *options,
                              struct plan *plan, struct err *err),
                 const struct problem *problem, const struct plan_options *options,
                 struct plan *plan, struct err *err);

#endif
