/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/radio.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

#define SPEED_OF_LIGHT_M_PER_S 299792458.0
#define PI                     3.14159265358979323846

static double at_least_a_metre(double distance_m)
{
    return distance_m > 1 ? distance_m : 1;
}

/* The fits below were measured at 28 GHz; another carrier would need another fit, so it is ignored. */
static double samimi_los_db(double carrier_hz, double distance_m)
{
    (void)carrier_hz;
    return 61.4 + 20 * log10(at_least_a_metre(distance_m));
}

static double samimi_nlos_db(double carrier_hz, double distance_m)
{
    (void)carrier_hz;
    return 72.0 + 29.2 * log10(at_least_a_metre(distance_m));
}

static double free_space_db(double carrier_hz, double distance_m)
{
    double wavelengths = at_least_a_metre(distance_m) * carrier_hz / SPEED_OF_LIGHT_M_PER_S;
    double loss_db = 20 * log10(4 * PI * wavelengths);

    /* Below about 24 MHz the first metre lies in the near field, where the formula turns to a gain. */
    return loss_db > 0 ? loss_db : 0;
}

static const struct path_loss models[] = {
    {"samimi-los",
     "61.4 + 20 log10(d/m) dB: 28 GHz urban, line of sight, any carrier "
     "(Samimi, Rappaport, MacCartney, IEEE WCL 2015)",
     samimi_los_db},
    {"samimi-nlos",
     "72.0 + 29.2 log10(d/m) dB: 28 GHz urban, no line of sight, any carrier "
     "(Samimi, Rappaport, MacCartney, IEEE WCL 2015)",
     samimi_nlos_db},
    {"free-space", "20 log10(4 pi d f / c) dB (Friis, 1946)", free_space_db},
};

const struct path_loss *path_loss_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        if (!strcmp(models[i].name, name))
            return &models[i];
    return NULL;
}

const struct path_loss *path_loss_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(models) ? &models[i] : NULL;
}
