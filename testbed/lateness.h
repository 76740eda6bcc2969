/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How late a short run of the real thing was, and the time scale at which it would be late by little: passes and bytes
 * (testbed/load_model.h) are not all that a machine adds. Processes wake late while others compute, messages take copies
 * and system calls. None of that shrinks with the time scale, so that a round that was late by x seconds of wall time at
 * one scale is about as late at any other, and
 *
 *     time_scale >= x / (tolerance of the modelled time)
 *
 * with LOAD_LATE_SHARE of the round for the round, and LATENESS_SHARE of what counts as close (5 % or 2 ms) for each
 * phase, as medians over the rounds. Passes that computed for longer than modelled ask for more than they had: once more
 * LOAD_MARGIN of it. Pure numbers: testbed/rehearsal.h runs. Used by testbed/calibration.c.
 */
#ifndef TESTBED_LATENESS_H
#define TESTBED_LATENESS_H

#include "testbed/load_model.h"

#define LATENESS_MAX_PHASES 16
#define LATENESS_SHARE      0.8
#define LATENESS_CLOSE_S    0.002

/* Medians over the rounds, modelled seconds; a phase is the slowest device's. */
struct lateness_times {
    char name[32];
    double predicted_s, measured_s;
};

struct lateness {
    double time_scale;
    int n_rounds, n_overruns, n_phases;
    struct lateness_times round, phases[LATENESS_MAX_PHASES];
};

/* At least `floor`. */
struct time_scale lateness_time_scale(const struct lateness *lateness, double floor);

#endif
