/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A problem's numbers in the form that solvers use over and over: noise-to-gain ratios, sorted
 * subchannels, downlink rates, and what a round costs at one cut.
 *
 * Made once per solve; only borrowed by power control, ownership search and relaxation. Matrices
 * are [C][M], device by device.
 */
#ifndef SCHEDULER_CELL_H
#define SCHEDULER_CELL_H

#include <stddef.h>

#include "scheduler/problem.h"

struct cell {
    const struct problem *problem; /* borrowed */
    int n_devices, n_subchannels;
    /* [C][M] N0 / g in W/Hz: the floor that water is poured on; INFINITY where g is 0. */
    double *floor_w_per_hz;
    double *log_floor;    /* [C][M] its natural logarithm */
    int *order;           /* [C][M] a device's subchannels, best first */
    double *downlink_bps; /* [C][M] at the server's power */
    double *power_cap_w;  /* [C] min(p_i^max, p_total) */
    /* [C] with the whole band to itself, up at its cap and down; and R^BC. */
    double *whole_uplink_bps, *whole_downlink_bps, broadcast_bps;
};

void cell_init(struct cell *cell, const struct problem *problem);
void cell_release(struct cell *cell);

static inline size_t cell_at(const struct cell *cell, int device, int subchannel)
{
    return (size_t)device * (size_t)cell->n_subchannels + (size_t)subchannel;
}

/* The round at one cut: T = up + down + fixed, with up = max_i(forward_i + uplink_bits / R_i^U) and
 * down = max_i(backward_i + downlink_bits / R_i^D). */
struct cut_costs {
    double *forward_s, *backward_s;    /* [C] */
    double uplink_bits, downlink_bits; /* of one device in one round */
    double fixed_s;                    /* server and broadcast: the same for every allocation */
    double least_up_s, least_down_s;   /* if every device had the whole band and full power */
};

void cut_costs_init(struct cut_costs *costs, const struct cell *cell, int cut);
void cut_costs_release(struct cut_costs *costs);

/* A lower bound on the round at this cut, from the last two fields. */
double cut_costs_least_s(const struct cut_costs *costs);

#endif
