/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What policies share, and the solve functions that the table in policy.c points at. To add a policy: one
 * file scheduler/policy_<name>.c, one line here, one row there.
 */
#ifndef SCHEDULER_POLICY_H
#define SCHEDULER_POLICY_H

#include "scheduler/plan.h"

int policy_exact_solve(const struct problem *problem, const struct plan_options *options,
                       struct plan *plan, struct err *err);

/* Devices taking turns; not in the table, plan_make() calls it whenever the problem takes turns. */
int policy_turns_solve(const struct problem *problem, const struct plan_options *options,
                       struct plan *plan, struct err *err);

/*
 * wanted[n_cuts]: false for a cut that costs at least as much as another in every number. Of cuts with the
 * same numbers (a convolution and the ReLU behind it) the last is wanted: more of the network stays with
 * the data.
 */
void policy_choose_cuts(const struct problem *problem, bool *wanted);

#endif
