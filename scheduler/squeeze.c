/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/squeeze.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "scheduler/improve.h"
#include "scheduler/ownership.h"

#define LACK        3.0  /* price of lacking a whole power or rate, where all power is 1 */
#define FIRST_ASKED 0.02 /* of a stage */
#define LEAST_ASKED 0.001
#define WORTH_IT    1e-7

struct squeeze {
    struct allocation *a;
    double up_s, down_s; /* asked for */
    double *cost;        /* [C] */
    long n_left;
    int64_t deadline_us;
};

static double cost_of(const struct squeeze *s, int i)
{
    const struct cell *cell = s->a->cell;
    const struct cut_costs *costs = s->a->costs;
    double rate = power_rate_needed_bps(s->a, i, s->up_s);
    double left_s = s->down_s - costs->backward_s[i], cost = 0;

    if (costs->uplink_bits > 0) {
        double power_w = rate < HUGE_VAL ? waterfill_power_w(&s->a->bands[i], rate) : HUGE_VAL;
        cost += power_w / cell->problem->total_power_w +
                LACK * fmax(0, power_w / cell->power_cap_w[i] - 1);
    }
    if (costs->downlink_bits > 0)
        cost += left_s > 0
                    ? LACK * fmax(0, costs->downlink_bits / (left_s * s->a->downlink_bps[i]) - 1)
                    : HUGE_VAL;
    return cost;
}

/* Keeps what devices i and j have now if that costs less. */
static bool is_better(struct squeeze *s, int i, int j)
{
    double i_cost = cost_of(s, i), j_cost = cost_of(s, j);

    s->n_left--;
    if (!(i_cost + j_cost < s->cost[i] + s->cost[j] - WORTH_IT))
        return false;
    s->cost[i] = i_cost;
    s->cost[j] = j_cost;
    return true;
}

static bool try_moves(struct squeeze *s, int k)
{
    bool has_helped = false;

    for (int i = 0; i < s->a->cell->n_devices; i++) {
        int before = s->a->owner[k];
        if (before < 0 || i == before || s->a->bands[before].n == 1 ||
            !ownership_is_usable(s->a->cell, i, k))
            continue;
        allocation_give(s->a, k, i);
        if (is_better(s, i, before))
            has_helped = true;
        else
            allocation_give(s->a, k, before);
    }
    return has_helped;
}

static bool try_swaps(struct squeeze *s, int k)
{
    bool has_helped = false;

    for (int l = k + 1; l < s->a->cell->n_subchannels; l++) {
        int i = s->a->owner[k], j = s->a->owner[l];
        if (i == j || i < 0 || j < 0 || !ownership_is_usable(s->a->cell, j, k) ||
            !ownership_is_usable(s->a->cell, i, l))
            continue;
        allocation_swap(s->a, k, l);
        if (is_better(s, i, j))
            has_helped = true;
        else
            allocation_swap(s->a, k, l);
    }
    return has_helped;
}

static bool is_over(const struct squeeze *s)
{
    return s->n_left <= 0 || clock_now_us() > s->deadline_us;
}

static void descend(struct squeeze *s, double up_s, double down_s)
{
    bool has_helped = true;

    s->up_s = up_s;
    s->down_s = down_s;
    for (int i = 0; i < s->a->cell->n_devices; i++)
        s->cost[i] = cost_of(s, i);
    while (has_helped && !is_over(s)) {
        has_helped = false;
        for (int k = 0; k < s->a->cell->n_subchannels && !is_over(s); k++) {
            has_helped |= try_moves(s, k);
            has_helped |= try_swaps(s, k);
        }
    }
}

double squeeze_owners(struct allocation *a, long max_tries, int64_t deadline_us)
{
    /* How much of what is asked goes to which stage. */
    static const double parts[][2] = {{1, 1}, {2, 0}, {0, 2}, {2, -1}, {-1, 2}};
    size_t m = (size_t)a->cell->n_subchannels;
    struct squeeze s = {.a = a,
                        .cost = mem_zero((size_t)a->cell->n_devices, sizeof(double)),
                        .n_left = max_tries,
                        .deadline_us = deadline_us};
    int *best = mem_copy(a->owner, m * sizeof(int));
    double best_s = allocation_total_s(a);

    for (double asked = FIRST_ASKED; asked >= LEAST_ASKED && best_s < HUGE_VAL; asked *= 0.5)
        for (size_t p = 0; p < ARRAY_LEN(parts) && !is_over(&s); p++) {
            double total_s;
            descend(&s, power_best_up_s(a) * (1 - parts[p][0] * asked),
                    allocation_down_s(a) * (1 - parts[p][1] * asked));
            total_s = improve_owners(a, s.n_left, deadline_us);
            if (total_s < best_s * (1 - WORTH_IT)) {
                best_s = total_s;
                memcpy(best, a->owner, m * sizeof(int));
            } else {
                allocation_set(a, best);
            }
        }
    allocation_set(a, best);
    free(best);
    free(s.cost);
    return best_s;
}
