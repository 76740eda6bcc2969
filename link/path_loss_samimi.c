/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 28 GHz in New York City. Close-in fits with and without line of sight: Samimi, Rappaport,
 * MacCartney, "Probabilistic Omnidirectional Path Loss Models for Millimeter-Wave Outdoor
 * Communications", IEEE WCL 4(4), 2015; the same two lines with their shadowing, 5.8 and 8.7 dB, in
 * Akdeniz et al., "Millimeter Wave Channel Modeling and Cellular Capacity Evaluation", IEEE JSAC
 * 32(6), 2014, Table I. They say nothing of correlation: that is UMi's.
 */
#include <math.h>

#include "link/path_loss_models.h"

/* Measured at 28 GHz; another carrier would need another fit, so it is ignored. */
static double los_db(double carrier_hz, double distance_m, bool is_los)
{
    (void)carrier_hz;
    (void)is_los;
    return 61.4 + 20 * log10(at_least_a_metre(distance_m));
}

static double nlos_db(double carrier_hz, double distance_m, bool is_los)
{
    (void)carrier_hz;
    (void)is_los;
    return 72.0 + 29.2 * log10(at_least_a_metre(distance_m));
}

const struct path_loss path_loss_samimi_los = {
    .name = "samimi-los",
    .help = "61.4 + 20 log10(d/m) dB: 28 GHz urban, line of sight, any carrier "
            "(Samimi, Rappaport, MacCartney, IEEE WCL 2015)",
    .loss_db = los_db,
    .sigma_db = {5.8, 5.8},
    .correlation_m = {10, 10},
};

const struct path_loss path_loss_samimi_nlos = {
    .name = "samimi-nlos",
    .help = "72.0 + 29.2 log10(d/m) dB: 28 GHz urban, no line of sight, any carrier "
            "(Samimi, Rappaport, MacCartney, IEEE WCL 2015)",
    .loss_db = nlos_db,
    .sigma_db = {8.7, 8.7},
    .correlation_m = {13, 13},
};
