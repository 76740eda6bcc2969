/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/dual_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "scheduler/cover_search.h"
#include "scheduler/improve.h"
#include "scheduler/ownership.h"
#include "scheduler/squeeze.h"

#define FIRST_STEPS   200 /* of the ascent at the first cut; the prices then serve the others */
#define NEXT_STEPS    60
#define STEP_WORK     2.5e8 /* pairs looked at from which on there are fewer first and next steps, */
#define LEAST_PART    0.25  /* but no less than this part of them */
#define LAST_STEPS    400   /* once more where the bound is least */
#define LAST_STEP     0.1   /* the prices are those of the last cut: near */
#define LAST_SOFTNESS 0.03
#define MAX_TRIES     4000000 /* of one improvement */
#define ROUND_WORK    1e5     /* tries spent on shaken rounds, about */
#define COVER_PAIRS                                                                                \
    10000 /* devices times subchannels up to which whole subchannels raise the bound in time */
#define COVER_WORK  8e6 /* steps times pairs, some seconds */
#define COVER_TURNS 8
#define MAX_ROUNDS  400
#define SHAKE       0.1 /* of a worth */
#define KEPT        0.8 /* of the owners */

static int by_bound(const void *a, const void *b)
{
    const struct dual_cut *x = a, *y = b;
    if (x->bound_s != y->bound_s)
        return x->bound_s < y->bound_s ? -1 : 1;
    return x->cut - y->cut;
}

void dual_search_init(struct dual_search *s, const struct cell *cell, const int *partner,
                      const bool *is_cut_wanted, const struct plan_options *options,
                      struct rng *rng)
{
    int n_cuts = cell->problem->n_cuts;

    *s =
        (struct dual_search){.cell = cell,
                             .partner = partner,
                             .gap = options->gap * (1 - 1e-9),
                             .deadline_us = clock_now_us() + (int64_t)(options->time_limit_s * 1e6),
                             .best = -1,
                             .best_s = HUGE_VAL,
                             .rng = rng};
    s->owner = mem_zero((size_t)cell->n_subchannels, sizeof(int));
    s->cuts = mem_zero((size_t)n_cuts, sizeof *s->cuts);
    for (int j = 0; j < n_cuts; j++) {
        struct dual_cut *c = &s->cuts[s->n_cuts];
        if (!is_cut_wanted[j])
            continue;
        c->cut = j;
        cut_costs_init(&c->costs, cell, j);
        c->bound_s = cut_costs_least_s(&c->costs);
        s->n_cuts++;
    }
    qsort(s->cuts, (size_t)s->n_cuts, sizeof *s->cuts, by_bound);
    ascent_init(&s->ascent, cell);
}

void dual_search_release(struct dual_search *s)
{
    for (int j = 0; j < s->n_cuts; j++)
        cut_costs_release(&s->cuts[j].costs);
    free(s->cuts);
    free(s->owner);
    ascent_release(&s->ascent);
}

static bool is_late(const struct dual_search *s)
{
    return clock_now_us() > s->deadline_us;
}

static void keep_if_best(struct dual_search *s, int j, const struct allocation *a, double total_s)
{
    if (!(total_s < s->best_s))
        return;
    s->best = j;
    s->best_s = total_s;
    memcpy(s->owner, a->owner, (size_t)s->cell->n_subchannels * sizeof(int));
}

/* Owners by worth at the ascent's prices, each worth shaken by up to `shake` of itself; of the
 * best owners a part is kept. */
static void round_worths(struct dual_search *s, double shake, double kept, int *owner)
{
    const double *worth = s->ascent.at.worth_s;

    for (int k = 0; k < s->cell->n_subchannels; k++) {
        double most = 0;
        owner[k] = -1;
        if (kept > 0 && rng_uniform(s->rng) < kept) {
            owner[k] = s->owner[k];
            continue;
        }
        for (int i = 0; i < s->cell->n_devices; i++) {
            double w = worth[cell_at(s->cell, i, k)];
            if (!(w > most * (1 - shake)) || w <= 0)
                continue;
            if (shake > 0)
                w *= 1 - shake * rng_uniform(s->rng);
            if (w > most) {
                most = w;
                owner[k] = i;
            }
        }
        if (owner[k] < 0)
            owner[k] = s->owner[k];
    }
    ownership_repair(s->cell, s->partner, owner);
}

