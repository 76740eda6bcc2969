/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cheapest set of items that weighs enough on two scales, by branch and bound: which
 * subchannels one device would take at given prices if it needs certain rates down and up and can
 * only take whole ones. Both weights are in parts of what is needed. Bounds come from the relaxed
 * knapsack of the two weights' mean, with the weight `mix` on the second, and from the cheapest item
 * that a set which is not enough still has to take whole. Used by cover.c.
 */
#ifndef SCHEDULER_KNAPSACK_H
#define SCHEDULER_KNAPSACK_H

#include <stdbool.h>

struct knapsack_item {
    double cost;      /* may be negative */
    double weight[2]; /* >= 0 */
    double mixed;     /* filled while solving */
    int label;
};

struct knapsack {
    struct knapsack_item *items; /* [n] sorted while solving */
    bool *taken, *best;          /* [n] scratch; of the cheapest set found */
    double *weights, *costs;     /* [n + 1] sums over the first items */
    double *cheapest;            /* [n + 1] the least cost of one more item from j on */
    int n, n_free;               /* items; those at the front that cost nothing */
    bool is_needed[2];
    double least, open; /* cost of the cheapest set; least bound of what was not looked at */
    double tolerance;
    long n_left;
    /* Whether a set (taken[]) that weighs enough will also do; NULL: always. Set by the caller, for
     * what two scales cannot say; a set that does must not stop doing by growing. */
    bool (*will_do)(void *context, const struct knapsack *s);
    void *context;
};

void knapsack_init(struct knapsack *s, int max_items);
void knapsack_release(struct knapsack *s);

/*
 * The items [n] are filled by the caller. Returns a lower bound on the cost of every set that
 * weighs 1 or more on each scale that is needed and will do, at most `tolerance` below the least unless
 * max_nodes ended the search; INFINITY when not even all together are enough. best[] says which items (in
 * their new order) the set behind it has.
 */
double knapsack_solve(struct knapsack *s, int n, const bool is_needed[2], double mix,
                      double tolerance, long max_nodes);

/* The bound before any branching, after which the items are in order. */
double knapsack_root(struct knapsack *s, int n, const bool is_needed[2], double mix);

#endif
