/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scheduling problem in numbers: what a round costs at each cut, what the devices, the server
 * and the radio can do. Read from problem.json or built from an experiment; everything is SI, gains
 * are linear with antenna gains included, FLOP and bits are per sample.
 */
#ifndef SCHEDULER_PROBLEM_H
#define SCHEDULER_PROBLEM_H

#include <stdbool.h>

#include "base/err.h"

struct experiment;
struct slowdowns;

struct problem_device {
    char *name;
    double clock_hz;        /* f_i > 0; 0 where the times are measured */
    double cycles_per_flop; /* kappa_i > 0; 0 too */
    /*
     * Measured times in place of clock and cycles: seconds a sample of the layers before each cut and, U-shaped only, of
     * those behind it; [n_times] each, by the number of the cut, >= 0. n_times 0, and NULL, where there are none.
     */
    double *forward_s_per_sample, *backward_s_per_sample;
    double *tail_forward_s_per_sample, *tail_backward_s_per_sample;
    int n_times;
    double slowdown;     /* its compute times are multiplied by it, > 0; 0: they are as they are */
    double max_power_w;  /* p_i^max > 0 */
    double *gain;        /* [M], >= 0; read with problem_gain() */
    bool is_flat;        /* gain[0] is that of every subchannel, and there are no others */
    double memory_bytes; /* for training its layers; 0: no limit */
    /* U-shaped only, in place of power and gain: the rates of its link, > 0. */
    double uplink_bps, downlink_bps;
};

static inline double problem_gain(const struct problem_device *device, int subchannel)
{
    return device->gain[device->is_flat ? 0 : subchannel];
}

struct problem_cut {
    char *name; /* the layer it follows */
    int layer;  /* boundary in the network (layers before the cut); index + 1 when read
                                     from a file that does not say */
    int number; /* its place in devices' measured times; stays with it when other cuts are left out */
    double device_forward_flop;      /* Phi_c^F */
    double device_backward_flop;     /* Phi_c^B */
    double server_forward_flop;      /* Phi_s^F */
    double server_backward_flop;     /* Phi_s^B, last layer included */
    double last_layer_backward_flop; /* Phi_last <= Phi_s^B */
    double activation_bits;          /* Psi_s */
    double gradient_bits;            /* Psi_g */
    double front_bits; /* weights of the front part in all, not per sample; only turns use it */
    /* What training takes on a device at that batch size: the layers before the cut and, U-shaped, those behind it. > 0
     * where a device has a limit, else only told. */
    double device_memory_bytes, tail_memory_bytes;
};

struct problem {
    /* The front of the network and its end on the device, the middle on the server (u_shape.h):
     * there are two cuts a device, rates are given, n_subchannels is 0, and of the radio and phi
     * nothing is used. */
    bool is_u_shaped;
    int batch_size;           /* b */
    double aggregation_ratio; /* phi in [0, 1] */
    bool
        takes_turns; /* vanilla split learning: one device after the other, each with the whole band
                                 on its turn; the front part is handed on through the server */
    double noise_psd_w_per_hz, downlink_psd_w_per_hz, total_power_w;
    double *bandwidth_hz; /* [M] */
    int n_subchannels;    /* M */
    double server_clock_hz, server_cycles_per_flop;
    struct problem_device *devices;
    int n_devices; /* C */
    struct problem_cut *cuts;
    int n_cuts;
};

/* n = ceil(phi b), robust against phi b being an integer up to rounding. */
int problem_aggregated_slots(const struct problem *problem);

/* Whether its compute times are given as measured, not by clock and cycles. */
bool problem_device_is_measured(const struct problem_device *device);

/* JSON as in docs/MODEL.md; NaN, negative, zero where it divides, a wrong length: refused with its
 * path. */
int problem_load(struct problem *problem, const char *path, struct err *err);
int problem_save(const struct problem *problem, const char *path, struct err *err);

/* Every number in range and lengths consistent; problem_load() and problem_build() have called it.
 * */
int problem_check(const struct problem *problem, struct err *err);

/*
 * From an experiment: costs from its model's profile, gains of its channel (link/channel.h) in round 1 at time 0,
 * the same up and down; devices with a profile have its times, scaled to the batch in proportion; slow-downs as they are
 * at time 0.
 * aggregation_ratio and takes_turns are the framework's to say.
 */
int problem_build(struct problem *problem, const struct experiment *e, double aggregation_ratio,
                  bool takes_turns, struct err *err);

/* Puts the factors of a moment of the run into the devices. True when one changed. */
bool problem_slow_down(struct problem *problem, const struct slowdowns *slowdowns, double at_s);

/* Whether every device has one gain for all subchannels: then C x M numbers are kept nowhere. */
bool problem_is_flat(const struct problem *problem);

/*
 * C x M, and how many of these what keeps a number for each of them takes: solvers but "equal" on a flat problem, plans
 * of devices that take turns, files.
 */
double problem_pairs(const struct problem *problem);
#define PROBLEM_MAX_PAIRS 20000000

void problem_release(struct problem *problem);

#endif