/* How many improved roundings are worth their time in a cell of this size. */
static int affordable_rounds(const struct cell *cell)
{
    double m = cell->n_subchannels, c = cell->n_devices;

    return (int)fmin(MAX_ROUNDS, ROUND_WORK / (m * (c + 0.5 * m)));
}

/* Owners [M] at cut j, improved, and squeezed when they come near the best. */
static void improve_and_keep(struct dual_search *s, int j, const int *owner)
{
    struct allocation tried;
    double total_s;

    allocation_init(&tried, s->cell, &s->cuts[j].costs);
    allocation_set(&tried, owner);
    total_s = improve_owners(&tried, MAX_TRIES, s->deadline_us);
    if (total_s < s->best_s * 1.02 && s->cuts[j].bound_s < total_s * (1 - s->gap))
        total_s = squeeze_owners(&tried, MAX_TRIES, s->deadline_us);
    keep_if_best(s, j, &tried, total_s);
    allocation_release(&tried);
}

static void round_once(struct dual_search *s, int j, double shake, double kept)
{
    int *owner = mem_zero((size_t)s->cell->n_subchannels, sizeof(int));

    round_worths(s, shake, kept, owner);
    improve_and_keep(s, j, owner);
    free(owner);
}

void dual_search_try(struct dual_search *s, int j, const int *owner)
{
    struct allocation tried;

    allocation_init(&tried, s->cell, &s->cuts[j].costs);
    allocation_set(&tried, owner);
    keep_if_best(s, j, &tried, improve_owners(&tried, MAX_TRIES, s->deadline_us));
    allocation_release(&tried);
}

void dual_search_try_rival(struct dual_search *s, const int *owner)
{
    struct allocation tried;

    for (int j = 0; j < s->n_cuts; j++) {
        allocation_init(&tried, s->cell, &s->cuts[j].costs);
        allocation_set(&tried, owner);
        keep_if_best(s, j, &tried, allocation_total_s(&tried));
        allocation_release(&tried);
    }
}

static bool is_good(const struct dual_search *s)
{
    return dual_search_bound_s(s) >= s->best_s * (1 - s->gap);
}

/* Fewer where a step is dear, so that time is left for plans and other cuts. */
static int affordable_steps(const struct cell *cell, int n_steps)
{
    double part = STEP_WORK / FIRST_STEPS / (double)cell_at(cell, cell->n_devices, 0);

    return (int)(n_steps * fmin(1, fmax(LEAST_PART, part)));
}

static void try_cut(struct dual_search *s, int j)
{
    struct dual_cut *c = &s->cuts[j];
    struct allocation greedy;
    int steps = affordable_steps(s->cell, NEXT_STEPS);

    allocation_init(&greedy, s->cell, &c->costs);
    ownership_greedy(&greedy, s->partner);
    keep_if_best(s, j, &greedy, allocation_total_s(&greedy));
    if (s->best >= 0 && !is_late(s)) {
        if (!s->has_prices) {
            s->has_prices = true;
            ascent_start(&s->ascent, &greedy);
            steps = affordable_steps(s->cell, FIRST_STEPS);
        } else {
            ascent_restart(&s->ascent);
        }
        ascent_run(&s->ascent, &c->costs, NULL, steps, s->best_s, s->deadline_us);
        c->bound_s = fmax(c->bound_s, s->ascent.bound_s);
    }
    allocation_release(&greedy);
    if (s->best >= 0 && c->bound_s < s->best_s && !is_late(s))
        round_once(s, j, 0, 0);
}

