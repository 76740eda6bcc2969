/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From an experiment to its plan: what the framework asks of the scheduler. Used by server and `splitbed plan`. */
#ifndef EDGE_SERVER_PLANNING_H
#define EDGE_SERVER_PLANNING_H

#include "experiment/experiment.h"
#include "scheduler/plan.h"

int planning_problem(struct problem *problem, const struct experiment *e, struct err *err);

/*
 * `policy` NULL: the experiment's; `previous`: a plan of such a problem to start from, or NULL. An infeasible
 * plan is an answer, not an error.
 */
int planning_solve(struct plan *plan, const struct problem *problem, const struct experiment *e,
                   const char *policy, const struct plan *previous, struct err *err);

/* What an experiment file may name: frameworks and policies. */
struct experiment_choices planning_choices(void);

#endif
