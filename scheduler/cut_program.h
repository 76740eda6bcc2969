/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cut for given rates as a mixed-integer linear program on GLPK, as the block coordinate
 * descent of EPSL poses it: one binary per cut, the two stages' ends above every device's.
 */
#ifndef SCHEDULER_CUT_PROGRAM_H
#define SCHEDULER_CUT_PROGRAM_H

#include "scheduler/latency.h"

/* The cut with the shortest round, or -1 when GLPK has no answer. */
int cut_program_solve(const struct problem *problem, const struct rates *rates);

#endif
