/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Branch and bound over cuts and owners: an open list of nodes, each a cut with the set of (device,
 * subchannel) pairs still allowed, ordered by the lower bound it inherited.
 */
#ifndef SCHEDULER_BRANCH_H
#define SCHEDULER_BRANCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node {
    double bound_s;
    int cut;          /* index into the caller's list */
    uint8_t *allowed; /* [C x M bits], device by device */
    double *prices;   /* [n_prices] to start from; NULL: none yet */
};

/* A binary heap, the least bound on top. */
struct open_list {
    struct node *nodes;
    size_t n, capacity;
    size_t n_pairs; /* C x M */
    size_t n_prices;
};

void open_list_init(struct open_list *list, size_t n_pairs, size_t n_prices);
void open_list_release(struct open_list *list);

/* allowed[n_pairs] and prices[n_prices] are copied; prices may be NULL. */
void open_list_push(struct open_list *list, double bound_s, int cut, const bool *allowed,
                    const double *prices);

/*
 * Takes the node with the least bound; false when the list is empty. *has_prices says whether
 * prices were filled; both may be NULL.
 */
bool open_list_pop(struct open_list *list, double *bound_s, int *cut, bool *allowed, double *prices,
                   bool *has_prices);

double open_list_least_s(const struct open_list *list); /* INFINITY when empty */

#endif
