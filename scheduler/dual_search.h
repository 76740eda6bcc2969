/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The search behind the policy "dual", for cells too large to branch in: at each cut the prices are
 * raised to a good bound (ascent.h), every subchannel goes to the device to whom it is worth most
 * at these prices, and the owners are repaired and improved. In cells of some hundred subchannels
 * whole subchannels then raise the bound (cover_search.h) and give owners to improve. Then
 * roundings again with the worths shaken a little, as long as work is left. Every part is counted
 * in steps, so that the same problem gives the same plan.
 */
#ifndef SCHEDULER_DUAL_SEARCH_H
#define SCHEDULER_DUAL_SEARCH_H

#include "scheduler/ascent.h"
#include "scheduler/plan.h"

struct dual_cut {
    int cut; /* in the problem */
    struct cut_costs costs;
    double bound_s;  /* nothing at this cut is faster */
    bool is_raised;  /* by prices, that is, not only least_s */
    bool is_covered; /* cover_search.h bounds it too */
};

struct dual_search {
    const struct cell *cell; /* borrowed */
    const int *partner;      /* [C] by ownership_match() */
    double gap;              /* a hair below what was asked, for rounding */
    int64_t deadline_us;
    struct dual_cut *cuts; /* least bound first at the start */
    int n_cuts;
    int best, *owner; /* index into cuts, -1: none; [M] */
    double best_s;
    struct ascent ascent;
    bool has_prices; /* the ascent has been started at some cut */
    struct rng *rng;
};

void dual_search_init(struct dual_search *s, const struct cell *cell, const int *partner,
                      const bool *is_cut_wanted, const struct plan_options *options,
                      struct rng *rng);
void dual_search_release(struct dual_search *s);

/* Owners [M] from elsewhere at s->cuts[j], to be improved and kept if they are good; before the
 * run. */
void dual_search_try(struct dual_search *s, int j, const int *owner);

/* The same at the cut that is best for them, as they are. */
void dual_search_try_rival(struct dual_search *s, const int *owner);

void dual_search_run(struct dual_search *s);

/* No allocation at any of the cuts is faster. */
double dual_search_bound_s(const struct dual_search *s);

#endif
