/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/rivals.h"

#include <string.h>

#include "scheduler/policy.h"

static void (*const searches[RIVALS])(const struct cell *cell, const int *partner,
                                      const struct plan_options *options, struct plan *plan) = {
    policy_bcd_search, policy_greedy_optimised_best_search, policy_rss_optimised_best_search,
    policy_equal_in_cell_search};

bool rival_owners(int r, const struct cell *cell, const int *partner,
                  const struct plan_options *options, int *owner)
{
    struct plan plan;
    bool has_plan;

    plan_init(&plan, cell->problem);
    searches[r](cell, partner, options, &plan);
    has_plan = plan.status != PLAN_INFEASIBLE;
    if (has_plan)
        memcpy(owner, plan.owner, (size_t)cell->n_subchannels * sizeof(int));
    plan_release(&plan);
    return has_plan;
}
