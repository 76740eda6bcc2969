/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "scheduler/cover_search.h"
#include "scheduler/exact_search.h"

#define STEPS 300 /* of the ascent, for the first prices of a cut */
#define TURNS 8   /* owners are read from the covers so often */
#define WORK  8e6 /* steps times pairs in all */

/* Every cut that is not beyond the gap; least bound of the others. */
static double add_cuts(struct exact_search *s, struct cover_search *covers)
{
    double others_s = HUGE_VAL;
    struct ascent ascent;

    ascent_init(&ascent, s->cell);
    for (int j = 0; j < s->n_cuts; j++) {
        struct cut_search *c = &s->cuts[j];
        if (!c->is_started || c->least_s >= s->best_s * (1 - s->gap)) {
            others_s = fmin(others_s, c->least_s);
            continue;
        }
        ascent_start(&ascent, &c->known);
        ascent_run(&ascent, &c->costs, NULL, STEPS, HUGE_VAL, s->deadline_us);
        if (ascent.bound_s >= s->best_s * (1 - s->gap))
            others_s = fmin(others_s, ascent.bound_s);
        else
            cover_search_add(covers, j, &c->costs, fmax(c->least_s, ascent.bound_s), s->best_s,
                             &ascent);
    }
    ascent_release(&ascent);
    return others_s;
}

void exact_search_cover(struct exact_search *s)
{
    int *owner = mem_zero((size_t)s->cell->n_subchannels, sizeof(int));
    struct cover_search covers;
    double others_s;

    s->has_covered = true;
    cover_search_init(&covers, s->cell, s->deadline_us);
    others_s = add_cuts(s, &covers);
    for (int turn = 0; turn < TURNS; turn++) {
        int j;
        if (!cover_search_run(&covers, s->best_s, s->best_s * (1 - s->gap), WORK / TURNS))
            break;
        j = cover_search_cut(&covers);
        cover_search_owners(&covers, s->cuts[j].known.owner, owner);
        ownership_repair(s->cell, s->partner, owner);
        exact_search_try(s, j, owner);
    }
    s->covered_s = fmin(others_s, cover_search_bound_s(&covers));
    cover_search_release(&covers);
    free(owner);
}
