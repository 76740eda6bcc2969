/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The seeded cells that the scheduler is measured on. A kind is a regime of radio and compute;
 * within it places, clocks and fading are drawn from the seed. phi runs over 0, 0.5 and 1 with the
 * seed.
 */
#ifndef TESTS_BENCH_BENCH_CELLS_H
#define TESTS_BENCH_BENCH_CELLS_H

#include "tests/scheduler/sample_problems.h"

enum bench_kind {
    BENCH_COMPUTE, /* the constants of EPSL's simulations: compute decides, the air adds */
    BENCH_AIR,     /* links 30 dB weaker, devices and server 50 times faster: the air decides */
    BENCH_BOARDS, /* fast boards with accelerators, 200 mW each, subchannels of 1 MHz: both decide */
    BENCH_FLAT,   /* BENCH_AIR without fading: a device's subchannels are alike */
    BENCH_PI,     /* Raspberry Pi class: 7 to 11 GFLOP/s and 100 mW each, subchannels of 2 MHz */
    BENCH_KINDS
};

static const char *const bench_kind_names[BENCH_KINDS] = {"compute", "air", "boards", "flat", "pi"};

static inline void bench_boards(struct problem *p, uint64_t seed)
{
    struct rng rng;

    rng_seed(&rng, seed, RNG_CHANNEL);
    p->total_power_w = 0.2 * p->n_devices;
    for (int k = 0; k < p->n_subchannels; k++)
        p->bandwidth_hz[k] = 1e6;
    for (int i = 0; i < p->n_devices; i++) {
        p->devices[i].max_power_w = 0.2;
        p->devices[i].clock_hz *= rng_uniform_in(&rng, 10, 40);
    }
    p->server_clock_hz *= 10;
}

static inline void bench_pi(struct problem *p)
{
    p->total_power_w = 0.1 * p->n_devices;
    p->server_clock_hz *= 4;
    for (int k = 0; k < p->n_subchannels; k++)
        p->bandwidth_hz[k] = 2e6;
    for (int i = 0; i < p->n_devices; i++) {
        p->devices[i].max_power_w = 0.1;
        p->devices[i].cycles_per_flop = 1.0 / 7;
    }
}

static inline void bench_cell(struct problem *p, enum bench_kind kind, uint64_t seed, int n_devices,
                              int n_subchannels, int n_cuts)
{
    double phi = 0.5 * (double)(seed % 3);

    if (kind == BENCH_AIR || kind == BENCH_FLAT)
        random_air_bound_problem(p, seed, n_devices, n_subchannels, n_cuts, phi);
    else
        random_problem(p, seed, n_devices, n_subchannels, n_cuts, phi);
    /* What five devices share, each of more has as well. */
    p->total_power_w *= n_devices / 5.0;
    if (kind == BENCH_BOARDS)
        bench_boards(p, seed);
    if (kind == BENCH_PI)
        bench_pi(p);
    for (int i = 0; kind == BENCH_FLAT && i < n_devices; i++)
        for (int k = 1; k < n_subchannels; k++)
            p->devices[i].gain[k] = p->devices[i].gain[0];
}

#endif
