/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by path_loss_umi.c and path_loss_uma.c. */
#include <math.h>

#include "link/path_loss_models.h"

#define ENVIRONMENT_HEIGHT_M 1.0
#define ROUND_SPEED_M_PER_S  3.0e8

double tr38901_breakpoint_m(double carrier_hz, double server_height_m)
{
    return 4 * (server_height_m - ENVIRONMENT_HEIGHT_M) *
           (TR38901_DEVICE_HEIGHT_M - ENVIRONMENT_HEIGHT_M) * carrier_hz / ROUND_SPEED_M_PER_S;
}

double tr38901_distance_3d_m(double distance_m, double server_height_m)
{
    return hypot(at_least_a_metre(distance_m), server_height_m - TR38901_DEVICE_HEIGHT_M);
}

double tr38901_los_probability(double distance_m, double scale_m)
{
    if (distance_m <= 18)
        return 1;
    return 18 / distance_m + exp(-distance_m / scale_m) * (1 - 18 / distance_m);
}
