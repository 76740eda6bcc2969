/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Free space: Friis, "A Note on a Simple Transmission Formula", Proc. IRE 34(5), 1946. No
 * shadowing.
 */
#include <math.h>

#include "link/path_loss_models.h"

#define PI 3.14159265358979323846

static double free_space_db(double carrier_hz, double distance_m, bool is_los)
{
    double wavelengths = at_least_a_metre(distance_m) * carrier_hz / SPEED_OF_LIGHT_M_PER_S;
    double loss_db = 20 * log10(4 * PI * wavelengths);

    (void)is_los;
    /*
     * Below about 24 MHz the first metre lies in the near field, where the formula turns to a gain.
     */
    return loss_db > 0 ? loss_db : 0;
}

const struct path_loss path_loss_free_space = {
    .name = "free-space",
    .help = "20 log10(4 pi d f / c) dB (Friis, 1946)",
    .loss_db = free_space_db,
    .correlation_m = {10, 10},
};
