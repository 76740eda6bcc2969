/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the search of exact_search.c comes by rounds: owners from elsewhere and rounded shares. */
#include <limits.h>
#include <math.h>

#include "base/clock.h"
#include "scheduler/exact_search.h"
#include "scheduler/improve.h"

void exact_search_keep_if_best(struct exact_search *s, int j)
{
    if (s->cuts[j].known_s < s->best_s) {
        s->best_s = s->cuts[j].known_s;
        s->best = j;
    }
}

double exact_search_improve_s(const struct exact_search *s, struct allocation *a)
{
    return s->is_rough ? allocation_total_s(a) : improve_owners(a, LONG_MAX, s->deadline_us);
}

/* Of owners and the round they make at cut j: the best there, and of all cuts. */
static void keep(struct exact_search *s, int j, const struct allocation *a, double total_s)
{
    struct cut_search *c = &s->cuts[j];

    if (!(total_s < c->known_s))
        return;
    allocation_set(&c->known, a->owner);
    c->known_s = total_s;
    exact_search_keep_if_best(s, j);
}

void exact_search_try(struct exact_search *s, int j, const int *owner)
{
    struct cut_search *c = &s->cuts[j];
    struct allocation tried;
    double total_s;

    if (!c->is_started) {
        /* Dropped, for its bound is nearly that of a round found; these owners may be better still. */
        allocation_init(&c->known, s->cell, &c->costs);
        c->is_started = true;
        c->known_s = HUGE_VAL;
    }
    allocation_init(&tried, s->cell, &c->costs);
    allocation_set(&tried, owner);
    total_s = exact_search_improve_s(s, &tried);
    keep(s, j, &tried, total_s);
    allocation_release(&tried);
}

static double round_of_s(const struct exact_search *s, int j, const int *owner)
{
    struct allocation a;
    double total_s;

    allocation_init(&a, s->cell, &s->cuts[j].costs);
    allocation_set(&a, owner);
    total_s = allocation_total_s(&a);
    allocation_release(&a);
    return total_s;
}

void exact_search_try_rival(struct exact_search *s, const int *owner)
{
    int best = -1;
    double best_s = s->best_s;

    for (int j = 0; j < s->n_cuts; j++) {
        double total_s = round_of_s(s, j, owner);
        if (total_s < best_s) {
            best_s = total_s;
            best = j;
        }
    }
    if (best >= 0)
        exact_search_try(s, best, owner);
}

void exact_search_round(struct exact_search *s, int j, const double *share)
{
    struct cut_search *c = &s->cuts[j];
    struct allocation tried;
    double total_s;

    allocation_init(&tried, s->cell, &c->costs);
    for (int k = 0; k < s->cell->n_subchannels; k++) {
        double largest = 0;
        int owner = c->known.owner[k];
        for (int i = 0; i < s->cell->n_devices; i++)
            if (share[cell_at(s->cell, i, k)] > largest) {
                largest = share[cell_at(s->cell, i, k)];
                owner = i;
            }
        tried.owner[k] = owner;
    }
    ownership_repair(s->cell, s->partner, tried.owner);
    allocation_set(&tried, tried.owner);
    total_s = allocation_total_s(&tried);
    if (s->n_nodes < 10 || (s->n_nodes & (s->n_nodes - 1)) == 0 ||
        total_s < s->best_s * (1 + s->gap))
        total_s = exact_search_improve_s(s, &tried);
    keep(s, j, &tried, total_s);
    allocation_release(&tried);
}
