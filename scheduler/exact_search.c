/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/exact_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Masters above this size take longer to build than they are worth; the search then is local only.
 * */
#define MAX_PAIRS 20000

#define NODE_STEPS    40   /* of the ascent at a node */
#define NODE_STEP     0.03 /* of a price, the first: the parent's prices are near the best */
#define NODE_SOFTNESS 0.01

#define AIM       0.1 /* of the gap */
#define EASY_WORK 1e5 /* nodes times pairs: as long as going on below the gap counts as cheap */
#define MAX_WORK  1e7 /* and in all; some seconds */

static int by_least(const void *a, const void *b)
{
    const struct cut_search *x = a, *y = b;
    if (x->least_s != y->least_s)
        return x->least_s < y->least_s ? -1 : 1;
    return x->cut - y->cut;
}

void exact_search_init(struct exact_search *s, const struct cell *cell, const int *partner,
                       const bool *is_cut_wanted, double gap, int64_t deadline_us)
{
    int n_cuts = cell->problem->n_cuts;

    *s = (struct exact_search){.cell = cell,
                               .partner = partner,
                               .gap = gap * (1 - 1e-9),
                               .aim = AIM * gap,
                               .deadline_us = deadline_us,
                               .best = -1,
                               .best_s = HUGE_VAL,
                               .dropped_s = HUGE_VAL};
    s->cuts = mem_zero((size_t)n_cuts, sizeof *s->cuts);
    for (int j = 0; j < n_cuts; j++) {
        struct cut_search *c = &s->cuts[s->n_cuts];
        if (!is_cut_wanted[j])
            continue;
        c->cut = j;
        cut_costs_init(&c->costs, cell, j);
        c->least_s = cut_costs_least_s(&c->costs);
        s->n_cuts++;
    }
    qsort(s->cuts, (size_t)s->n_cuts, sizeof *s->cuts, by_least);
    open_list_init(&s->open, cell_at(cell, cell->n_devices, 0), prices_count(cell->n_devices));
    s->prices = mem_zero(prices_count(cell->n_devices), sizeof(double));
    ascent_init(&s->ascent, cell);
    s->ascent.first_step = NODE_STEP;
    s->ascent.first_softness = s->ascent.last_softness = NODE_SOFTNESS;
}

void exact_search_release(struct exact_search *s)
{
    for (int j = 0; j < s->n_cuts; j++) {
        cut_costs_release(&s->cuts[j].costs);
        if (s->cuts[j].is_started)
            allocation_release(&s->cuts[j].known);
        relaxation_free(s->cuts[j].relaxation);
    }
    free(s->cuts);
    open_list_release(&s->open);
    ascent_release(&s->ascent);
    free(s->prices);
}

static double cutoff_s(const struct exact_search *s)
{
    return s->best_s * (1 - s->aim);
}

static void drop(struct exact_search *s, double bound_s)
{
    s->dropped_s = fmin(s->dropped_s, bound_s);
}

void exact_search_close(struct exact_search *s, double bound_s)
{
    open_list_release(&s->open);
    open_list_init(&s->open, 0, 0);
    drop(s, bound_s);
}

/* Each cut's root goes on the open list. */
void exact_search_start(struct exact_search *s)
{
    size_t n_pairs = s->open.n_pairs;
    bool *allowed = mem_zero(n_pairs, sizeof *allowed);

    for (int i = 0; i < s->cell->n_devices; i++)
        for (int k = 0; k < s->cell->n_subchannels; k++)
            allowed[cell_at(s->cell, i, k)] = s->cell->downlink_bps[cell_at(s->cell, i, k)] > 0;
    for (int j = 0; j < s->n_cuts; j++) {
        struct cut_search *c = &s->cuts[j];
        if (s->best >= 0 && (c->least_s >= cutoff_s(s) || clock_now_us() > s->deadline_us)) {
            drop(s, c->least_s);
            continue;
        }
        allocation_init(&c->known, s->cell, &c->costs);
        c->is_started = true;
        ownership_greedy(&c->known, s->partner);
        c->known_s = exact_search_improve_s(s, &c->known);
        exact_search_keep_if_best(s, j);
        open_list_push(&s->open, c->least_s, j, allowed, NULL);
    }
    free(allowed);
}

/* The subchannel that is split most evenly, among those with a choice left; -1: none. */
static int choose_subchannel(const struct exact_search *s, const bool *allowed,
                             const struct relaxed *relaxed)
{
    double most = -1;
    int chosen = -1;

    for (int k = 0; k < s->cell->n_subchannels; k++) {
        double largest = 0;
        int n_allowed = 0;
        for (int i = 0; i < s->cell->n_devices; i++) {
            size_t at = cell_at(s->cell, i, k);
            n_allowed += allowed[at];
            if (relaxed->is_known)
                largest = fmax(largest, relaxed->share[at]);
        }
        if (n_allowed > 1 && 1 - largest > most) {
            most = 1 - largest;
            chosen = k;
        }
    }
    return chosen;
}

