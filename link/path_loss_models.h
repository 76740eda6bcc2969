/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of link/path_loss.c, a file each; and what several of them need. For these files alone.
 */
#ifndef LINK_PATH_LOSS_MODELS_H
#define LINK_PATH_LOSS_MODELS_H

#include "link/radio.h"

#define SPEED_OF_LIGHT_M_PER_S 299792458.0

extern const struct path_loss path_loss_samimi_los, path_loss_samimi_nlos; /* path_loss_samimi.c */
extern const struct path_loss path_loss_free_space, path_loss_umi, path_loss_uma, path_loss_table;

static inline double at_least_a_metre(double distance_m)
{
    return distance_m > 1 ? distance_m : 1;
}

/*
 * What UMi and UMa of 3GPP TR 38.901 have in common; the device is 1.5 m high, the server as high
 * as the scenario says, the effective environment 1 m.
 */
#define TR38901_DEVICE_HEIGHT_M 1.5

/* d'_BP = 4 (h_BS - h_E) (h_UT - h_E) f / c; Table 7.4.1-1, note 1, with c = 3e8 m/s as there. */
double tr38901_breakpoint_m(double carrier_hz, double server_height_m);

double tr38901_distance_3d_m(double distance_m, double server_height_m);

/* 18/d + exp(-d/scale_m) (1 - 18/d), 1 up to 18 m; Table 7.4.2-1 for devices not above 13 m. */
double tr38901_los_probability(double distance_m, double scale_m);

#endif
