/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Limits on what a problem may hold, shared by problem_check() and the reader of problem.json,
 * which must bound lists before it allocates. The range of numbers keeps every product of the
 * latency equations far from overflow; it is no statement about physics.
 */
#ifndef SCHEDULER_PROBLEM_LIMITS_H
#define SCHEDULER_PROBLEM_LIMITS_H

#include "base/err.h"

#define PROBLEM_MIN_POSITIVE    1e-30
#define PROBLEM_MAX_NUMBER      1e30
#define PROBLEM_MAX_DEVICES     100000
#define PROBLEM_MAX_SUBCHANNELS 100000
#define PROBLEM_MAX_CUTS        512
#define PROBLEM_MAX_LAYER       512
#define PROBLEM_MAX_U_PAIRS     200000000.0 /* devices times pairs of cuts, U-shaped */
#define PROBLEM_MAX_BATCH       (1 << 24)
#define PROBLEM_MAX_NAME        200

/* "path: n entries: must be 1 to max" */
int problem_check_count(const char *path, int n, int max, struct err *err);

#endif
