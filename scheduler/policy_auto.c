/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy "auto": "exact" where branching pays within seconds or division needs none, "dual" for
 * larger cells.
 */
#include "scheduler/division.h"
#include "scheduler/policy.h"

/* Devices times subchannels up to which "exact" finds at least as good plans in the default time.
 * */
#define EXACT_PAIRS 400

int policy_auto_solve(const struct problem *problem, const struct plan_options *options,
                      struct plan *plan, struct err *err)
{
    double pairs = (double)problem->n_devices * problem->n_subchannels;

    return (pairs <= EXACT_PAIRS ? policy_exact_solve : policy_dual_solve)(problem, options, plan,
                                                                           err);
}
