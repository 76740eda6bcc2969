/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/cover.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define MAX_NODES  5000 /* of one knapsack */
#define TOLERANCE  2e-5 /* of the target, all knapsacks together */
#define FIRST_STEP 1.0  /* of Polyak's */
#define MIX_STEP   0.1  /* by which a mix may change in one step */
#define PATIENCE   10   /* steps without a better bound before they get shorter */
#define FRESH      0.1  /* weight of the last step in the shares */
#define HELD       1e-3 /* of the price of all power: a device's own that counts as one */
#define MEMORY     0.7  /* of the way in the next step */

void cover_init(struct cover *c, const struct cell *cell)
{
    size_t m = (size_t)cell->n_subchannels, n = (size_t)cell->n_devices;

    memset(c, 0, sizeof *c);
    c->cell = cell;
    c->n_prices = m + 2 * n + 1;
    lagrangian_init(&c->at, cell);
    knapsack_init(&c->knapsack, cell->n_subchannels);
    prices_init(&c->prices, cell->n_devices);
    c->price = mem_zero(c->n_prices, sizeof(double));
    c->best = mem_zero(c->n_prices, sizeof(double));
    c->unit = mem_zero(c->n_prices, sizeof(double));
    c->slope = mem_zero(c->n_prices, sizeof(double));
    c->way = mem_zero(c->n_prices, sizeof(double));
    c->mix = mem_zero(n, sizeof(double));
    for (size_t i = 0; i < n; i++)
        c->mix[i] = 0.5;
    c->share = mem_zero(n * m, sizeof(double));
    bands_init(&c->bands, cell->n_subchannels);
    c->owner = mem_zero(m, sizeof(int));
}

void cover_release(struct cover *c)
{
    lagrangian_release(&c->at);
    knapsack_release(&c->knapsack);
    prices_release(&c->prices);
    free(c->price);
    free(c->best);
    free(c->unit);
    free(c->slope);
    free(c->way);
    free(c->mix);
    free(c->share);
    bands_release(&c->bands);
    free(c->owner);
}

void cover_start(struct cover *c, const struct lagrangian *at, const struct prices *prices)
{
    size_t m = (size_t)c->cell->n_subchannels, n = (size_t)c->cell->n_devices;

    memcpy(c->price, at->best_worth_s, m * sizeof(double));
    memcpy(c->price + m, prices->uplink, n * sizeof(double));
    memcpy(c->price + m + n, prices->power, n * sizeof(double));
    c->price[m + 2 * n] = prices->total_power;
    for (size_t p = 0; p < c->n_prices; p++)
        c->unit[p] = c->price[p];
}

static void unpack(struct cover *c)
{
    size_t m = (size_t)c->cell->n_subchannels, n = (size_t)c->cell->n_devices;

    memcpy(c->prices.uplink, c->price + m, n * sizeof(double));
    memcpy(c->prices.power, c->price + m + n, n * sizeof(double));
    c->prices.total_power = c->price[m + 2 * n];
}

/* What is asked of the device besides the bound's own terms; INFINITY: it cannot be met. */
struct need {
    double down_bps, up_s, up_bps; /* rate; worth as in the second condition; rate of the third */
};

static struct need need_of(const struct cover *c, const struct cut_costs *costs, int i, double to_s,
                           double up_s)
{
    double left_down_s = to_s - costs->backward_s[i], left_up_s = up_s - costs->forward_s[i];
    double power_price = c->prices.power[i] + c->prices.total_power;
    struct need need = {0, 0, 0};

    if (costs->downlink_bits > 0)
        need.down_bps = left_down_s > 0 ? costs->downlink_bits / left_down_s : HUGE_VAL;
    if (costs->uplink_bits > 0)
        need.up_s = left_up_s > 0 ? c->prices.uplink[i] * costs->uplink_bits / left_up_s -
                                        power_price * c->cell->power_cap_w[i]
                                  : HUGE_VAL;
    if (costs->uplink_bits > 0 && left_up_s > 0)
        need.up_bps = costs->uplink_bits / left_up_s;
    need.up_s -= 1e-12 * (fabs(need.up_s) + power_price * c->cell->power_cap_w[i]);
    need.down_bps *= 1 - 1e-12;
    return need;
}

static int fill_items(struct cover *c, int i, const struct need *need)
{
    const struct cell *cell = c->cell;
    int n_items = 0;

    for (int k = 0; k < cell->n_subchannels; k++) {
        size_t at = cell_at(cell, i, k);
        c->share[at] *= 1 - FRESH;
        if (cell->downlink_bps[at] > 0)
            c->knapsack.items[n_items++] = (struct knapsack_item){
                .cost = c->price[k] - c->at.worth_s[at],
                .weight = {need->down_bps > 0 ? cell->downlink_bps[at] / need->down_bps : 0,
                           need->up_s > 0 ? c->at.worth_s[at] / need->up_s : 0},
                .label = k};
    }
    return n_items;
}

/* The better of two mixes at the root; which way the other lies alternates. */
static void choose_mix(struct cover *c, int i, int n_items, const bool is_needed[2])
{
    double other = c->mix[i] + (c->n_steps & 1 ? MIX_STEP : -MIX_STEP);

    if (!is_needed[0] || !is_needed[1] || other < 0 || other > 1)
        return;
    if (knapsack_root(&c->knapsack, n_items, is_needed, other) >
        knapsack_root(&c->knapsack, n_items, is_needed, c->mix[i]))
        c->mix[i] = other;
}

