/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The smallest time scale at which a machine keeps up with what it emulates, from what it needs for real and what the
 * plan models (docs/MODEL.md has the equations). Pure numbers: testbed/calibration.h measures.
 *
 * Each resource has a need in wall seconds and a modelled time in which it has to be met, so that
 *     time_scale >= LOAD_MARGIN need / modelled time
 *
 *     devices' passes       in parallel frameworks all C run at once and share the cores evenly, so that each takes
 *                           max(1, C / cores) as long as a pass on a core; against the fastest device
 *     server's passes       as measured with server.threads; the devices wait then
 *     bytes                 all devices' transfers at once, at their modelled rates, through the machine's loopback
 *     messages              what they take beyond their bytes is not modelled and makes a round longer: at most
 *                           LOAD_LATE_SHARE of it (no margin); real work that no modelled time hides counts with it
 */
#ifndef TESTBED_LOAD_MODEL_H
#define TESTBED_LOAD_MODEL_H

#include "scheduler/plan.h"

#define LOAD_MARGIN     1.25 /* what is measured for a moment varies over a run */
#define LOAD_LATE_SHARE 0.02
#define LOAD_MIN_SCALE  0.05
#define LOAD_MAX_SCALE  1e6 /* as experiments allow */

struct machine_speed {
    int n_cores;
    double front_forward_s, front_backward_s;   /* one pass, while every core is at one */
    double server_forward_s, server_backward_s; /* of all samples of a turn */
    double message_s, byte_s;                   /* from one process to another */
};

/* What a round under a plan asks of the machine; per device where it says so. */
struct load {
    int n_devices;
    bool takes_turns;
    const struct latency_terms *terms; /* borrowed */
    double latency_s;
    double uplink_bytes, downlink_bytes; /* per device */
    double broadcast_bytes;              /* of one copy; each device is sent one */
    double front_bytes;                  /* handed on when devices take turns */
};

/* Of a plan with one cut. The plan is borrowed for the load's life. */
struct load load_of_plan(const struct problem *problem, const struct plan *plan);

#define TIME_SCALE_WHY 240

struct time_scale {
    double value; /* to two digits, rounded up; LOAD_MIN_SCALE at least */
    double exact; /* of the resource that binds, before that */
    double floor; /* what passes and bytes alone ask for: no rehearsal leads below it */
    char text[TIME_SCALE_WHY +
              64]; /* "time_scale 3.2: devices' forward passes bind (20 x 12 ...)" */
};

/* From the exact value, what asks for it in words, and the floor. */
struct time_scale time_scale_make(double exact, double floor, const char *why);

struct time_scale load_time_scale(const struct load *load, const struct machine_speed *speed);

#endif