static void branch(struct exact_search *s, int j, bool *allowed, const struct relaxed *relaxed)
{
    int k = choose_subchannel(s, allowed, relaxed), c = s->cell->n_devices;
    bool *column = mem_zero((size_t)c, sizeof *column);

    /* With no choice left the rounded owners were the only ones: nothing is dropped. */
    for (int i = 0; k >= 0 && i < c; i++) {
        column[i] = allowed[cell_at(s->cell, i, k)];
        allowed[cell_at(s->cell, i, k)] = false;
    }
    for (int i = 0; k >= 0 && i < c; i++) {
        size_t at = cell_at(s->cell, i, k);
        double bound_s = relaxed->bound_s + relaxed->loss_s[at];
        if (!column[i])
            continue;
        if (bound_s >= cutoff_s(s)) {
            drop(s, bound_s);
            continue;
        }
        allowed[at] = true;
        open_list_push(&s->open, bound_s, j, allowed, s->prices);
        allowed[at] = false;
    }
    free(column);
}

/* Pairs whose price alone puts the node beyond the cutoff need not be looked at below it. */
static void forbid_losers(struct exact_search *s, bool *allowed, const struct relaxed *relaxed)
{
    for (size_t at = 0; at < s->open.n_pairs; at++) {
        double bound_s = relaxed->bound_s + relaxed->loss_s[at];
        if (allowed[at] && bound_s >= cutoff_s(s)) {
            allowed[at] = false;
            drop(s, bound_s);
        }
    }
}

/* The root of a cut: to the end, by linear programs. */
static void solve_root(struct exact_search *s, int j, const bool *allowed, struct relaxed *relaxed)
{
    struct cut_search *c = &s->cuts[j];

    if (!c->relaxation)
        c->relaxation = relaxation_new(s->cell, &c->costs, &c->known);
    relaxation_solve(c->relaxation, allowed, cutoff_s(s), 0.1 * s->aim * s->best_s, s->deadline_us,
                     relaxed);
    prices_pack(relaxation_prices(c->relaxation), s->cell->n_devices, s->prices);
}

/* Below a root: some steps from the parent's prices. */
static void solve_below(struct exact_search *s, int j, const bool *allowed, struct relaxed *relaxed)
{
    struct ascent *a = &s->ascent;

    memset(relaxed->share, 0, s->open.n_pairs * sizeof(double));
    prices_unpack(&a->prices, s->cell->n_devices, s->prices);
    ascent_restart(a);
    a->demand.share = relaxed->share;
    relaxed->bound_s =
        ascent_run(a, &s->cuts[j].costs, allowed, NODE_STEPS, cutoff_s(s), s->deadline_us);
    a->demand.share = NULL;
    for (int i = 0; i < s->cell->n_devices; i++)
        for (int k = 0; k < s->cell->n_subchannels; k++) {
            size_t at = cell_at(s->cell, i, k);
            relaxed->share[at] /= NODE_STEPS;
            relaxed->loss_s[at] = a->at.best_worth_s[k] - a->at.worth_s[at];
        }
    relaxed->is_known = true;
    prices_pack(&a->best, s->cell->n_devices, s->prices);
}

static void solve_node(struct exact_search *s, int j, double bound_s, bool *allowed,
                       bool has_prices, struct relaxed *relaxed)
{
    if (has_prices)
        solve_below(s, j, allowed, relaxed);
    else
        solve_root(s, j, allowed, relaxed);
    s->n_nodes++;
    relaxed->bound_s = fmax(relaxed->bound_s, bound_s);
    if (relaxed->bound_s >= cutoff_s(s)) {
        drop(s, relaxed->bound_s);
        return;
    }
    if (relaxed->is_known)
        exact_search_round(s, j, relaxed->share);
    forbid_losers(s, allowed, relaxed);
    branch(s, j, allowed, relaxed);
}

static bool is_gap_met(const struct exact_search *s)
{
    return exact_search_bound_s(s) >= s->best_s * (1 - s->gap);
}

static bool goes_on(const struct exact_search *s)
{
    double work = (double)s->n_nodes * (double)s->open.n_pairs;

    if (open_list_least_s(&s->open) >= cutoff_s(s))
        return false;
    if (work > MAX_WORK || (work > EASY_WORK && is_gap_met(s)))
        return false;
    return s->open.n_pairs <= MAX_PAIRS && clock_now_us() < s->deadline_us;
}

void exact_search_run(struct exact_search *s)
{
    bool *allowed = mem_zero(s->open.n_pairs, sizeof *allowed);
    struct relaxed relaxed;
    double bound_s;
    bool has_prices;
    int j;

    relaxed_init(&relaxed, s->cell);
    while (goes_on(s) && open_list_pop(&s->open, &bound_s, &j, allowed, s->prices, &has_prices)) {
        solve_node(s, j, bound_s, allowed, has_prices, &relaxed);
        if (!s->has_covered && !is_gap_met(s) &&
            (double)s->n_nodes * (double)s->open.n_pairs > EASY_WORK)
            exact_search_cover(s);
    }
    relaxed_release(&relaxed);
    free(allowed);
}

double exact_search_bound_s(const struct exact_search *s)
{
    double branched_s = fmin(s->dropped_s, open_list_least_s(&s->open));

    return fmin(s->best_s, fmax(s->covered_s, branched_s));
}
