/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/lagrangian.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LN_2 0.693147180559945309417

void prices_init(struct prices *prices, int n_devices)
{
    prices->uplink = mem_zero((size_t)n_devices, sizeof(double));
    prices->downlink = mem_zero((size_t)n_devices, sizeof(double));
    prices->power = mem_zero((size_t)n_devices, sizeof(double));
    prices->total_power = 0;
}

void prices_release(struct prices *prices)
{
    free(prices->uplink);
    free(prices->downlink);
    free(prices->power);
    memset(prices, 0, sizeof *prices);
}

void prices_copy(struct prices *to, const struct prices *from, int n_devices)
{
    size_t bytes = (size_t)n_devices * sizeof(double);

    memcpy(to->uplink, from->uplink, bytes);
    memcpy(to->downlink, from->downlink, bytes);
    memcpy(to->power, from->power, bytes);
    to->total_power = from->total_power;
}

void lagrangian_init(struct lagrangian *l, const struct cell *cell)
{
    size_t n = cell_at(cell, cell->n_devices, 0);

    memset(l, 0, sizeof *l);
    l->power_w = mem_zero(n, sizeof(double));
    l->worth_s = mem_zero(n, sizeof(double));
    l->best_worth_s = mem_zero((size_t)cell->n_subchannels, sizeof(double));
}

void lagrangian_release(struct lagrangian *l)
{
    free(l->power_w);
    free(l->worth_s);
    free(l->best_worth_s);
    memset(l, 0, sizeof *l);
}

/* One stage: T + sum_i price_i bits / (T - start_i), convex in T > max start. */
struct stage {
    const double *price, *start_s;
    double bits;
    int n;
};

static double stage_value(const struct stage *s, double t, double *slope)
{
    double value = t;

    *slope = 1;
    for (int i = 0; i < s->n; i++) {
        double left_s = t - s->start_s[i], cost = s->price[i] * s->bits;
        if (cost <= 0)
            continue;
        value += cost / left_s;
        *slope -= cost / (left_s * left_s);
    }
    return value;
}

/*
 * A lower bound on the stage's minimum over T >= least_s: the tangent at the left end of a small interval
 * that holds the minimum, at its right end. By convexity no rounding of T can make it too large.
 */
static double stage_least(const struct stage *s, double least_s, double *t)
{
    double low = least_s, high, slope, slope_low, value_low = stage_value(s, low, &slope_low);

    *t = low;
    if (slope_low >= 0 || s->bits <= 0)
        return value_low;
    for (high = 2 * low; stage_value(s, high, &slope), slope < 0; high *= 2) {
        low = high;
        slope_low = slope;
    }
    while (high - low > 1e-9 * high) {
        double middle = low + 0.5 * (high - low);
        stage_value(s, middle, &slope);
        if (slope < 0)
            low = middle;
        else
            high = middle;
    }
    value_low = stage_value(s, low, &slope_low);
    *t = low;
    return value_low + slope_low * (high - low);
}

/* The power on one subchannel that is worth most, by the water level of the prices. */
static double worth_s(const struct cell *cell, const struct prices *prices, int i, int k,
                      double *power_w)
{
    double floor = cell->floor_w_per_hz[cell_at(cell, i, k)];
    double width = cell->problem->bandwidth_hz[k];
    double power_price = prices->power[i] + prices->total_power;
    double worth = prices->downlink[i] * cell->downlink_bps[cell_at(cell, i, k)];
    double psd = cell->power_cap_w[i] / width;

    *power_w = 0;
    if (prices->uplink[i] <= 0 || isinf(floor))
        return worth;
    if (power_price > 0)
        psd = fmin(psd, prices->uplink[i] / (power_price * LN_2) - floor);
    if (psd <= 0)
        return worth;
    *power_w = psd * width;
    return worth + prices->uplink[i] * width * log1p(psd / floor) / LN_2 - power_price * *power_w;
}

static double subchannels_s(struct lagrangian *l, const struct cell *cell,
                            const struct prices *prices, const bool *allowed)
{
    double sum = 0;

    for (int k = 0; k < cell->n_subchannels; k++)
        l->best_worth_s[k] = 0;
    for (int i = 0; i < cell->n_devices; i++)
        for (int k = 0; k < cell->n_subchannels; k++) {
            size_t at = cell_at(cell, i, k);
            if (!allowed[at]) {
                l->worth_s[at] = -HUGE_VAL;
                continue;
            }
            l->worth_s[at] = worth_s(cell, prices, i, k, &l->power_w[at]);
            l->best_worth_s[k] = fmax(l->best_worth_s[k], l->worth_s[at]);
        }
    for (int k = 0; k < cell->n_subchannels; k++)
        sum += l->best_worth_s[k];
    return sum;
}

void lagrangian_evaluate(struct lagrangian *l, const struct cell *cell,
                         const struct cut_costs *costs, const struct prices *prices,
                         const bool *allowed)
{
    struct stage up = {prices->uplink, costs->forward_s, costs->uplink_bits, cell->n_devices};
    struct stage down = {prices->downlink, costs->backward_s, costs->downlink_bits,
                         cell->n_devices};
    double gain_s = stage_least(&up, costs->least_up_s, &l->up_s) +
                    stage_least(&down, costs->least_down_s, &l->down_s) + costs->fixed_s;
    double paid_s = prices->total_power * cell->problem->total_power_w +
                    subchannels_s(l, cell, prices, allowed);

    for (int i = 0; i < cell->n_devices; i++)
        paid_s += prices->power[i] * cell->power_cap_w[i];
    /* What is subtracted may be much larger than what is left. */
    l->bound_s = gain_s - paid_s - 1e-12 * (gain_s + paid_s);
}
