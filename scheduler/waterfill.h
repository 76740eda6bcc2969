/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Water-filling in closed form over subchannels of different widths: the least power that carries a
 * rate, and the largest rate that a power carries (docs/MODEL.md).
 *
 * Subchannel k of width B_k has the floor n_k = N0 / g_k; at the water level w it gets the power
 * spectral density max(0, w - n_k) and carries B_k log2(w / n_k). Powers in W, densities in W/Hz,
 * rates in bit/s.
 */
#ifndef SCHEDULER_WATERFILL_H
#define SCHEDULER_WATERFILL_H

#include "scheduler/cell.h"

/* The usable subchannels of one device, lowest floor first. */
struct bands {
    int n, capacity;
    int *subchannel;
    double *bandwidth_hz;
    double *floor_w_per_hz;
    double *log_floor; /* ln(n_k / n_0), so that weak signals keep their digits */
};

void bands_init(struct bands *bands, int n_subchannels); /* room for so many; grows when needed */
void bands_release(struct bands *bands);

/* Those that `owner` gives to the device, or all of them when it is NULL. Floors of INFINITY are
 * left out. */
void bands_fill(struct bands *bands, const struct cell *cell, int device, const int *owner);

/* One usable subchannel more, one less; in time proportional to how many there are. */
void bands_add(struct bands *bands, const struct cell *cell, int device, int subchannel);
void bands_remove(struct bands *bands, int subchannel);

/* The least power for a rate; INFINITY for a rate > 0 without subchannels. */
double waterfill_power_w(const struct bands *bands, double rate_bps);

/* The largest rate for a power. */
double waterfill_rate_bps(const struct bands *bands, double power_w);

/* The densities behind the two, written to psd[subchannel]; others are left alone. */
void waterfill_psd_for_rate(const struct bands *bands, double rate_bps, double *psd_w_per_hz);
void waterfill_psd_for_power(const struct bands *bands, double power_w, double *psd_w_per_hz);

#endif
