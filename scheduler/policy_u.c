/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policies "exact" and "equal" of U-shaped problems.
 *
 * To end by T, device i needs at least g_i(T) = min over pairs with a_i < T of c_i / (T - a_i)
 * cycles/s of the server. g_i falls as T grows, so all can end by T if and only if sum_i g_i(T) <=
 * f_s, and bisection on T finds the optimum over all pairs of cuts and all shares at once
 * (docs/MODEL.md). Pairs that are not better than another in own_s or server_cycles never matter;
 * few are left.
 */
#include "scheduler/policy.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "scheduler/memory_fit.h"
#include "scheduler/u_shape.h"

#define RELATIVE  1e-13 /* end of the bisection */
#define ROUNDING  1e-12 /* by which sums and quotients may be wrong: the bound stays below */
#define MAX_STEPS 200

/* The pairs of one device that can be best, own_s rising and server_cycles falling. */
struct front {
    struct u_cost *costs;
    size_t n;
};

static int by_own(const void *a, const void *b)
{
    const struct u_cost *x = a, *y = b;

    if (x->own_s != y->own_s)
        return x->own_s < y->own_s ? -1 : 1;
    if (x->server_cycles != y->server_cycles)
        return x->server_cycles < y->server_cycles ? -1 : 1;
    return x->head != y->head ? x->head - y->head : x->tail - y->tail;
}

/* `all` is scratch for every pair. There is one that fits: memory_solve() has seen to it. */
static struct front front_of(const struct problem *problem, int device, struct u_cost *all)
{
    struct front front = {NULL, 0};
    size_t n = 0;

    for (int head = 0; head < problem->n_cuts; head++)
        for (int tail = head + 1; tail < problem->n_cuts; tail++)
            if (memory_fits_pair(problem, device, head, tail))
                all[n++] = u_cost_of(problem, device, head, tail);
    qsort(all, n, sizeof *all, by_own);
    for (size_t p = 0; p < n; p++)
        if (front.n == 0 || all[p].server_cycles < all[front.n - 1].server_cycles)
            all[front.n++] = all[p];
    front.costs = mem_copy(all, front.n * sizeof *all);
    return front;
}

static struct front *fronts_new(const struct problem *problem)
{
    size_t n_pairs = (size_t)problem->n_cuts * (size_t)(problem->n_cuts - 1) / 2;
    struct u_cost *all = mem_zero(n_pairs, sizeof *all);
    struct front *fronts = mem_zero((size_t)problem->n_devices, sizeof *fronts);

    for (int i = 0; i < problem->n_devices; i++)
        fronts[i] = front_of(problem, i, all);
    free(all);
    return fronts;
}

static void fronts_free(struct front *fronts, int n)
{
    for (int i = 0; i < n; i++)
        free(fronts[i].costs);
    free(fronts);
}

/* g_i(T) in cycles/s, and the pair behind it. */
static double least_clock_hz(const struct front *front, double end_s, const struct u_cost **pair)
{
    double least_hz = HUGE_VAL;

    for (size_t p = 0; p < front->n && front->costs[p].own_s <= end_s; p++) {
        const struct u_cost *cost = &front->costs[p];
        double left_s = end_s - cost->own_s, hz = HUGE_VAL;
        if (cost->server_cycles <= 0)
            hz = 0;
        else if (left_s > 0)
            hz = cost->server_cycles / left_s;
        if (hz < least_hz) {
            least_hz = hz;
            *pair = cost;
        }
    }
    return least_hz;
}

/* When the device would end with so much of the server, at its best pair. */
static double soonest_s(const struct front *front, double clock_hz, const struct u_cost **pair)
{
    double best_s = HUGE_VAL;

    for (size_t p = 0; p < front->n; p++) {
        double end_s = front->costs[p].own_s + front->costs[p].server_cycles / clock_hz;
        if (end_s < best_s) {
            best_s = end_s;
            *pair = &front->costs[p];
        }
    }
    return best_s;
}

static double needed_hz(const struct problem *problem, const struct front *fronts, double end_s)
{
    const struct u_cost *pair;
    double sum_hz = 0;

    for (int i = 0; i < problem->n_devices; i++)
        sum_hz += least_clock_hz(&fronts[i], end_s, &pair);
    return sum_hz;
}

/* The last device's soonest end when each has this much of the server. */
static double latest_s(const struct problem *problem, const struct front *fronts, double clock_hz)
{
    const struct u_cost *pair;
    double end_s = 0;

    for (int i = 0; i < problem->n_devices; i++)
        end_s = fmax(end_s, soonest_s(&fronts[i], clock_hz, &pair));
    return end_s;
}

static void take(struct u_plan *u, int i, const struct u_cost *pair, double share)
{
    u->head[i] = pair->head;
    u->tail[i] = pair->tail;
    u->share[i] = share;
}

/* What is left of the server is shared out too: nobody ends later for it. */
static void fill_shares(const struct problem *problem, const struct front *fronts, double end_s,
                        struct u_plan *u)
{
    double sum_hz = needed_hz(problem, fronts, end_s);

    for (int i = 0; i < problem->n_devices; i++) {
        const struct u_cost *pair = NULL;
        double hz = least_clock_hz(&fronts[i], end_s, &pair);
        take(u, i, pair, sum_hz > 0 ? hz / sum_hz : 0);
    }
}

int policy_exact_solve_u(const struct problem *problem, const struct plan_options *options,
                         struct plan *plan, struct err *err)
{
    struct front *fronts = fronts_new(problem);
    double clock_hz = problem->server_clock_hz;
    double low_s = latest_s(problem, fronts, clock_hz);
    double high_s = latest_s(problem, fronts, clock_hz / problem->n_devices) * (1 + ROUNDING);

    (void)options;
    (void)err;
    for (int step = 0; step < MAX_STEPS && high_s - low_s > RELATIVE * high_s; step++) {
        double middle_s = low_s + 0.5 * (high_s - low_s);
        if (needed_hz(problem, fronts, middle_s) <= clock_hz)
            high_s = middle_s;
        else
            low_s = middle_s;
    }
    fill_shares(problem, fronts, high_s, plan->u);
    plan->lower_bound_s = low_s * (1 - ROUNDING);
    plan->status = PLAN_FEASIBLE;
    fronts_free(fronts, problem->n_devices);
    return 0;
}

/* As much of the server for every device, and the best pair of cuts for that. */
int policy_equal_solve_u(const struct problem *problem, const struct plan_options *options,
                         struct plan *plan, struct err *err)
{
    struct front *fronts = fronts_new(problem);
    double clock_hz = problem->server_clock_hz;

    (void)options;
    (void)err;
    for (int i = 0; i < problem->n_devices; i++) {
        const struct u_cost *pair = NULL;
        soonest_s(&fronts[i], clock_hz / problem->n_devices, &pair);
        take(plan->u, i, pair, 1.0 / problem->n_devices);
    }
    plan->lower_bound_s = latest_s(problem, fronts, clock_hz) * (1 - ROUNDING);
    plan->status = PLAN_FEASIBLE;
    fronts_free(fronts, problem->n_devices);
    return 0;
}
