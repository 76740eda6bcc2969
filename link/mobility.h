/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where devices are over modelled time; the server stands at (0, 0). The same time always gives the
 * same place, whatever was asked before; asking about times that rise is cheap, going back may walk
 * the way again.
 *
 * A kind is one file link/mobility_<name>.c and one row of the table in link/mobility.c.
 */
#ifndef LINK_MOBILITY_H
#define LINK_MOBILITY_H

#include <stdint.h>

#include "base/err.h"
#include "link/name_index.h"

struct position {
    double x_m, y_m;
    double distance_m; /* to the server, horizontally */
};

struct mobility_settings {
    uint64_t seed;
    int n_devices;
    const double *distance_m; /* [n_devices] at time 0; borrowed for mobility_new() */
    /* waypoint: 0 < speed_min <= speed_max, pause >= 0, radius > 0 */
    double speed_min_m_per_s, speed_max_m_per_s, pause_s, cell_radius_m;
    /* positions: its file; borrowed for mobility_new() */
    const char *positions_path;
    const struct name_index *devices;
};

/* One row of the table; `state` is the kind's own. */
struct mobility_kind {
    const char *name, *help;
    void *(*open)(const struct mobility_settings *settings, struct err *err); /* NULL with err */
    void (*place)(void *state, int device, double time_s, struct position *place);
    void (*free)(void *state);
};
const struct mobility_kind *mobility_find(const char *name); /* NULL when there is none */
const struct mobility_kind *mobility_at(int i);              /* NULL past the last */

/* Angle of a device's first place, uniform; each device has a random stream of its own. */
double mobility_first_angle(uint64_t seed, int device);

#endif
