/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A short run of an experiment, with processes, sockets and links as they will be, to see how late this machine is.
 * Its result folder is kept. For testbed/calibration.c.
 */
#ifndef TESTBED_REHEARSAL_H
#define TESTBED_REHEARSAL_H

#include "experiment/experiment.h"
#include "testbed/lateness.h"

/* A round is expected to take latency_s modelled seconds, with the cut named `cut`. */
struct rehearsal {
    const struct experiment *e;
    const char *cut;
    double latency_s;
};

/*
 * In folder `dir`, which is made, at that time scale; some seconds. Everything of it has ended when this returns, and
 * ends with the calling process. Says nothing on the terminal; what it has to say is in DIR/log.txt.
 */
int rehearse(struct lateness *lateness, const struct rehearsal *rehearsal, double time_scale,
             const char *dir, struct err *err);

#endif
