/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/lagrangian.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LN_2 0.693147180559945309417

void lagrangian_init(struct lagrangian *l, const struct cell *cell)
{
    size_t n = cell_at(cell, cell->n_devices, 0);

    memset(l, 0, sizeof *l);
    l->power_w = mem_zero(n, sizeof(double));
    l->share = mem_zero(n, sizeof(double));
    l->worth_s = mem_zero(n, sizeof(double));
    l->best_worth_s = mem_zero((size_t)cell->n_subchannels, sizeof(double));
    l->weight = mem_zero((size_t)cell->n_subchannels, sizeof(double));
}

void lagrangian_release(struct lagrangian *l)
{
    free(l->power_w);
    free(l->share);
    free(l->worth_s);
    free(l->best_worth_s);
    free(l->weight);
    free(l->near);
    free(l->near_from);
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
 * A lower bound on the stage's minimum over T >= least_s: the tangent at the left end of a small
 * interval that holds the minimum, at its right end. By convexity no rounding of T can make it too
 * large.
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

/* What does not depend on the subchannel: the water level of the prices, and its logarithm. */
struct level {
    double uplink, downlink, power_price; /* s per bit/s, s per bit/s, s per W */
    double w_per_hz, log;                 /* INFINITY when power is free */
    double cap_w;
};

static struct level level_of(const struct cell *cell, const struct prices *prices, int i)
{
    struct level level = {.uplink = prices->uplink[i],
                          .downlink = prices->downlink[i],
                          .power_price = prices->power[i] + prices->total_power,
                          .w_per_hz = HUGE_VAL,
                          .log = HUGE_VAL,
                          .cap_w = cell->power_cap_w[i]};

    if (level.power_price > 0) {
        level.w_per_hz = level.uplink / (level.power_price * LN_2);
        level.log = log(level.w_per_hz);
    }
    return level;
}

/* The power on one subchannel that is worth most, and its worth. */
static double worth_s(const struct cell *cell, const struct level *level, size_t at, double width,
                      double *power_w)
{
    double floor = cell->floor_w_per_hz[at], psd = level->w_per_hz - floor, nats;
    double worth = level->downlink * cell->downlink_bps[at];

    *power_w = 0;
    if (!(psd > 0) || level->uplink <= 0)
        return worth;
    nats = level->log - cell->log_floor[at];
    if (!(psd * width < level->cap_w)) {
        psd = level->cap_w / width;
        nats = log1p(psd / floor);
    } else if (nats < 1e-2) {
        nats = log1p(psd / floor); /* the difference of logarithms has few digits left */
    }
    *power_w = psd * width;
    return worth + level->uplink * width * nats / LN_2 - level->power_price * *power_w;
}

/* The pairs of device i: all its subchannels, or a part of l->near. */
static int first_of(const struct lagrangian *l, int i)
{
    return l->looks_near ? l->near_from[i] : 0;
}

static int end_of(const struct lagrangian *l, const struct cell *cell, int i)
{
    return l->looks_near ? l->near_from[i + 1] : cell->n_subchannels;
}

void lagrangian_look_near(struct lagrangian *l, const struct cell *cell, double part)
{
    int n = 0;

    if (!l->near) {
        l->near = mem_zero(cell_at(cell, cell->n_devices, 0), sizeof(int));
        l->near_from = mem_zero((size_t)cell->n_devices + 1, sizeof(int));
    }
    for (int i = 0; i < cell->n_devices; i++) {
        l->near_from[i] = n;
        for (int k = 0; k < cell->n_subchannels; k++)
            if (l->worth_s[cell_at(cell, i, k)] > part * l->best_worth_s[k])
                l->near[n++] = k;
    }
    l->near_from[cell->n_devices] = n;
    l->looks_near = true;
}

void lagrangian_look_everywhere(struct lagrangian *l)
{
    l->looks_near = false;
}

static double subchannels_s(struct lagrangian *l, const struct cell *cell,
                            const struct prices *prices, const bool *allowed)
{
    double sum = 0;

    for (int k = 0; k < cell->n_subchannels; k++)
        l->best_worth_s[k] = 0;
    for (int i = 0; i < cell->n_devices; i++) {
        struct level level = level_of(cell, prices, i);
        for (int n = first_of(l, i); n < end_of(l, cell, i); n++) {
            int k = l->looks_near ? l->near[n] : n;
            size_t at = cell_at(cell, i, k);
            double worth = -HUGE_VAL;
            if (!allowed || allowed[at])
                worth = worth_s(cell, &level, at, cell->problem->bandwidth_hz[k], &l->power_w[at]);
            l->worth_s[at] = worth;
            if (worth > l->best_worth_s[k])
                l->best_worth_s[k] = worth;
        }
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

void demand_init(struct demand *demand, int n_devices)
{
    demand->uplink_bps = mem_zero((size_t)n_devices, sizeof(double));
    demand->downlink_bps = mem_zero((size_t)n_devices, sizeof(double));
    demand->power_w = mem_zero((size_t)n_devices, sizeof(double));
    demand->total_power_w = 0;
    demand->share = NULL;
}

void demand_release(struct demand *demand)
{
    free(demand->uplink_bps);
    free(demand->downlink_bps);
    free(demand->power_w);
    memset(demand, 0, sizeof *demand);
}

#define FAINT 12 /* exp(-12) of the best's share is nothing */

static double share_weight(const struct lagrangian *l, size_t at, int k, double softness)
{
    double lost_s = l->best_worth_s[k] - l->worth_s[at];
    double unit_s = softness * l->best_worth_s[k];

    if (!(lost_s < FAINT * unit_s))
        return lost_s <= 0 && l->best_worth_s[k] > 0;
    return exp(-lost_s / unit_s);
}

void lagrangian_demand(struct lagrangian *l, const struct cell *cell, const struct prices *prices,
                       double softness, struct demand *demand)
{
    memset(l->weight, 0, (size_t)cell->n_subchannels * sizeof(double));
    for (int i = 0; i < cell->n_devices; i++)
        for (int n = first_of(l, i); n < end_of(l, cell, i); n++) {
            int k = l->looks_near ? l->near[n] : n;
            size_t at = cell_at(cell, i, k);
            l->share[at] = share_weight(l, at, k, softness);
            l->weight[k] += l->share[at];
        }
    demand->total_power_w = 0;
    for (int i = 0; i < cell->n_devices; i++) {
        struct level level = level_of(cell, prices, i);
        double up_s = 0, down_bps = 0, power_w = 0;
        for (int n = first_of(l, i); n < end_of(l, cell, i); n++) {
            int k = l->looks_near ? l->near[n] : n;
            size_t at = cell_at(cell, i, k);
            double share = l->share[at];
            if (share <= 0)
                continue;
            share /= l->weight[k];
            if (demand->share)
                demand->share[at] += share;
            down_bps += share * cell->downlink_bps[at];
            power_w += share * l->power_w[at];
            up_s += share * (l->worth_s[at] - level.downlink * cell->downlink_bps[at] +
                             level.power_price * l->power_w[at]);
        }
        demand->uplink_bps[i] = level.uplink > 0 ? up_s / level.uplink : 0;
        demand->downlink_bps[i] = down_bps;
        demand->power_w[i] = power_w;
        demand->total_power_w += power_w;
    }
}
