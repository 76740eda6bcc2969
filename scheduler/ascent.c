/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/ascent.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define FIRST_STEP     0.3
#define LEAST_STEP     0.002
#define LARGEST_STEP   0.8
#define FIRST_SOFTNESS 0.1
#define LAST_SOFTNESS  0.005
#define LARGE_PAIRS    50000 /* devices times subchannels: where looking at all of them is dear */
#define NEAR           0.5   /* of the best worth */
#define NEAR_SOFTNESS  0.03
#define NEAR_BOUND     0.8 /* of what is wanted: before, prices move too fast for a part of the pairs */
#define WHOLE_EVERY    10
#define LN_2           0.693147180559945309417

void ascent_init(struct ascent *a, const struct cell *cell)
{
    size_t n = 3 * (size_t)cell->n_devices + 1;

    memset(a, 0, sizeof *a);
    a->cell = cell;
    lagrangian_init(&a->at, cell);
    demand_init(&a->demand, cell->n_devices);
    prices_init(&a->prices, cell->n_devices);
    prices_init(&a->best, cell->n_devices);
    a->first_step = FIRST_STEP;
    a->first_softness = FIRST_SOFTNESS;
    a->last_softness = LAST_SOFTNESS;
    a->step = mem_zero(n, sizeof(double));
    a->before = mem_zero(n, sizeof(double));
}

void ascent_release(struct ascent *a)
{
    lagrangian_release(&a->at);
    demand_release(&a->demand);
    prices_release(&a->prices);
    prices_release(&a->best);
    free(a->step);
    free(a->before);
}

void ascent_restart(struct ascent *a)
{
    a->bound_s = -HUGE_VAL;
    for (int p = 0; p < 3 * a->cell->n_devices + 1; p++) {
        a->step[p] = a->first_step;
        a->before[p] = 0;
    }
}

/* The prices at which a stage with every device equally late ends when it does. */
static void start_stage(double *price, const double *start_s, double bits, double end_s, int n)
{
    for (int i = 0; i < n; i++)
        price[i] = bits > 0 ? (end_s - start_s[i]) * (end_s - start_s[i]) / (bits * n) : 0;
}

void ascent_start(struct ascent *a, const struct allocation *known)
{
    const struct cell *cell = a->cell;
    const struct cut_costs *costs = known->costs;
    double up_s = power_best_up_s(known), sum = 0;
    double *psd = mem_zero((size_t)cell->n_subchannels, sizeof(double));

    ascent_restart(a);
    start_stage(a->prices.uplink, costs->forward_s, costs->uplink_bits, up_s, cell->n_devices);
    start_stage(a->prices.downlink, costs->backward_s, costs->downlink_bits,
                allocation_down_s(known), cell->n_devices);
    power_psd(known, up_s, psd);
    /* A device's water level is its rate's price over power's. */
    for (int i = 0; i < cell->n_devices; i++) {
        double level = 0;
        for (int j = 0; j < known->bands[i].n; j++)
            level =
                fmax(level, psd[known->bands[i].subchannel[j]] + known->bands[i].floor_w_per_hz[j]);
        sum += level > 0 ? a->prices.uplink[i] / (level * LN_2) : 0;
    }
    a->prices.total_power = 0.5 * sum / cell->n_devices;
    for (int i = 0; i < cell->n_devices; i++)
        a->prices.power[i] = a->prices.total_power;
    free(psd);
}

/* One price: by the ratio of what is wanted to what there is. */
static void move(struct ascent *a, int p, double *price, double wanted, double there_is)
{
    double direction = wanted > 0 ? (there_is > 0 ? log(wanted / there_is) : 1) : -1;

    direction = fmin(1, fmax(-1, direction));
    a->step[p] *= direction * a->before[p] > 0 ? 1.15 : direction * a->before[p] < 0 ? 0.6 : 1;
    a->step[p] = fmin(LARGEST_STEP, fmax(LEAST_STEP, a->step[p]));
    a->before[p] = direction;
    *price = fmin(1e200, *price * exp(a->step[p] * direction));
}

static void move_all(struct ascent *a, const struct cut_costs *costs)
{
    const struct demand *d = &a->demand;
    int n = a->cell->n_devices;

    for (int i = 0; i < n; i++) {
        double up_bps = costs->uplink_bits / (a->at.up_s - costs->forward_s[i]);
        double down_bps = costs->downlink_bits / (a->at.down_s - costs->backward_s[i]);
        move(a, i, &a->prices.uplink[i], up_bps, d->uplink_bps[i]);
        move(a, n + i, &a->prices.downlink[i], down_bps, d->downlink_bps[i]);
        move(a, 2 * n + i, &a->prices.power[i], d->power_w[i], a->cell->power_cap_w[i]);
    }
    move(a, 3 * n, &a->prices.total_power, d->total_power_w, a->cell->problem->total_power_w);
}

/*
 * In large cells, once the bound has come near what is wanted, most steps look only at pairs near
 * the best; their bound is none.
 */
static void evaluate(struct ascent *a, const struct cut_costs *costs, const bool *allowed,
                     double softness, double enough_s, bool is_whole)
{
    bool is_large = cell_at(a->cell, a->cell->n_devices, 0) >= LARGE_PAIRS;

    if (is_whole)
        lagrangian_look_everywhere(&a->at);
    lagrangian_evaluate(&a->at, a->cell, costs, &a->prices, allowed);
    if (a->at.looks_near)
        return;
    if (is_large && softness <= NEAR_SOFTNESS && a->at.bound_s > NEAR_BOUND * enough_s)
        lagrangian_look_near(&a->at, a->cell, NEAR);
    if (a->at.bound_s > a->bound_s) {
        a->bound_s = a->at.bound_s;
        prices_copy(&a->best, &a->prices, a->cell->n_devices);
    }
}

double ascent_run(struct ascent *a, const struct cut_costs *costs, const bool *allowed, int n_steps,
                  double enough_s, int64_t deadline_us)
{
    for (int step = 0; step <= n_steps; step++) {
        double part = n_steps > 0 ? (double)step / n_steps : 1;
        double softness = a->first_softness * pow(a->last_softness / a->first_softness, part);
        bool is_late = clock_now_us() > deadline_us;
        evaluate(a, costs, allowed, softness, enough_s,
                 step % WHOLE_EVERY == 0 || step == n_steps || is_late);
        if (a->bound_s >= enough_s || step == n_steps || is_late)
            break;
        lagrangian_demand(&a->at, a->cell, &a->prices, softness, &a->demand);
        move_all(a, costs);
    }
    lagrangian_look_everywhere(&a->at);
    prices_copy(&a->prices, &a->best, a->cell->n_devices);
    lagrangian_evaluate(&a->at, a->cell, costs, &a->prices, allowed);
    return a->bound_s;
}
