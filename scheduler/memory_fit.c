/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/memory_fit.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

static bool is_enough(const struct problem_device *device, double bytes)
{
    return device->memory_bytes <= 0 || bytes <= device->memory_bytes;
}

static double pair_bytes(const struct problem *problem, int head, int tail)
{
    return problem->cuts[head].device_memory_bytes + problem->cuts[tail].tail_memory_bytes;
}

bool memory_fits_pair(const struct problem *problem, int device, int head, int tail)
{
    return is_enough(&problem->devices[device], pair_bytes(problem, head, tail));
}

/* The device with the least memory; -1 when none has a limit. */
static int tightest(const struct problem *problem)
{
    int least = -1;

    for (int i = 0; i < problem->n_devices; i++) {
        double bytes = problem->devices[i].memory_bytes;
        if (bytes > 0 && (least < 0 || bytes < problem->devices[least].memory_bytes))
            least = i;
    }
    return least;
}

static int least_cut(const struct problem *problem)
{
    int least = 0;

    for (int j = 1; j < problem->n_cuts; j++)
        if (problem->cuts[j].device_memory_bytes < problem->cuts[least].device_memory_bytes)
            least = j;
    return least;
}

static void explain_cuts(const struct problem *problem, struct plan *plan)
{
    const struct problem_device *device = &problem->devices[tightest(problem)];
    const struct problem_cut *cut = &problem->cuts[least_cut(problem)];

    plan->reason =
        mem_format("no cut fits: device %s has memory for %.0f bytes; %s, the cut that "
                   "takes least, takes %.0f",
                   device->name, device->memory_bytes, cut->name, cut->device_memory_bytes);
}

static int solve_offered(int (*solve)(const struct problem *, const struct plan_options *,
                                      struct plan *, struct err *),
                         const struct problem *problem, const int *index, int n,
                         const struct plan_options *options, struct plan *plan, struct err *err)
{
    struct problem offered = *problem;
    struct plan_options asked = *options;
    struct plan previous;
    int failed;

    offered.n_cuts = n;
    offered.cuts = mem_zero((size_t)n, sizeof *offered.cuts);
    for (int j = 0; j < n; j++)
        offered.cuts[j] = problem->cuts[index[j]];
    if (options->previous) {
        previous = *options->previous;
        previous.cut = -1; /* of no cut, unless it is offered */
        for (int j = 0; j < n; j++)
            if (index[j] == options->previous->cut)
                previous.cut = j;
        asked.previous = &previous;
    }
    failed = solve(&offered, &asked, plan, err);
    if (!failed && plan->status != PLAN_INFEASIBLE)
        plan->cut = index[plan->cut];
    free(offered.cuts);
    return failed;
}

static int solve_front(int (*solve)(const struct problem *, const struct plan_options *,
                                    struct plan *, struct err *),
                       const struct problem *problem, const struct plan_options *options,
                       struct plan *plan, struct err *err)
{
    int *index = mem_zero((size_t)problem->n_cuts, sizeof *index), n = 0, least = tightest(problem);
    int failed = 0;

    for (int j = 0; j < problem->n_cuts; j++)
        if (is_enough(&problem->devices[least], problem->cuts[j].device_memory_bytes))
            index[n++] = j;
    if (n > 0)
        failed = solve_offered(solve, problem, index, n, options, plan, err);
    else
        explain_cuts(problem, plan);
    free(index);
    return failed;
}

/* Whether every device has a pair; else the plan's reason says who has none. */
static bool has_pairs(const struct problem *problem, struct plan *plan)
{
    const struct problem_device *device = &problem->devices[tightest(problem)];
    int head = 0, tail = 1;

    for (int h = 0; h < problem->n_cuts; h++)
        for (int t = h + 1; t < problem->n_cuts; t++)
            if (pair_bytes(problem, h, t) < pair_bytes(problem, head, tail)) {
                head = h;
                tail = t;
            }
    if (is_enough(device, pair_bytes(problem, head, tail)))
        return true;
    plan->reason = mem_format("no pair of cuts fits: device %s has memory for %.0f bytes; %s and "
                              "%s, the cuts that take least, take %.0f",
                              device->name, device->memory_bytes, problem->cuts[head].name,
                              problem->cuts[tail].name, pair_bytes(problem, head, tail));
    return false;
}

int memory_solve(int (*solve)(const struct problem *problem, const struct plan_options *options,
                              struct plan *plan, struct err *err),
                 const struct problem *problem, const struct plan_options *options,
                 struct plan *plan, struct err *err)
{
    if (tightest(problem) < 0)
        return solve(problem, options, plan, err);
    if (!problem->is_u_shaped)
        return solve_front(solve, problem, options, plan, err);
    return has_pairs(problem, plan) ? solve(problem, options, plan, err) : 0;
}
