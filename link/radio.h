/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The radio between a device and the server: path loss, fading, and the rate of a subchannel.
 *
 * Gains are linear power ratios (received over transmitted), powers are spectral densities in W/Hz, noise
 * likewise. Pure functions; whatever is random comes from the caller's rng.
 */
#ifndef LINK_RADIO_H
#define LINK_RADIO_H

#include "base/rng.h"

/* A path-loss model: one row of the table in link/path_loss.c. */
struct path_loss {
    const char *name; /* "samimi-los", "samimi-nlos", "free-space" */
    const char *help; /* formula and source, one line */
    /*
     * Loss in dB, >= 0 where the model holds; distances below 1 m count as 1 m. The samimi models are
     * fits made at 28 GHz and ignore the carrier.
     */
    double (*loss_db)(double carrier_hz, double distance_m);
};
const struct path_loss *path_loss_find(const char *name); /* NULL when there is none */
const struct path_loss *path_loss_at(int i);              /* NULL past the last */

/* A fading model: one row of the table in link/fading.c. */
struct fading {
    const char *name; /* "none", "rayleigh" */
    const char *help;
    double (*draw)(struct rng *rng); /* a subchannel's power gain |h|^2, mean 1 */
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
