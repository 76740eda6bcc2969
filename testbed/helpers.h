/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A function in several processes at once, each of which gives a few numbers back: for measurements that must not
 * leave threads or memory behind, and that have to meet on the machine's cores at the same time. The processes end with
 * the call, or with this one.
 */
#ifndef TESTBED_HELPERS_H
#define TESTBED_HELPERS_H

#include "base/err.h"

#define HELPER_VALUES 2

struct helper;

/*
 * Gets ready, calls helper_meet(), then measures. 0 with `values` filled, or -1 with err. `job` is whatever the caller
 * of helpers_run() gave.
 */
typedef int helper_work(const void *job, struct helper *helper, double values[HELPER_VALUES],
                        struct err *err);

/* Returns when every helper has called it, or has failed. */
void helper_meet(struct helper *helper);

/*
 * `values` has room for n times HELPER_VALUES. -1 when one fails or dies: the first one's reason. When stop_fd becomes
 * readable (-1: never) the processes get SIGTERM, which ends one that does nothing about it: -1, stopped by a signal.
 */
int helpers_run(helper_work *work, const void *job, int n, double *values, int stop_fd,
                struct err *err);

#endif
