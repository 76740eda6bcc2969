/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cheapest set of items that weighs enough on two scales, by branch and bound: which
 * subchannels one device would take at given prices if it needs certain rates down and up and can
 * only take whole ones. Both weights are in parts of what is needed. Bounds come from the relaxed
 * knapsack of the two weights' mean, with the weight `mix` on the second. Used by cover.c.
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
    int n, n_free;               /* items; those at the front that cost nothing */
    bool is_needed[2];
    double least, open; /* cost of the cheapest set; least bound of what was not looked at */
    double tolerance;
    long n_left;
};

void knapsack_init(struct knapsack *s, int max_items);
void knapsack_release(struct knapsack *s);

/*
 * The items [n] are filled by the caller. Returns a lower bound on the cost of every set that
 * weighs 1 or more on each scale that is needed, at most `tolerance` below the least unless
 * max_nodes ended the search; INFINITY when all together weigh less. best[] says which items (in
 * their new order) the set behind it has.
 */
double knapsack_solve(struct knapsack *s, int n, const bool is_needed[2], double mix,
                      double tolerance, long max_nodes);

/* The bound before any branching, after which the items are in order. */
double knapsack_root(struct knapsack *s, int n, const bool is_needed[2], double mix);

#endif
