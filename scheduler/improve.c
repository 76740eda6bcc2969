/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/improve.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "scheduler/ownership.h"

#define WORTH_IT 1e-7 /* relative; less is rounding */

struct search {
    struct allocation *a;
    double up_s, down_s;      /* ends of the stages; up_s can be met */
    double *power_w, *ends_s; /* [C] what a device needs for up_s; when its downlink stage ends */
    double total_w;           /* sum of power_w */
    bool is_total_binding;    /* up_s would fall if total_w did */
    int last[3];              /* the devices that end last, -1: there are not so many */
    long n_left, n_taken;     /* tries; improvements since the ends were computed */
    int64_t deadline_us;
};

static double power_of_w(const struct search *s, int i, double up_s)
{
    double rate = power_rate_needed_bps(s->a, i, up_s);

    return rate < HUGE_VAL ? waterfill_power_w(&s->a->bands[i], rate) : HUGE_VAL;
}

static void find_last(struct search *s)
{
    for (int r = 0; r < 3; r++) {
        s->last[r] = -1;
        for (int i = 0; i < s->a->cell->n_devices; i++)
            if (i != s->last[0] && (r < 2 || i != s->last[1]) &&
                (s->last[r] < 0 || s->ends_s[i] > s->ends_s[s->last[r]]))
                s->last[r] = i;
    }
    s->down_s = s->ends_s[s->last[0]];
}

/* Everything anew from the owners; exact power control is the dear part. */
static double measure(struct search *s)
{
    s->up_s = power_best_up_s(s->a);
    s->total_w = 0;
    for (int i = 0; i < s->a->cell->n_devices; i++) {
        s->power_w[i] = power_of_w(s, i, s->up_s);
        s->ends_s[i] = allocation_down_of_s(s->a, i);
        s->total_w += s->power_w[i];
    }
    find_last(s);
    s->is_total_binding = s->total_w > s->a->cell->problem->total_power_w * (1 - 1e-9);
    s->n_taken = 0;
    return s->a->costs->fixed_s + s->up_s + s->down_s;
}

/* When the last of all devices but i and j ends. */
static double others_end_s(const struct search *s, int i, int j)
{
    for (int r = 0; r < 3; r++)
        if (s->last[r] >= 0 && s->last[r] != i && s->last[r] != j)
            return s->ends_s[s->last[r]];
    return 0;
}

/* The same end of the downlink stage: less power for the same end of the uplink, or the end sooner.
 * */
static bool saves_power(struct search *s, int i, int j)
{
    const double *cap_w = s->a->cell->power_cap_w;
    double own_w, other_w, limit_w = s->a->cell->problem->total_power_w;

    if (!s->is_total_binding)
        return power_can_meet(s->a, s->up_s * (1 - WORTH_IT));
    own_w = power_of_w(s, i, s->up_s);
    if (!(own_w <= cap_w[i]))
        return false;
    other_w = power_of_w(s, j, s->up_s);
    if (!(other_w <= cap_w[j]) ||
        !(own_w + other_w < s->power_w[i] + s->power_w[j] - WORTH_IT * limit_w))
        return false;
    s->total_w += own_w + other_w - s->power_w[i] - s->power_w[j];
    s->power_w[i] = own_w;
    s->power_w[j] = other_w;
    return true;
}

/* Devices i and j have something else now; whether that is to be kept. */
static bool is_better(struct search *s, int i, int j)
{
    double i_s = allocation_down_of_s(s->a, i), j_s = allocation_down_of_s(s->a, j);
    double down_s = fmax(others_end_s(s, i, j), fmax(i_s, j_s));
    double up_s = (s->up_s + s->down_s - down_s) - WORTH_IT * (s->up_s + s->down_s);

    s->n_left--;
    if (down_s > s->down_s * (1 - 1e-12) && down_s <= s->down_s) {
        if (!saves_power(s, i, j))
            return false;
        s->ends_s[i] = i_s;
        s->ends_s[j] = j_s;
        find_last(s);
        if (++s->n_taken * 10 >= s->a->cell->n_devices || !s->is_total_binding)
            measure(s);
        return true;
    }
    if (!(up_s > s->a->costs->least_up_s) || !power_can_meet(s->a, up_s))
        return false;
    measure(s);
    return true;
}

/* Without more power in all, only a device at its own limit can hold up the stage: others cannot
 * help. */
static bool is_hopeless(const struct search *s, int i, int j)
{
    if (s->is_total_binding || i == s->last[0] || j == s->last[0])
        return false;
    return s->power_w[i] < s->a->cell->power_cap_w[i] * (1 - 1e-9) &&
           s->power_w[j] < s->a->cell->power_cap_w[j] * (1 - 1e-9);
}

static void try_moves(struct search *s, int k)
{
    for (int i = 0; i < s->a->cell->n_devices; i++) {
        int before = s->a->owner[k];
        if (i == before || !ownership_is_usable(s->a->cell, i, k))
            continue;
        if (before >= 0 && (s->a->bands[before].n == 1 || is_hopeless(s, i, before)))
            continue;
        allocation_give(s->a, k, i);
        if (!is_better(s, i, before >= 0 ? before : i))
            allocation_give(s->a, k, before);
    }
}

static void try_swaps(struct search *s, int k)
{
    for (int l = k + 1; l < s->a->cell->n_subchannels; l++) {
        int i = s->a->owner[k], j = s->a->owner[l];
        if (i == j || i < 0 || j < 0 || is_hopeless(s, i, j))
            continue;
        if (!ownership_is_usable(s->a->cell, j, k) || !ownership_is_usable(s->a->cell, i, l))
            continue;
        allocation_swap(s->a, k, l);
        if (!is_better(s, i, j))
            allocation_swap(s->a, k, l);
    }
}

double improve_owners(struct allocation *a, long max_tries, int64_t deadline_us)
{
    size_t n = (size_t)a->cell->n_devices;
    struct search s = {.a = a,
                       .power_w = mem_zero(n, sizeof(double)),
                       .ends_s = mem_zero(n, sizeof(double)),
                       .n_left = max_tries,
                       .deadline_us = deadline_us};
    double total_s = measure(&s), before_s = HUGE_VAL;

    while (total_s < HUGE_VAL && total_s < before_s * (1 - WORTH_IT)) {
        before_s = total_s;
        for (int k = 0; k < a->cell->n_subchannels; k++) {
            if (s.n_left <= 0 || clock_now_us() > deadline_us)
                break;
            try_moves(&s, k);
            try_swaps(&s, k);
        }
        total_s = measure(&s);
    }
    free(s.power_w);
    free(s.ends_s);
    return total_s;
}