static void add_slope(struct cover *c, const struct cut_costs *costs, int i, int n_items)
{
    const struct cell *cell = c->cell;
    int m = cell->n_subchannels, n = cell->n_devices;
    double rate_bps = 0, power_w = 0;

    for (int j = 0; j < n_items; j++) {
        int k = c->knapsack.items[j].label;
        size_t at = cell_at(cell, i, k);
        double width = cell->problem->bandwidth_hz[k];
        if (!c->knapsack.best[j])
            continue;
        c->share[at] += FRESH;
        c->slope[k] += 1;
        power_w += c->at.power_w[at];
        rate_bps += width * log2(1 + c->at.power_w[at] / width / cell->floor_w_per_hz[at]);
    }
    c->slope[m + i] = -rate_bps;
    if (costs->uplink_bits > 0)
        c->slope[m + i] += costs->uplink_bits / (c->at.up_s - costs->forward_s[i]);
    c->slope[m + n + i] = power_w - cell->power_cap_w[i];
    c->slope[m + 2 * n] += power_w;
}

/* Whether the device can send fast enough on the set that the knapsack has taken, at its limit. */
static bool can_send(void *context, const struct knapsack *s)
{
    struct cover *c = context;

    for (int j = 0; j < s->n; j++)
        c->owner[s->items[j].label] = s->taken[j] ? c->device : -1;
    bands_fill(&c->bands, c->cell, c->device, c->owner);
    return waterfill_power_w(&c->bands, c->rate_bps) <=
           c->cell->power_cap_w[c->device] * (1 + 1e-9);
}

/* Asked only of devices whose own limit holds them up: elsewhere it changes little and takes time. */
static void ask_for_truth(struct cover *c, int i, const struct need *need)
{
    bool is_held = c->prices.power[i] > HELD * c->prices.total_power;

    c->device = i;
    c->rate_bps = need->up_bps * (1 - 1e-12);
    c->knapsack.will_do = is_held && need->up_bps > 0 ? can_send : NULL;
    c->knapsack.context = c;
}

/* The cheapest cover of one device; INFINITY: it has none. */
static double cover_device_s(struct cover *c, const struct cut_costs *costs, int i,
                             const struct need *need, double tolerance)
{
    bool is_needed[2] = {need->down_bps > 0, need->up_s > 0};
    int n_items;
    double cost;

    if (need->down_bps >= HUGE_VAL || need->up_s >= HUGE_VAL)
        return HUGE_VAL;
    n_items = fill_items(c, i, need);
    ask_for_truth(c, i, need);
    choose_mix(c, i, n_items, is_needed);
    cost = knapsack_solve(&c->knapsack, n_items, is_needed, c->mix[i], tolerance, MAX_NODES);
    add_slope(c, costs, i, n_items);
    return cost;
}

/* The bound at c->price, and its slope. */
static double evaluate_s(struct cover *c, const struct cut_costs *costs, double from_s, double to_s,
                         double enough_s, double tolerance)
{
    const struct cell *cell = c->cell;
    int m = cell->n_subchannels, n = cell->n_devices;
    double bound_s, sum_s = 0;

    unpack(c);
    lagrangian_evaluate(&c->at, cell, costs, &c->prices, NULL);
    for (int k = 0; k < m; k++) {
        c->slope[k] = -1;
        sum_s += c->price[k] - c->at.best_worth_s[k];
    }
    bound_s = c->at.bound_s - costs->least_down_s + from_s - sum_s;
    sum_s = fabs(sum_s) + fabs(bound_s);
    c->slope[m + 2 * n] = -cell->problem->total_power_w;
    for (int i = 0; i < n; i++) {
        struct need need = need_of(c, costs, i, to_s, enough_s - costs->fixed_s - from_s);
        double least_s = cover_device_s(c, costs, i, &need, tolerance);
        if (isinf(least_s))
            return enough_s;
        bound_s += least_s;
        sum_s += fabs(least_s);
    }
    return fmin(enough_s, bound_s - 1e-12 * sum_s);
}

static void step(struct cover *c, double length_s)
{
    double square = 0, factor;

    for (size_t p = 0; p < c->n_prices; p++) {
        if (c->price[p] <= 0 && c->slope[p] < 0)
            c->slope[p] = 0;
        c->way[p] = MEMORY * c->way[p] + (1 - MEMORY) * c->slope[p] * c->unit[p];
        square += c->way[p] * c->way[p];
    }
    factor = square > 0 ? length_s / square : 0;
    for (size_t p = 0; p < c->n_prices; p++)
        c->price[p] = fmax(0, c->price[p] + factor * c->way[p] * c->unit[p]);
}

double cover_raise(struct cover *c, const struct cut_costs *costs, double from_s, double to_s,
                   double target_s, double enough_s, int n_steps, int64_t deadline_us)
{
    double tolerance = TOLERANCE * target_s / c->cell->n_devices, length = FIRST_STEP;
    int n_in_vain = 0;

    c->bound_s = -HUGE_VAL;
    memset(c->way, 0, c->n_prices * sizeof(double));
    for (c->n_steps = 0; c->n_steps < n_steps; c->n_steps++) {
        double bound_s = evaluate_s(c, costs, from_s, to_s, enough_s, tolerance);
        n_in_vain++;
        if (bound_s > c->bound_s) {
            if (bound_s > c->bound_s + 1e-5 * target_s)
                n_in_vain = 0;
            c->bound_s = bound_s;
            memcpy(c->best, c->price, c->n_prices * sizeof(double));
        }
        if (n_in_vain > PATIENCE) {
            length *= 0.5;
            n_in_vain = 0;
            memcpy(c->price, c->best, c->n_prices * sizeof(double));
        }
        if (c->bound_s >= enough_s || clock_now_us() > deadline_us)
            break;
        step(c, length * (target_s - bound_s));
    }
    memcpy(c->price, c->best, c->n_prices * sizeof(double));
    return c->bound_s;
}
