/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/power.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void allocation_init(struct allocation *a, const struct cell *cell, const struct cut_costs *costs)
{
    a->cell = cell;
    a->costs = costs;
    a->owner = mem_zero((size_t)cell->n_subchannels, sizeof(int));
    a->bands = mem_zero((size_t)cell->n_devices, sizeof *a->bands);
    a->downlink_bps = mem_zero((size_t)cell->n_devices, sizeof(double));
    for (int i = 0; i < cell->n_devices; i++)
        bands_init(&a->bands[i], 1 + cell->n_subchannels / cell->n_devices);
    for (int k = 0; k < cell->n_subchannels; k++)
        a->owner[k] = -1;
}

void allocation_release(struct allocation *a)
{
    for (int i = 0; i < a->cell->n_devices; i++)
        bands_release(&a->bands[i]);
    free(a->bands);
    free(a->owner);
    free(a->downlink_bps);
    memset(a, 0, sizeof *a);
}

/* Sums anew instead of adding and subtracting: rounding must not pile up over many moves. */
static void sum_downlink(struct allocation *a, int i)
{
    const double *rate = &a->cell->downlink_bps[cell_at(a->cell, i, 0)];
    double sum = 0;

    for (int j = 0; j < a->bands[i].n; j++)
        sum += rate[a->bands[i].subchannel[j]];
    a->downlink_bps[i] = sum;
}

void allocation_set(struct allocation *a, const int *owner)
{
    memmove(a->owner, owner, (size_t)a->cell->n_subchannels * sizeof(int));
    for (int i = 0; i < a->cell->n_devices; i++)
        a->bands[i].n = 0;
    for (int k = 0; k < a->cell->n_subchannels; k++)
        if (a->owner[k] >= 0)
            bands_add(&a->bands[a->owner[k]], a->cell, a->owner[k], k);
    for (int i = 0; i < a->cell->n_devices; i++)
        sum_downlink(a, i);
}

void allocation_give(struct allocation *a, int subchannel, int device)
{
    int before = a->owner[subchannel];

    a->owner[subchannel] = device;
    if (before >= 0) {
        bands_remove(&a->bands[before], subchannel);
        sum_downlink(a, before);
    }
    if (device >= 0) {
        bands_add(&a->bands[device], a->cell, device, subchannel);
        sum_downlink(a, device);
    }
}

void allocation_swap(struct allocation *a, int k, int l)
{
    int first = a->owner[k], second = a->owner[l];

    allocation_give(a, k, -1);
    allocation_give(a, l, first);
    allocation_give(a, k, second);
}

double power_rate_needed_bps(const struct allocation *a, int i, double up_s)
{
    double left_s = up_s - a->costs->forward_s[i];

    if (a->costs->uplink_bits <= 0)
        return 0;
    return left_s > 0 ? a->costs->uplink_bits / left_s : HUGE_VAL;
}

bool power_can_meet(const struct allocation *a, double up_s)
{
    double total_w = 0;

    for (int i = 0; i < a->cell->n_devices; i++) {
        double rate = power_rate_needed_bps(a, i, up_s), power_w;
        if (isinf(rate) || up_s < a->costs->forward_s[i])
            return false;
        power_w = waterfill_power_w(&a->bands[i], rate);
        total_w += power_w;
        if (!(power_w <= a->cell->power_cap_w[i]) || !(total_w <= a->cell->problem->total_power_w))
            return false;
    }
    return true;
}

double power_total_w(const struct allocation *a, double up_s)
{
    double total_w = 0;

    for (int i = 0; i < a->cell->n_devices; i++)
        total_w += waterfill_power_w(&a->bands[i], power_rate_needed_bps(a, i, up_s));
    return total_w;
}

double power_best_up_s(const struct allocation *a)
{
    double limit_w = a->cell->problem->total_power_w, low_s = 0, high_s, step_s;

    for (int i = 0; i < a->cell->n_devices; i++) {
        double up_s = a->costs->forward_s[i];
        if (a->costs->uplink_bits > 0)
            up_s +=
                a->costs->uplink_bits / waterfill_rate_bps(&a->bands[i], a->cell->power_cap_w[i]);
        low_s = fmax(low_s, up_s);
    }
    if (!(low_s < HUGE_VAL) || power_total_w(a, low_s) <= limit_w)
        return low_s;
    step_s = low_s * 0.0625;
    for (high_s = low_s + step_s; power_total_w(a, high_s) > limit_w; high_s += step_s *= 2)
        low_s = high_s;
    while (high_s - low_s > 1e-13 * high_s) {
        double middle_s = low_s + 0.5 * (high_s - low_s);
        if (power_total_w(a, middle_s) > limit_w)
            low_s = middle_s;
        else
            high_s = middle_s;
    }
    return high_s;
}

void power_psd(const struct allocation *a, double up_s, double *psd_w_per_hz)
{
    memset(psd_w_per_hz, 0, (size_t)a->cell->n_subchannels * sizeof(double));
    if (a->costs->uplink_bits <= 0)
        return;
    for (int i = 0; i < a->cell->n_devices; i++)
        waterfill_psd_for_rate(&a->bands[i], power_rate_needed_bps(a, i, up_s), psd_w_per_hz);
}

double allocation_down_of_s(const struct allocation *a, int i)
{
    double bits = a->costs->downlink_bits;

    return a->costs->backward_s[i] + (bits > 0 ? bits / a->downlink_bps[i] : 0);
}

double allocation_down_s(const struct allocation *a)
{
    double down_s = 0;

    for (int i = 0; i < a->cell->n_devices; i++) {
        double s = allocation_down_of_s(a, i);
        down_s = s > down_s ? s : down_s; /* with fmax() gcc 12 for arm64 stops, at -O3 */
    }
    return down_s;
}

double allocation_total_s(const struct allocation *a)
{
    return a->costs->fixed_s + allocation_down_s(a) + power_best_up_s(a);
}
