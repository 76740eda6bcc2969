/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/cell.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/latency.h"
#include "scheduler/rates.h"
#include "scheduler/waterfill.h"

struct ranked {
    double floor;
    int subchannel;
};

static int by_floor(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->floor != y->floor)
        return x->floor < y->floor ? -1 : 1;
    return x->subchannel - y->subchannel;
}

static void sort_subchannels(struct cell *cell, int i, struct ranked *ranked)
{
    int m = cell->n_subchannels;

    for (int k = 0; k < m; k++)
        ranked[k] = (struct ranked){cell->floor_w_per_hz[cell_at(cell, i, k)], k};
    qsort(ranked, (size_t)m, sizeof *ranked, by_floor);
    for (int k = 0; k < m; k++)
        cell->order[cell_at(cell, i, k)] = ranked[k].subchannel;
}

/* What a device would have if it were alone. */
static void measure_whole_band(struct cell *cell)
{
    struct bands band;

    bands_init(&band, cell->n_subchannels);
    cell->broadcast_bps = HUGE_VAL;
    for (int i = 0; i < cell->n_devices; i++) {
        bands_fill(&band, cell, i, NULL);
        cell->whole_uplink_bps[i] = waterfill_rate_bps(&band, cell->power_cap_w[i]);
        for (int k = 0; k < cell->n_subchannels; k++)
            cell->whole_downlink_bps[i] += cell->downlink_bps[cell_at(cell, i, k)];
        cell->broadcast_bps = fmin(cell->broadcast_bps, cell->whole_downlink_bps[i]);
    }
    bands_release(&band);
}

void cell_init(struct cell *cell, const struct problem *problem)
{
    size_t c = (size_t)problem->n_devices, m = (size_t)problem->n_subchannels;
    struct ranked *ranked = mem_zero(m, sizeof *ranked);

    cell->problem = problem;
    cell->n_devices = problem->n_devices;
    cell->n_subchannels = problem->n_subchannels;
    cell->floor_w_per_hz = mem_zero(c * m, sizeof(double));
    cell->log_floor = mem_zero(c * m, sizeof(double));
    cell->downlink_bps = mem_zero(c * m, sizeof(double));
    cell->order = mem_zero(c * m, sizeof(int));
    cell->power_cap_w = mem_zero(c, sizeof(double));
    cell->whole_uplink_bps = mem_zero(c, sizeof(double));
    cell->whole_downlink_bps = mem_zero(c, sizeof(double));
    for (int i = 0; i < cell->n_devices; i++) {
        const struct problem_device *device = &problem->devices[i];
        cell->power_cap_w[i] = fmin(device->max_power_w, problem->total_power_w);
        for (int k = 0; k < cell->n_subchannels; k++) {
            double gain = problem_gain(device, k);
            cell->floor_w_per_hz[cell_at(cell, i, k)] =
                gain > 0 ? problem->noise_psd_w_per_hz / gain : HUGE_VAL;
            cell->log_floor[cell_at(cell, i, k)] = log(cell->floor_w_per_hz[cell_at(cell, i, k)]);
            cell->downlink_bps[cell_at(cell, i, k)] = rates_downlink_of_bps(problem, i, k);
        }
        sort_subchannels(cell, i, ranked);
    }
    free(ranked);
    measure_whole_band(cell);
}

void cell_release(struct cell *cell)
{
    free(cell->floor_w_per_hz);
    free(cell->log_floor);
    free(cell->downlink_bps);
    free(cell->order);
    free(cell->power_cap_w);
    free(cell->whole_uplink_bps);
    free(cell->whole_downlink_bps);
    memset(cell, 0, sizeof *cell);
}

static void find_least(struct cut_costs *costs, const struct cell *cell)
{
    costs->least_up_s = costs->least_down_s = 0;
    for (int i = 0; i < cell->n_devices; i++) {
        double up_s = costs->forward_s[i], down_s = costs->backward_s[i];
        if (costs->uplink_bits > 0)
            up_s += costs->uplink_bits / cell->whole_uplink_bps[i];
        if (costs->downlink_bits > 0)
            down_s += costs->downlink_bits / cell->whole_downlink_bps[i];
        costs->least_up_s = fmax(costs->least_up_s, up_s);
        costs->least_down_s = fmax(costs->least_down_s, down_s);
    }
}

void cut_costs_init(struct cut_costs *costs, const struct cell *cell, int cut)
{
    const struct problem *problem = cell->problem;
    const struct problem_cut *c = &problem->cuts[cut];
    int n = problem_aggregated_slots(problem);
    struct latency_terms terms;
    struct rates rates;

    latency_terms_init(&terms, cell->n_devices);
    rates_init(&rates, cell->n_devices);
    rates.broadcast_bps = cell->broadcast_bps;
    latency_evaluate(problem, cut, &rates, &terms);
    costs->fixed_s = terms.server_forward_s + terms.server_backward_s + terms.broadcast_s;
    costs->forward_s = mem_copy(terms.device_forward_s, (size_t)cell->n_devices * sizeof(double));
    costs->backward_s = mem_copy(terms.device_backward_s, (size_t)cell->n_devices * sizeof(double));
    costs->uplink_bits = problem->batch_size * c->activation_bits;
    costs->downlink_bits = (problem->batch_size - n) * c->gradient_bits;
    rates_release(&rates);
    latency_terms_release(&terms);
    find_least(costs, cell);
}

void cut_costs_release(struct cut_costs *costs)
{
    free(costs->forward_s);
    free(costs->backward_s);
    memset(costs, 0, sizeof *costs);
}

double cut_costs_least_s(const struct cut_costs *costs)
{
    return costs->fixed_s + costs->least_up_s + costs->least_down_s;
}
