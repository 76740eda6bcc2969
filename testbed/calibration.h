/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How fast this machine does what a run asks of it, measured for about two seconds at the plan's cut and batch before
 * the run begins; and the time scale that follows (testbed/load_model.h). `splitbed plan` shows that for
 * testbed.time_scale: auto; `splitbed run` rehearses from there, and finds what the machine really needs.
 *
 * Measured are a device's passes (with its data, on as many cores at once as devices will compute at once), the
 * server's for all devices of a turn, and messages over the loopback interface: each in processes of their own, which
 * end with it. Where compute or link are
 * native there is nothing to find: experiments have scale 1 then.
 */
#ifndef TESTBED_CALIBRATION_H
#define TESTBED_CALIBRATION_H

#include "experiment/experiment.h"
#include "testbed/load_model.h"

/* The plan has one cut. Fails where a run would: data that are missing, too little memory; and when stop_fd (-1: never)
 * becomes readable. */
int calibration_measure(struct machine_speed *speed, const struct experiment *e,
                        const struct problem *problem, const struct plan *plan, int stop_fd,
                        struct err *err);

/* From that alone. */
int calibration_time_scale(struct time_scale *found, const struct experiment *e,
                           const struct problem *problem, const struct plan *plan, int stop_fd,
                           struct err *err);

/*
 * For a run, with the plan the experiment's scheduler makes, which takes its time: from that, and then from up to
 * CALIBRATION_REHEARSALS rehearsals (testbed/rehearsal.h) with their folders in `dir`, until one shows that the scale it
 * ran at is enough, and no smaller one would be.
 */
#define CALIBRATION_REHEARSALS 3
int calibration_of_run(struct time_scale *found, const struct experiment *e, const char *dir,
                       int stop_fd, struct err *err);

#endif
