/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The round of the best plan of a small problem, in seconds, by trying everything: for tests and
 * the bench. */
#ifndef TESTS_SCHEDULER_BRUTE_FORCE_H
#define TESTS_SCHEDULER_BRUTE_FORCE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/cell.h"
#include "scheduler/ownership.h"

/* Every owner of every subchannel (a subchannel left unused is never better), every cut. */
static inline double brute_force_s(const struct problem *problem)
{
    struct cell cell;
    double best_s = HUGE_VAL;
    int m = problem->n_subchannels, *owner = mem_zero((size_t)m, sizeof(int));

    cell_init(&cell, problem);
    for (int j = 0; j < problem->n_cuts; j++) {
        struct cut_costs costs;
        struct allocation allocation;
        int k = 0;
        cut_costs_init(&costs, &cell, j);
        allocation_init(&allocation, &cell, &costs);
        memset(owner, 0, (size_t)m * sizeof(int));
        while (k < m) {
            allocation_set(&allocation, owner);
            best_s = fmin(best_s, allocation_total_s(&allocation));
            for (k = 0; k < m && ++owner[k] == problem->n_devices; k++)
                owner[k] = 0;
        }
        allocation_release(&allocation);
        cut_costs_release(&costs);
    }
    cell_release(&cell);
    free(owner);
    return best_s;
}

#endif
