/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bound over all cuts by windows: a heap of windows of ends of the downlink stage, each with
 * the bound that cover.h proves for it and the prices that did it. The window with the least bound
 * is halved, or when it is narrow given more steps, and raised from its prices, until the least
 * bound is enough. Counts steps, not seconds, so that it ends the same way every time. Used by
 * dual_search.h and policy_exact.c.
 */
#ifndef SCHEDULER_COVER_SEARCH_H
#define SCHEDULER_COVER_SEARCH_H

#include <stdint.h>

#include "scheduler/ascent.h"
#include "scheduler/cover.h"

struct cover_window {
    int cut; /* the caller's number */
    const struct cut_costs *costs;
    double from_s, to_s, bound_s;
    double *price, *unit; /* [n_prices] */
    int n_steps;          /* when it is raised next */
};

struct cover_search {
    const struct cell *cell; /* borrowed */
    struct cover cover;
    struct cover_window *windows; /* a heap, the least bound on top */
    size_t n, capacity;
    double work; /* steps times pairs */
    int64_t deadline_us;
};

void cover_search_init(struct cover_search *s, const struct cell *cell, int64_t deadline_us);
void cover_search_release(struct cover_search *s);

/*
 * All rounds at a cut that are shorter than best_s, with a bound known to hold for them, and the
 * ascent that was last at this cut, for its prices.
 */
void cover_search_add(struct cover_search *s, int cut, const struct cut_costs *costs,
                      double bound_s, double best_s, const struct ascent *ascent);

/*
 * Halves windows until the least bound reaches enough_s or max_work more is done. best_s is the
 * best round known, which no bound passes. true when there is hope in going on.
 */
bool cover_search_run(struct cover_search *s, double best_s, double enough_s, double max_work);

/* No round at any of the cuts added is shorter; INFINITY without windows. */
double cover_search_bound_s(const struct cover_search *s);

/* The window that holds the bound is at this cut. Only with windows. */
int cover_search_cut(const struct cover_search *s);

/* owner[M]: who has taken most of what in the last steps; where nobody has, the owner known. */
void cover_search_owners(const struct cover_search *s, const int *known, int *owner);

#endif
