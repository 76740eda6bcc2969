/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Urban micro (street canyon) and urban macro: 3GPP TR 38.901 (v16), Table 7.4.1-1 (loss,
 * shadowing), Table 7.4.2-1 (line of sight), Table 7.5-6 (correlation distance). 0.5 to 100 GHz, 10
 * m to 5 km; f in GHz, d3 the distance between the antennas, letters as in struct scenario:
 *
 *     PL1  = A + B log10 d3 + 20 log10 f                                       10 m <= d <= d'_BP
 *     PL2  = A + 40 log10 d3 + 20 log10 f - E log10(d'_BP^2 + (h_BS - h_UT)^2)   beyond
 *     NLoS = max(LoS, F + G log10 d3 + H log10 f)
 *     P    = 1 up to 18 m, then 18/d + exp(-d/D) (1 - 18/d)
 *
 * Devices are 1.5 m high, where NLoS's term in h_UT - 1.5 m and P's in C'(h_UT) are 0.
 */
#include <math.h>

#include "link/path_loss_models.h"

#define DEVICE_HEIGHT_M      1.5
#define ENVIRONMENT_HEIGHT_M 1.0
#define ROUND_SPEED_M_PER_S  3.0e8 /* as in the table's note 1 */

struct scenario {
    double server_height_m;                                     /* h_BS */
    double los_db, los_db_per_decade, breakpoint_db_per_decade; /* A, B, E */
    double nlos_db, nlos_db_per_decade, nlos_db_per_decade_hz;  /* F, G, H */
    double los_range_m;                                         /* D */
};

static const struct scenario umi = {10, 32.4, 21, 9.5, 22.4, 35.3, 21.3, 36};
static const struct scenario uma = {25, 28.0, 22, 9.0, 13.54, 39.08, 20, 63};

/* d'_BP = 4 (h_BS - h_E) (h_UT - h_E) f / c; note 1. */
static double breakpoint_m(const struct scenario *s, double carrier_hz)
{
    return 4 * (s->server_height_m - ENVIRONMENT_HEIGHT_M) *
           (DEVICE_HEIGHT_M - ENVIRONMENT_HEIGHT_M) * carrier_hz / ROUND_SPEED_M_PER_S;
}

static double loss_db(const struct scenario *s, double carrier_hz, double distance_m, bool is_los)
{
    double heights_m = s->server_height_m - DEVICE_HEIGHT_M, f_ghz = carrier_hz * 1e-9;
    double d3_m = hypot(at_least_a_metre(distance_m), heights_m);
    double bp_m = breakpoint_m(s, carrier_hz), los_db;

    if (distance_m <= bp_m)
        los_db = s->los_db + s->los_db_per_decade * log10(d3_m) + 20 * log10(f_ghz);
    else
        los_db = s->los_db + 40 * log10(d3_m) + 20 * log10(f_ghz) -
                 s->breakpoint_db_per_decade * log10(bp_m * bp_m + heights_m * heights_m);
    if (is_los)
        return los_db;
    return fmax(los_db, s->nlos_db + s->nlos_db_per_decade * log10(d3_m) +
                            s->nlos_db_per_decade_hz * log10(f_ghz));
}

static double los_probability(const struct scenario *s, double distance_m)
{
    if (distance_m <= 18)
        return 1;
    return 18 / distance_m + exp(-distance_m / s->los_range_m) * (1 - 18 / distance_m);
}

static double umi_db(double carrier_hz, double distance_m, bool is_los)
{
    return loss_db(&umi, carrier_hz, distance_m, is_los);
}

static double umi_los_probability(double distance_m)
{
    return los_probability(&umi, distance_m);
}

static double uma_db(double carrier_hz, double distance_m, bool is_los)
{
    return loss_db(&uma, carrier_hz, distance_m, is_los);
}

static double uma_los_probability(double distance_m)
{
    return los_probability(&uma, distance_m);
}

const struct path_loss path_loss_umi = {
    .name = "umi",
    .help = "3GPP TR 38.901 UMi-Street-Canyon, line of sight drawn",
    .loss_db = umi_db,
    .los_probability = umi_los_probability,
    .sigma_db = {7.82, 4},
    .correlation_m = {13, 10},
};

const struct path_loss path_loss_uma = {
    .name = "uma",
    .help = "3GPP TR 38.901 UMa, line of sight drawn",
    .loss_db = uma_db,
    .los_probability = uma_los_probability,
    .sigma_db = {6, 4},
    .correlation_m = {50, 37},
};
