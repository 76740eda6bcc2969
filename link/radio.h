/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The radio between a device and the server: path loss, fading, and the rate of a subchannel.
 *
 * Gains are linear power ratios (received over transmitted), powers are spectral densities in W/Hz,
 * noise likewise. Pure functions; whatever is random comes from the caller's rng. link/channel.h
 * puts them together.
 */
#ifndef LINK_RADIO_H
#define LINK_RADIO_H

#include <stdbool.h>

#include "base/rng.h"

/*
 * A path-loss model: a file link/path_loss_<name>.c, which may hold more from the same source, and
 * one row of the table in link/path_loss.c.
 * The distance is the horizontal one between device and server; below 1 m it counts as 1 m.
 */
struct path_loss {
    const char *name; /* "samimi-los", "umi" */
    const char *help; /* formula and source, one line */
    /*
     * Loss in dB, >= 0 where the model holds; NULL: the gains come from a file. is_los (line of
     * sight) is not looked at by models without los_probability, nor the carrier by fits made at
     * one.
     */
    double (*loss_db)(double carrier_hz, double distance_m, bool is_los);
    double (*los_probability)(double distance_m); /* NULL: the name says which it is */
    /* Shadowing, [0] without and [1] with line of sight: its standard deviation in dB, and the
     * distance over which its autocorrelation falls to 1/e. */
    double sigma_db[2], correlation_m[2];
};
const struct path_loss *path_loss_find(const char *name); /* NULL when there is none */
const struct path_loss *path_loss_at(int i);              /* NULL past the last */

/* A fading model: one row of the table in link/fading.c. */
struct fading {
    const char *name; /* "none", "rayleigh", "rician" */
    const char *help;
    /*
     * A subchannel's power gain |h|^2, mean 1; rician_k is the power of the direct path over that
     * of the rest.
     */
    double (*draw)(struct rng *rng, double rician_k);
};
const struct fading *fading_find(const char *name);
const struct fading *fading_at(int i);

/*
 * Shannon rate of a subchannel in bit/s: B log2(1 + p g / N0), with B in Hz, p and N0 in W/Hz
 * (EPSL's rate equation, docs/MODEL.md).
 */
double subchannel_rate_bps(double bandwidth_hz, double psd_w_per_hz, double gain,
                           double noise_psd_w_per_hz);

#endif
