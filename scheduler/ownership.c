/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/ownership.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Bipartite matching by augmenting paths; `holder` is who has a subchannel, `seen` marks one
 * search. */
struct matching {
    const struct cell *cell;
    int *holder, *partner;
    bool *seen;
};

bool ownership_is_usable(const struct cell *cell, int i, int k)
{
    return cell->downlink_bps[cell_at(cell, i, k)] > 0 &&
           cell->floor_w_per_hz[cell_at(cell, i, k)] < HUGE_VAL;
}

/*
 * Breadth-first, because a recursion as deep as there are devices could run out of stack. `from[k]`
 * is the device that reached subchannel k; the path is turned over once a free subchannel is found.
 */
static bool find_partner(struct matching *m, int device, int *queue, int *from)
{
    const struct cell *cell = m->cell;
    int n_queued = 0;

    memset(m->seen, 0, (size_t)cell->n_subchannels * sizeof *m->seen);
    queue[n_queued++] = device;
    for (int q = 0; q < n_queued; q++) {
        int i = queue[q];
        for (int j = 0; j < cell->n_subchannels; j++) {
            int k = cell->order[cell_at(cell, i, j)];
            if (m->seen[k] || !ownership_is_usable(cell, i, k))
                continue;
            m->seen[k] = true;
            from[k] = i;
            if (m->holder[k] >= 0) {
                queue[n_queued++] = m->holder[k];
                continue;
            }
            while (k >= 0) {
                int taker = from[k], freed = m->partner[taker];
                m->holder[k] = taker;
                m->partner[taker] = k;
                k = freed;
            }
            return true;
        }
    }
    queue[n_queued] = -1; /* the devices of the failed search, for the reason */
    return false;
}

static void explain(const struct cell *cell, const int *queue, const bool *seen,
                    struct strbuf *reason)
{
    bool *is_stuck = mem_zero((size_t)cell->n_devices, sizeof *is_stuck);
    int n_devices = 0, n_subchannels = 0, n_named = 0;

    for (; queue[n_devices] >= 0; n_devices++)
        is_stuck[queue[n_devices]] = true;
    for (int k = 0; k < cell->n_subchannels; k++)
        n_subchannels += seen[k];
    if (n_devices == 1)
        strbuf_addf(reason, "device %s has no usable subchannel: every gain is 0",
                    cell->problem->devices[queue[0]].name);
    else
        strbuf_addf(reason,
                    "%d devices need a subchannel each and have %d usable between them:", n_devices,
                    n_subchannels);
    for (int i = 0; n_devices > 1 && i < cell->n_devices && n_named < 8; i++)
        if (is_stuck[i])
            strbuf_addf(reason, "%s %s", n_named++ ? "," : "", cell->problem->devices[i].name);
    if (n_devices > 8)
        strbuf_addf(reason, ", ...");
    free(is_stuck);
}

bool ownership_match(const struct cell *cell, int *partner, struct strbuf *reason)
{
    size_t m = (size_t)cell->n_subchannels;
    int *queue = mem_zero((size_t)cell->n_devices + 2, sizeof(int));
    int *from = mem_zero(m, sizeof(int));
    struct matching matching = {cell, mem_zero(m, sizeof(int)), partner, mem_zero(m, sizeof(bool))};
    bool is_found = true;

    for (int k = 0; k < cell->n_subchannels; k++)
        matching.holder[k] = -1;
    for (int i = 0; i < cell->n_devices; i++)
        partner[i] = -1;
    for (int i = 0; is_found && i < cell->n_devices; i++)
        is_found = find_partner(&matching, i, queue, from);
    if (!is_found)
        explain(cell, queue, matching.seen, reason);
    free(queue);
    free(from);
    free(matching.holder);
    free(matching.seen);
    return is_found;
}

/* When a device would end its share of the round if it had an equal share of all power. */
static double end_s(const struct allocation *a, int i)
{
    const struct cell *cell = a->cell;
    double power_w = fmin(cell->power_cap_w[i], cell->problem->total_power_w / cell->n_devices);
    double end = a->costs->forward_s[i] + a->costs->backward_s[i];

    if (a->costs->uplink_bits > 0)
        end += a->costs->uplink_bits / waterfill_rate_bps(&a->bands[i], power_w);
    if (a->costs->downlink_bits > 0)
        end += a->costs->downlink_bits / a->downlink_bps[i];
    return end;
}

void ownership_greedy(struct allocation *a, const int *partner)
{
    const struct cell *cell = a->cell;
    double *ends_s = mem_zero((size_t)cell->n_devices, sizeof(double));
    int *next = mem_zero((size_t)cell->n_devices, sizeof(int));
    int n_left = cell->n_subchannels - cell->n_devices;

    for (int k = 0; k < cell->n_subchannels; k++)
        a->owner[k] = -1;
    for (int i = 0; i < cell->n_devices; i++)
        a->owner[partner[i]] = i;
    allocation_set(a, a->owner);
    for (int i = 0; i < cell->n_devices; i++)
        ends_s[i] = end_s(a, i);
    for (; n_left > 0; n_left--) {
        int last = 0, k;
        for (int i = 1; i < cell->n_devices; i++)
            if (ends_s[i] > ends_s[last])
                last = i;
        while (a->owner[k = cell->order[cell_at(cell, last, next[last])]] >= 0)
            next[last]++;
        allocation_give(a, k, last);
        ends_s[last] = end_s(a, last);
    }
    free(ends_s);
    free(next);
}

void ownership_repair(const struct cell *cell, const int *partner, int *owner)
{
    int *n_owned = mem_zero((size_t)cell->n_devices, sizeof(int));
    bool is_done = false;

    for (int k = 0; k < cell->n_subchannels; k++)
        if (owner[k] >= 0 && ownership_is_usable(cell, owner[k], k))
            n_owned[owner[k]]++;
    /* A partner is taken by its device at most once, so this ends. */
    while (!is_done) {
        is_done = true;
        for (int i = 0; i < cell->n_devices; i++) {
            int k = partner[i], robbed = owner[k];
            if (n_owned[i] > 0)
                continue;
            if (robbed >= 0 && ownership_is_usable(cell, robbed, k))
                n_owned[robbed]--;
            owner[k] = i;
            n_owned[i] = 1;
            is_done = false;
        }
    }
    free(n_owned);
}