static int least_bound(const struct dual_search *s)
{
    int least = 0;

    for (int j = 1; j < s->n_cuts; j++)
        if (s->cuts[j].bound_s < s->cuts[least].bound_s)
            least = j;
    return least;
}

/* Once more and longer where the bound is least, if that is what the gap hangs on. */
static void raise_least(struct dual_search *s)
{
    for (int turn = 0; turn < s->n_cuts && !is_good(s) && !is_late(s); turn++) {
        int j = least_bound(s);
        struct dual_cut *c = &s->cuts[j];
        if (c->is_raised)
            return;
        c->is_raised = true;
        s->ascent.first_step = LAST_STEP;
        s->ascent.first_softness = LAST_SOFTNESS;
        ascent_restart(&s->ascent);
        ascent_run(&s->ascent, &c->costs, NULL, LAST_STEPS, s->best_s, s->deadline_us);
        c->bound_s = fmax(c->bound_s, s->ascent.bound_s);
    }
}

static void shake_best(struct dual_search *s)
{
    int n = affordable_rounds(s->cell), j = s->best;

    ascent_restart(&s->ascent);
    ascent_run(&s->ascent, &s->cuts[j].costs, NULL, NEXT_STEPS, HUGE_VAL, s->deadline_us);
    s->cuts[j].bound_s = fmax(s->cuts[j].bound_s, s->ascent.bound_s);
    for (int r = 0; r < n && !is_good(s) && !is_late(s); r++)
        round_once(s, j, SHAKE, KEPT);
}

static void add_covers(struct dual_search *s, struct cover_search *covers)
{
    for (int j = 0; j < s->n_cuts; j++) {
        struct dual_cut *c = &s->cuts[j];
        if (c->bound_s >= s->best_s * (1 - s->gap))
            continue;
        c->is_covered = true;
        ascent_restart(&s->ascent);
        ascent_run(&s->ascent, &c->costs, NULL, NEXT_STEPS, HUGE_VAL, s->deadline_us);
        c->bound_s = fmax(c->bound_s, s->ascent.bound_s);
        cover_search_add(covers, j, &c->costs, c->bound_s, s->best_s, &s->ascent);
    }
}

/* Bounds by whole subchannels, and owners from what devices take there, in turn. */
static void search_covers(struct dual_search *s)
{
    int n_turns = (int)fmin(COVER_TURNS, affordable_rounds(s->cell));
    int *owner = mem_zero((size_t)s->cell->n_subchannels, sizeof(int));
    struct cover_search covers;

    cover_search_init(&covers, s->cell, s->deadline_us);
    add_covers(s, &covers);
    for (int turn = 0; turn < n_turns; turn++) {
        if (!cover_search_run(&covers, s->best_s, s->best_s * (1 - s->gap), COVER_WORK / n_turns))
            break;
        cover_search_owners(&covers, s->owner, owner);
        ownership_repair(s->cell, s->partner, owner);
        improve_and_keep(s, cover_search_cut(&covers), owner);
    }
    for (int j = 0; j < s->n_cuts; j++)
        if (s->cuts[j].is_covered)
            s->cuts[j].bound_s = fmax(s->cuts[j].bound_s, cover_search_bound_s(&covers));
    cover_search_release(&covers);
    free(owner);
}

void dual_search_run(struct dual_search *s)
{
    for (int j = 0; j < s->n_cuts; j++)
        if (s->best < 0 || s->cuts[j].bound_s < s->best_s * (1 - s->gap))
            try_cut(s, j);
    if (s->best < 0)
        return;
    raise_least(s);
    if (!is_good(s) && !is_late(s) && cell_at(s->cell, s->cell->n_devices, 0) <= COVER_PAIRS)
        search_covers(s);
    if (!is_good(s) && !is_late(s))
        shake_best(s);
}

double dual_search_bound_s(const struct dual_search *s)
{
    return fmin(s->best_s, s->cuts[least_bound(s)].bound_s);
}
