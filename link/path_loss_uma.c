/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Urban macro: 3GPP TR 38.901 (v16), Table 7.4.1-1 (loss, shadowing), Table 7.4.2-1 (line of
 * sight), Table 7.5-6 (correlation distance). Server 25 m, device 1.5 m high; 0.5 to 100 GHz, 10 m
 * to 5 km; f in GHz, d3 the distance between the antennas:
 *
 *     PL1  = 28.0 + 22 log10 d3 + 20 log10 f     10 m <= d <= d'_BP
 *     PL2  = 28.0 + 40 log10 d3 + 20 log10 f - 9 log10(d'_BP^2 + (h_BS - h_UT)^2)   beyond
 *     NLoS = max(LoS, 13.54 + 39.08 log10 d3 + 20 log10 f - 0.6 (h_UT - 1.5))
 */
#include <math.h>

#include "link/path_loss_models.h"

#define SERVER_HEIGHT_M 25.0

static double uma_los_db(double carrier_hz, double distance_m)
{
    double breakpoint_m = tr38901_breakpoint_m(carrier_hz, SERVER_HEIGHT_M);
    double d3_m = tr38901_distance_3d_m(distance_m, SERVER_HEIGHT_M), f_ghz = carrier_hz * 1e-9;
    double heights_m = SERVER_HEIGHT_M - TR38901_DEVICE_HEIGHT_M;

    if (distance_m <= breakpoint_m)
        return 28.0 + 22 * log10(d3_m) + 20 * log10(f_ghz);
    return 28.0 + 40 * log10(d3_m) + 20 * log10(f_ghz) -
           9 * log10(breakpoint_m * breakpoint_m + heights_m * heights_m);
}

static double uma_db(double carrier_hz, double distance_m, bool is_los)
{
    double los_db = uma_los_db(carrier_hz, distance_m);
    double d3_m = tr38901_distance_3d_m(distance_m, SERVER_HEIGHT_M);

    if (is_los)
        return los_db;
    return fmax(los_db,
                13.54 + 39.08 * log10(d3_m) + 20 * log10(carrier_hz * 1e-9)); /* h_UT 1.5 m */
}

static double uma_los_probability(double distance_m)
{
    return tr38901_los_probability(distance_m, 63); /* C'(h_UT) is 0 up to 13 m */
}

const struct path_loss path_loss_uma = {
    .name = "uma",
    .help = "3GPP TR 38.901 UMa, line of sight drawn",
    .loss_db = uma_db,
    .los_probability = uma_los_probability,
    .sigma_db = {6, 4},
    .correlation_m = {50, 37},
};
