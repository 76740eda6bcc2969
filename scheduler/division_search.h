/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The optimum over all cuts by questions to division.h: each window of ends of the downlink stage,
 * at each cut, carries a bound below which it is proven that nothing lies. The window with the
 * least bound is asked whether it holds a round between its bound and the best one known; "no"
 * raises its bound, "yes" gives a round, and the window is halved. Counts steps, not seconds, so
 * that it ends the same way every time.
 */
#ifndef SCHEDULER_DIVISION_SEARCH_H
#define SCHEDULER_DIVISION_SEARCH_H

#include <stdint.h>

#include "scheduler/exact_search.h"
#include "scheduler/division.h"

/* Steps a search may take below the gap it was asked for, and in all. */
#define DIVISION_EASY_WORK 1e8
#define DIVISION_MAX_WORK  2e9

/*
 * Continues a search that has been started by exact_search_start(): fills best, best_s and
 * dropped_s and leaves nothing open.
 */
void division_search_run(struct exact_search *s);

#endif
