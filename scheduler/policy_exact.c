/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy "exact": the global optimum over cut, subchannels and power to within the gap asked
 * for, with a proven bound. What it cannot finish in time it returns with the bound it has.
 */
#include "scheduler/policy.h"

#include <glpk.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "scheduler/division_search.h"
#include "scheduler/rivals.h"

/* Owners known before the search: of the plan before, at its cut, and of the rivals. */
static void try_known(struct exact_search *s, const struct plan_options *options)
{
    int *owner = mem_zero((size_t)s->cell->n_subchannels, sizeof(int));

    for (int j = 0; j < s->n_cuts; j++) {
        int *previous = policy_previous_owners(options, s->cell, s->partner, s->cuts[j].cut);
        if (previous)
            exact_search_try(s, j, previous);
        free(previous);
    }
    for (int r = 0; r < RIVALS; r++)
        if (rival_owners(r, s->cell, s->partner, options, owner))
            exact_search_try_rival(s, owner);
    free(owner);
}

static void search(const struct cell *cell, const int *partner, const struct plan_options *options,
                   struct plan *plan)
{
    int64_t deadline_us = clock_now_us() + (int64_t)(options->time_limit_s * 1e6);
    bool *is_wanted = mem_zero((size_t)cell->problem->n_cuts, sizeof *is_wanted);
    struct exact_search s;

    policy_choose_cuts(cell->problem, is_wanted);
    exact_search_init(&s, cell, partner, is_wanted, options->gap, deadline_us);
    exact_search_start(&s);
    try_known(&s, options);
    if (s.best >= 0 && division_work(cell) <= DIVISION_MAX_PASS)
        division_search_run(&s);
    else
        exact_search_run(&s);
    if (s.best >= 0) {
        policy_fill_plan(plan, cell, &s.cuts[s.best].costs, s.cuts[s.best].cut,
                         s.cuts[s.best].known.owner, exact_search_bound_s(&s));
    } else {
        policy_explain_too_slow(plan, cell);
    }
    plan->is_out_of_time = clock_now_us() >= deadline_us;
    exact_search_release(&s);
    free(is_wanted);
    glp_free_env(); /* nothing of GLPK's is kept between solves */
}

int policy_exact_solve(const struct problem *problem, const struct plan_options *options,
                       struct plan *plan, struct err *err)
{
    (void)err;
    policy_with_cell(problem, options, plan, search);
    return 0;
}
