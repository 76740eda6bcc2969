/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/relaxation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "scheduler/master.h"

#define MAX_ROUNDS 60 /* of the master at one node; far above what is seen */

struct relaxation {
    const struct cell *cell;
    const struct cut_costs *costs;
    struct master *master;
    struct prices prices, best_prices;
    struct lagrangian at_prices;
};

/* Points of a known allocation: its powers, its stage times; and a spread of others around them. */
static void seed_master(struct relaxation *r, const struct allocation *known)
{
    const struct cell *cell = r->cell;
    double up_s = power_best_up_s(known), down_s = allocation_down_s(known);
    double *psd = mem_zero((size_t)cell->n_subchannels, sizeof(double));

    power_psd(known, up_s, psd);
    for (int k = 0; k < cell->n_subchannels; k++)
        if (known->owner[k] >= 0)
            master_add_power(r->master, known->owner[k], k,
                             psd[k] * cell->problem->bandwidth_hz[k]);
    for (int i = 0; i < cell->n_devices; i++) {
        double share_w =
            fmin(cell->power_cap_w[i], cell->problem->total_power_w / cell->n_subchannels);
        for (int k = 0; k < cell->n_subchannels; k++)
            if (cell->downlink_bps[cell_at(cell, i, k)] > 0)
                master_add_power(r->master, i, k, r->costs->uplink_bits > 0 ? share_w : 0);
    }
    for (int step = 0; step <= 4; step++) {
        double part = step / 4.0;
        master_add_up(r->master, up_s + part * part * (r->costs->least_up_s - up_s));
        master_add_down(r->master, down_s + part * part * (r->costs->least_down_s - down_s));
    }
    master_add_up(r->master, 1.5 * up_s);
    master_add_down(r->master, 1.5 * down_s);
    free(psd);
}

struct relaxation *relaxation_new(const struct cell *cell, const struct cut_costs *costs,
                                  const struct allocation *known)
{
    struct relaxation *r = mem_zero(1, sizeof *r);

    r->cell = cell;
    r->costs = costs;
    r->master = master_new(cell, costs, allocation_total_s(known));
    prices_init(&r->prices, cell->n_devices);
    prices_init(&r->best_prices, cell->n_devices);
    lagrangian_init(&r->at_prices, cell);
    seed_master(r, known);
    return r;
}

void relaxation_free(struct relaxation *r)
{
    if (!r)
        return;
    master_free(r->master);
    prices_release(&r->prices);
    prices_release(&r->best_prices);
    lagrangian_release(&r->at_prices);
    free(r);
}

void relaxed_init(struct relaxed *relaxed, const struct cell *cell)
{
    size_t n = cell_at(cell, cell->n_devices, 0);

    relaxed->bound_s = 0;
    relaxed->share = mem_zero(n, sizeof(double));
    relaxed->loss_s = mem_zero(n, sizeof(double));
    relaxed->is_known = false;
}

void relaxed_release(struct relaxed *relaxed)
{
    free(relaxed->share);
    free(relaxed->loss_s);
    memset(relaxed, 0, sizeof *relaxed);
}

/* Evaluates r->prices; a better bound is kept with what every other choice would add to it. */
static void take_bound(struct relaxation *r, const bool *allowed, struct relaxed *relaxed)
{
    struct lagrangian *l = &r->at_prices;

    lagrangian_evaluate(l, r->cell, r->costs, &r->prices, allowed);
    if (!(l->bound_s > relaxed->bound_s))
        return;
    relaxed->bound_s = l->bound_s;
    prices_copy(&r->best_prices, &r->prices, r->cell->n_devices);
    for (int i = 0; i < r->cell->n_devices; i++)
        for (int k = 0; k < r->cell->n_subchannels; k++) {
            size_t at = cell_at(r->cell, i, k);
            relaxed->loss_s[at] = l->best_worth_s[k] - l->worth_s[at];
        }
}

/* Points that are worth more at the prices than the master knows. */
static int add_points(struct relaxation *r, const double *subchannel_price, const bool *allowed)
{
    const struct lagrangian *l = &r->at_prices;
    double enough_s = 1e-9 * fmax(l->up_s, 1e-300);
    int n = 0;

    for (int k = 0; k < r->cell->n_subchannels; k++)
        for (int i = 0; i < r->cell->n_devices; i++) {
            size_t at = cell_at(r->cell, i, k);
            if (allowed[at] && l->worth_s[at] > subchannel_price[k] + enough_s)
                n += master_add_power(r->master, i, k, l->power_w[at]);
        }
    n += master_add_up(r->master, l->up_s);
    n += master_add_down(r->master, l->down_s);
    return n;
}

void relaxation_solve(struct relaxation *r, const bool *allowed, double cutoff_s,
                      double tolerance_s, int64_t deadline_us, struct relaxed *relaxed)
{
    double *subchannel_price = mem_zero((size_t)r->cell->n_subchannels, sizeof(double));

    relaxed->bound_s = cut_costs_least_s(r->costs);
    relaxed->is_known = false;
    for (size_t at = 0; at < cell_at(r->cell, r->cell->n_devices, 0); at++)
        relaxed->loss_s[at] = allowed[at] ? 0 : HUGE_VAL;
    /* The parent's prices are a good guess and cost nothing. */
    prices_copy(&r->prices, &r->best_prices, r->cell->n_devices);
    take_bound(r, allowed, relaxed);
    master_allow(r->master, allowed);
    for (int round = 0; round < MAX_ROUNDS && relaxed->bound_s < cutoff_s; round++) {
        double master_s;
        if (clock_now_us() > deadline_us ||
            master_solve(r->master, deadline_us, &r->prices, subchannel_price, &master_s))
            break;
        master_shares(r->master, relaxed->share);
        relaxed->is_known = true;
        take_bound(r, allowed, relaxed);
        if (master_s - relaxed->bound_s <= tolerance_s || !add_points(r, subchannel_price, allowed))
            break;
    }
    free(subchannel_price);
}

const struct prices *relaxation_prices(const struct relaxation *r)
{
    return &r->best_prices;
}
