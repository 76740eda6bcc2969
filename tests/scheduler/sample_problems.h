/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Problems for the scheduler's tests: ResNet-18 cut between its blocks, and random cells with the
 * constants of EPSL's simulations (C devices in a disc of 200 m, line of sight at 28 GHz, Rayleigh
 * fading).
 */
#ifndef TESTS_SCHEDULER_SAMPLE_PROBLEMS_H
#define TESTS_SCHEDULER_SAMPLE_PROBLEMS_H

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "link/radio.h"
#include "scheduler/problem.h"

/* 64 x 64 x 3 input, 7 classes: activation elements and multiply-adds up to the cut, both per
 * sample. */
static const struct {
    const char *name;
    double elements, mac;
} resnet18[] = {
    {"conv1", 65536, 9633792},     {"maxpool", 16384, 9633792},   {"layer1.0", 16384, 28508160},
    {"layer1.1", 16384, 47382528}, {"layer2.0", 8192, 62062592},  {"layer2.1", 8192, 80936960},
    {"layer3.0", 4096, 95617024},  {"layer3.1", 4096, 114491392}, {"layer4.0", 2048, 129171456},
    {"layer4.1", 2048, 148045824}, {"avgpool", 512, 148045824},
};
#define RESNET18_CUTS  ((int)ARRAY_LEN(resnet18))
#define RESNET18_MAC   148049408.0
#define RESNET18_LAST  3584.0
#define NOISE_W_PER_HZ 3.9810717055349565e-21 /* -174 dBm/Hz */

static inline void sample_problem_init(struct problem *p, int n_devices, int n_subchannels,
                                       int n_cuts, double phi)
{
    memset(p, 0, sizeof *p);
    p->batch_size = 64;
    p->aggregation_ratio = phi;
    p->noise_psd_w_per_hz = NOISE_W_PER_HZ;
    p->downlink_psd_w_per_hz = 1e-8;
    p->total_power_w = 5;
    p->server_clock_hz = 5e9;
    p->server_cycles_per_flop = 1.0 / 32;
    p->n_subchannels = n_subchannels;
    p->bandwidth_hz = mem_zero((size_t)n_subchannels, sizeof(double));
    for (int k = 0; k < n_subchannels; k++)
        p->bandwidth_hz[k] = 10e6;
    p->n_devices = n_devices;
    p->devices = mem_zero((size_t)n_devices, sizeof *p->devices);
    for (int i = 0; i < n_devices; i++) {
        p->devices[i].name = mem_format("d%d", i);
        p->devices[i].cycles_per_flop = 1.0 / 16;
        p->devices[i].clock_hz = 1.2e9;
        p->devices[i].max_power_w = 1.5;
        p->devices[i].gain = mem_zero((size_t)n_subchannels, sizeof(double));
        for (int k = 0; k < n_subchannels; k++)
            p->devices[i].gain[k] = 1e-9;
    }
    p->n_cuts = n_cuts;
    p->cuts = mem_zero((size_t)n_cuts, sizeof *p->cuts);
    for (int j = 0; j < n_cuts; j++) {
        struct problem_cut *c = &p->cuts[j];
        c->name = mem_string(resnet18[j].name);
        c->layer = j + 1;
        c->number = j;
        c->device_forward_flop = 2 * resnet18[j].mac;
        c->device_backward_flop = 4 * resnet18[j].mac;
        c->server_forward_flop = 2 * (RESNET18_MAC - resnet18[j].mac);
        c->server_backward_flop = 4 * (RESNET18_MAC - resnet18[j].mac);
        c->last_layer_backward_flop = 4 * RESNET18_LAST;
        c->activation_bits = c->gradient_bits = 32 * resnet18[j].elements;
        c->front_bits = 1e6 * (j + 1);
    }
}

/* Places, clocks and fading drawn from the seed. */
static inline void random_problem(struct problem *p, uint64_t seed, int n_devices,
                                  int n_subchannels, int n_cuts, double phi)
{
    struct rng rng;

    sample_problem_init(p, n_devices, n_subchannels, n_cuts, phi);
    rng_seed(&rng, seed, RNG_DEVICES);
    for (int i = 0; i < n_devices; i++) {
        double distance_m = 200 * sqrt(rng_uniform(&rng));
        double loss_db = path_loss_find("samimi-los")->loss_db(28e9, distance_m, true);
        p->devices[i].clock_hz = rng_uniform_in(&rng, 1e9, 1.6e9);
        for (int k = 0; k < n_subchannels; k++)
            p->devices[i].gain[k] =
                10 * pow(10, -loss_db / 10) * fading_find("rayleigh")->draw(&rng, 0);
    }
}

/* A cell where the air decides: weak links, fast devices, a fast server. */
static inline void random_air_bound_problem(struct problem *p, uint64_t seed, int n_devices,
                                            int n_subchannels, int n_cuts, double phi)
{
    random_problem(p, seed, n_devices, n_subchannels, n_cuts, phi);
    for (int i = 0; i < n_devices; i++) {
        p->devices[i].clock_hz *= 50;
        for (int k = 0; k < n_subchannels; k++)
            p->devices[i].gain[k] *= 1e-3;
    }
    p->server_clock_hz *= 50;
}

/* Gives a device measured times in place of its clock, each as its clock's, times factor(). */
static inline void measure_device(struct problem *p, int device, double (*factor)(void *of),
                                  void *of)
{
    struct problem_device *d = &p->devices[device];
    size_t n = (size_t)p->n_cuts;
    double per_flop_s = d->cycles_per_flop / d->clock_hz;

    d->n_times = p->n_cuts;
    d->forward_s_per_sample = mem_zero(n, sizeof(double));
    d->backward_s_per_sample = mem_zero(n, sizeof(double));
    d->tail_forward_s_per_sample = mem_zero(n, sizeof(double));
    d->tail_backward_s_per_sample = mem_zero(n, sizeof(double));
    for (size_t j = 0; j < n; j++) {
        const struct problem_cut *c = &p->cuts[j];
        d->forward_s_per_sample[j] = factor(of) * per_flop_s * c->device_forward_flop;
        d->backward_s_per_sample[j] = factor(of) * per_flop_s * c->device_backward_flop;
        d->tail_forward_s_per_sample[j] = factor(of) * per_flop_s * c->server_forward_flop;
        d->tail_backward_s_per_sample[j] = factor(of) * per_flop_s * c->server_backward_flop;
    }
    d->clock_hz = d->cycles_per_flop = 0;
}

static inline double draw_factor(void *rng)
{
    return rng_uniform_in(rng, 0.2, 2);
}

/* All devices but the first measured, later cuts taking less now and then; the last one slowed down. */
static inline void measure_devices(struct problem *p, uint64_t seed)
{
    struct rng rng;

    rng_seed(&rng, seed, RNG_DEVICES);
    for (int i = 1; i < p->n_devices; i++)
        measure_device(p, i, draw_factor, &rng);
    p->devices[p->n_devices - 1].slowdown = 1.5;
}

#endif
