/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a device computes: the one place that knows whether its times come from clock and cycles
 * per FLOP or were measured, and what slows it down now. Used by the latency equations of both
 * shapes and by whoever compares cuts.
 *
 * All in seconds for a whole batch. With k the device's slowdown, 1 where it has none:
 *
 *     k b kappa_i Phi / f_i,  or  k b t(j)  with the measured t of the cut
 */
#ifndef SCHEDULER_DEVICE_TIMES_H
#define SCHEDULER_DEVICE_TIMES_H

#include "scheduler/problem.h"

/* T_i^F and T_i^B: the layers before the cut, an index into the problem's cuts. */
double device_forward_s(const struct problem *problem, int device, int cut);
double device_backward_s(const struct problem *problem, int device, int cut);

/* U-shaped: the layers behind the cut. */
double device_tail_forward_s(const struct problem *problem, int device, int cut);
double device_tail_backward_s(const struct problem *problem, int device, int cut);

/* Whether no device takes longer for cut `a` than for cut `b`, whatever its slowdown. */
bool device_times_cost_no_more(const struct problem *problem, int a, int b);

#endif
