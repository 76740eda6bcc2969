/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The search behind the policy "exact": best-first branch and bound over all cuts at once.
 *
 * The bound of a cut's root is the relaxation's (relaxation.h), that of a node below comes from
 * some steps of ascent (ascent.h) from the prices of its parent, which is much faster; its solution
 * is rounded, repaired and improved by moves and swaps with exact power control; a subchannel that
 * it splits goes to each device in turn, with the bound each choice has by the prices alone.
 * Choices whose bound is within a part of the gap of the best round found are dropped. When the
 * first few thousand nodes have not met the gap, bounds by whole subchannels (cover_search.h) are
 * tried once over all cuts. Ends when nothing is left, when the gap is met and going on is no
 * longer cheap, or at the deadline.
 */
#ifndef SCHEDULER_EXACT_SEARCH_H
#define SCHEDULER_EXACT_SEARCH_H

#include "scheduler/ascent.h"
#include "scheduler/branch.h"
#include "scheduler/ownership.h"
#include "scheduler/relaxation.h"

/* A cut that may be best, with what the search needs to know of it. */
struct cut_search {
    int cut; /* in the problem */
    double least_s;
    struct cut_costs costs;
    struct allocation known; /* the best owners found at this cut */
    double known_s;
    struct relaxation *relaxation; /* NULL until its first node is solved */
    bool is_started;
};

struct exact_search {
    const struct cell *cell;
    const int *partner; /* [C] by ownership_match() */
    double gap; /* enough when more would be dear; a hair below what was asked, for rounding */
    double aim; /* the gap below which nothing is looked at; goes on to it while that is cheap */
    int64_t deadline_us;
    struct cut_search *cuts; /* least_s ascending */
    int n_cuts;
    struct open_list open;
    struct ascent ascent; /* of all nodes but the roots */
    double *prices;       /* of the node at hand, as one list */
    int best;             /* index into cuts; -1: none yet */
    double best_s;        /* its known_s */
    double dropped_s;     /* least bound among what was dropped */
    double covered_s;     /* bound over all cuts by whole subchannels; 0 before */
    bool has_covered;
    long n_nodes;  /* solved */
    bool is_rough; /* no moves and swaps: worse rounds, same proof; for tests of the proof */
};

void exact_search_init(struct exact_search *s, const struct cell *cell, const int *partner,
                       const bool *is_cut_wanted, double gap, int64_t deadline_us);
void exact_search_release(struct exact_search *s);

/* A good round at every cut that could be best, and the rest of the cuts dropped. */
void exact_search_start(struct exact_search *s);

/* Branches until nothing is left; after exact_search_start(). */
void exact_search_run(struct exact_search *s);

/* Owners [M] from elsewhere at s->cuts[j], to be improved and kept if they are better; after the
 * start. */
void exact_search_try(struct exact_search *s, int j, const int *owner);

/* The same at the cut that is best for them, if the round there is shorter than any known. */
void exact_search_try_rival(struct exact_search *s, const int *owner);

/* Bounds by whole subchannels over all cuts, and owners from them; by exact_search_run() when it is
 * due. */
void exact_search_cover(struct exact_search *s);

/* For exact_search_run(): the shares [C][M] of a relaxation at s->cuts[j] as owners, repaired, and
 * improved when they look promising; moves and swaps, to the length of the round. */
void exact_search_round(struct exact_search *s, int j, const double *share);
double exact_search_improve_s(const struct exact_search *s, struct allocation *a);

/* For others that continue from the start: a cut's known_s has fallen; nothing open lies below
 * bound_s. */
void exact_search_keep_if_best(struct exact_search *s, int j);
void exact_search_close(struct exact_search *s, double bound_s);

/* No allocation at any of the cuts is faster. */
double exact_search_bound_s(const struct exact_search *s);

#endif
