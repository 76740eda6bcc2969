/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Devices that compute slower for a while, as a processor that gets hot does: a factor on their compute times, piecewise
 * constant over the modelled seconds of the run. From CSV files with the columns at_s,factor, the seconds rising:
 *
 *     at_s,factor
 *     60,1.5
 *     300,1
 *
 * Before the first row the factor is 1; after the last it stays. A round has the factor of the moment it begins. Used by
 * whoever makes a scheduling problem, and by the server's schedule from round to round.
 */
#ifndef EXPERIMENT_SLOWDOWNS_H
#define EXPERIMENT_SLOWDOWNS_H

#include "experiment/experiment.h"

#define SLOWDOWN_MIN_FACTOR 0.001
#define SLOWDOWN_MAX_FACTOR 1e6

struct slowdown_step {
    double at_s, factor;
};

/* One file. */
struct slowdown {
    struct slowdown_step *steps;
    size_t n, capacity;
};

/* What is wrong is said as "path:line: what". */
int slowdown_load(struct slowdown *slowdown, const char *path, struct err *err);
double slowdown_factor(const struct slowdown *slowdown, double at_s);
void slowdown_release(struct slowdown *slowdown);

/* Those of an experiment's devices. */
struct slowdowns;
struct slowdowns *slowdowns_new(const struct experiment *e, struct err *err);
void slowdowns_free(struct slowdowns *slowdowns); /* NULL is fine */

bool slowdowns_are_none(const struct slowdowns *slowdowns); /* no device has any */
double slowdowns_factor(const struct slowdowns *slowdowns, int device, double at_s);

#endif
