/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/lateness.h"

#include <math.h>
#include <stdio.h>

#include "edge-server/record.h"

/* The scale at which what was late stays within `allowed_s` of modelled time. */
static double needed(const struct lateness *lateness, const struct lateness_times *times,
                     double allowed_s)
{
    return (times->measured_s - times->predicted_s) * lateness->time_scale / allowed_s;
}

static double allowed_of_phase_s(const struct lateness_times *phase)
{
    return LATENESS_SHARE * fmax(DIFFERENCE_SHARE * phase->predicted_s, LATENESS_CLOSE_S);
}

static void tell(char why[TIME_SCALE_WHY], const struct lateness *lateness,
                 const struct lateness_times *times)
{
    double late_s = times->measured_s - times->predicted_s;
    snprintf(why, TIME_SCALE_WHY,
             "lateness of messages and processes binds (%s of %.3g ms: %.3g ms of wall time late "
             "in %d rounds rehearsed at %g)",
             times->name, 1e3 * times->predicted_s, 1e3 * late_s * lateness->time_scale,
             lateness->n_rounds, lateness->time_scale);
}

struct time_scale lateness_time_scale(const struct lateness *lateness, double floor)
{
    const struct lateness_times *binding = &lateness->round;
    double scale = needed(lateness, binding, LOAD_LATE_SHARE * binding->predicted_s);
    char why[TIME_SCALE_WHY];
    for (int i = 0; i < lateness->n_phases; i++) {
        const struct lateness_times *phase = &lateness->phases[i];
        double asked = needed(lateness, phase, allowed_of_phase_s(phase));
        if (asked > scale) {
            scale = asked;
            binding = phase;
        }
    }
    tell(why, lateness, binding);
    if (lateness->n_overruns > 0 && scale < LOAD_MARGIN * lateness->time_scale) {
        scale = LOAD_MARGIN * lateness->time_scale;
        snprintf(why, sizeof why, "passes bind (%d overruns in %d rounds rehearsed at %g)",
                 lateness->n_overruns, lateness->n_rounds, lateness->time_scale);
    }
    if (scale < floor) {
        scale = floor;
        snprintf(why, sizeof why, "passes and bytes bind, %d rounds rehearsed at %g were in time",
                 lateness->n_rounds, lateness->time_scale);
    }
    return time_scale_make(scale, floor, why);
}
