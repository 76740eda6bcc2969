/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy "dual": Lagrangian prices, a proven bound, and a good plan in time that grows with the
 * number of devices times subchannels; for large cells.
 */
#include "scheduler/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "scheduler/dual_search.h"
#include "scheduler/rivals.h"

/* Owners known before the search: of the rivals, and of the plan before, at its cut. */
static void try_known(struct dual_search *s, const struct plan_options *options)
{
    int *owner = mem_zero((size_t)s->cell->n_subchannels, sizeof(int));

    for (int r = 0; r < RIVALS; r++)
        if (rival_owners(r, s->cell, s->partner, options, owner))
            dual_search_try_rival(s, owner);
    for (int j = 0; j < s->n_cuts; j++) {
        int *previous = policy_previous_owners(options, s->cell, s->partner, s->cuts[j].cut);
        if (previous)
            dual_search_try(s, j, previous);
        free(previous);
    }
    free(owner);
}

static void search(const struct cell *cell, const int *partner, const struct plan_options *options,
                   struct plan *plan)
{
    bool *is_wanted = mem_zero((size_t)cell->problem->n_cuts, sizeof *is_wanted);
    struct dual_search s;
    struct rng rng;

    rng_seed(&rng, options->seed, RNG_POLICY);
    policy_choose_cuts(cell->problem, is_wanted);
    dual_search_init(&s, cell, partner, is_wanted, options, &rng);
    try_known(&s, options);
    dual_search_run(&s);
    if (s.best >= 0)
        policy_fill_plan(plan, cell, &s.cuts[s.best].costs, s.cuts[s.best].cut, s.owner,
                         dual_search_bound_s(&s));
    else
        policy_explain_too_slow(plan, cell);
    plan->is_out_of_time = clock_now_us() >= s.deadline_us;
    dual_search_release(&s);
    free(is_wanted);
}

int policy_dual_solve(const struct problem *problem, const struct plan_options *options,
                      struct plan *plan, struct err *err)
{
    (void)err;
    policy_with_cell(problem, options, plan, search);
    return 0;
}
