/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The real work of a device, of the server and of their messages, for testbed/calibration.c: each function is what one
 * helper process does (testbed/helpers.h), for some tenths of a second. Times are those that nine in ten stay below.
 */
#ifndef TESTBED_CALIBRATION_JOBS_H
#define TESTBED_CALIBRATION_JOBS_H

#include "experiment/experiment.h"
#include "scheduler/plan.h"
#include "testbed/helpers.h"

struct calibration_job {
    const struct experiment *e;
    const struct problem *problem;
    const struct plan *plan;
};

helper_work
    calibration_front; /* seconds of a device's forward pass, of its backward pass and step */
helper_work calibration_server;   /* the same for the server, on a turn's samples */
helper_work calibration_messages; /* seconds of an empty message, and per byte */

#endif
