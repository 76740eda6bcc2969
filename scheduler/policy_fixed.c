/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy "fixed": the owners that the options name, in turn and from the start again when there
 * are fewer names than subchannels, with the best powers for them and the best cut of the problem
 * (one, when the experiment allows only one).
 */
#include "scheduler/policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/ownership.h"

static int find_device(const struct problem *problem, const char *name)
{
    for (int i = 0; i < problem->n_devices; i++)
        if (!strcmp(problem->devices[i].name, name))
            return i;
    return -1;
}

/* owner[M]; -1 with err for a name that no device has. */
static int read_owners(const struct problem *problem, const struct plan_options *options,
                       int *owner, struct err *err)
{
    if (options->n_owners > problem->n_subchannels)
        return err_set(err, "owners: %d names: there are %d subchannels", options->n_owners,
                       problem->n_subchannels);
    for (int k = 0; k < problem->n_subchannels; k++) {
        const char *name;
        owner[k] = k % problem->n_devices;
        if (options->n_owners < 1)
            continue;
        name = options->owners[k % options->n_owners];
        owner[k] = find_device(problem, name);
        if (owner[k] < 0)
            return err_set(err, "owners: '%s': there is no such device", name);
    }
    return 0;
}

static void choose_cut(const struct cell *cell, const int *owner, struct plan *plan)
{
    double best_s = HUGE_VAL, least_s = HUGE_VAL;

    for (int j = 0; j < cell->problem->n_cuts; j++) {
        struct cut_costs costs;
        struct allocation a;
        double total_s;
        cut_costs_init(&costs, cell, j);
        allocation_init(&a, cell, &costs);
        allocation_set(&a, owner);
        total_s = allocation_total_s(&a);
        least_s = fmin(least_s, cut_costs_least_s(&costs));
        if (total_s < best_s) {
            best_s = total_s;
            policy_fill_plan(plan, cell, &costs, j, owner, 0);
        }
        allocation_release(&a);
        cut_costs_release(&costs);
    }
    plan->lower_bound_s = least_s;
}

/* The first device that owns nothing it can use; -1: none. */
static int find_left_out(const struct cell *cell, const int *owner)
{
    for (int i = 0; i < cell->n_devices; i++) {
        bool has_one = false;
        for (int k = 0; k < cell->n_subchannels; k++)
            has_one |= owner[k] == i && ownership_is_usable(cell, i, k);
        if (!has_one)
            return i;
    }
    return -1;
}

int policy_fixed_solve(const struct problem *problem, const struct plan_options *options,
                       struct plan *plan, struct err *err)
{
    int *owner = mem_zero((size_t)problem->n_subchannels, sizeof(int)), left_out;
    int failed = read_owners(problem, options, owner, err);
    struct cell cell;

    if (failed) {
        free(owner);
        return -1;
    }
    cell_init(&cell, problem);
    left_out = find_left_out(&cell, owner);
    if (left_out < 0) {
        choose_cut(&cell, owner, plan);
        if (plan->status == PLAN_INFEASIBLE)
            policy_explain_too_slow(plan, &cell);
    } else {
        plan->status = PLAN_INFEASIBLE;
        plan->reason = mem_format("device %s owns no subchannel that it can use",
                                  problem->devices[left_out].name);
    }
    cell_release(&cell);
    free(owner);
    return 0;
}
