/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A short run of an experiment, with processes, sockets and links as they will be, to see how late this machine is.
 * Its result folder is kept. For testbed/calibration.c.
 */
#ifndef TESTBED_REHEARSAL_H
#define TESTBED_REHEARSAL_H

#include "experiment/experiment.h"
#include "testbed/lateness.h"

struct rehearsal {
    const struct experiment *e;
    const char *cut;  /* the plan's, by name */
    double latency_s; /* that a round is expected to take, modelled */
    const char *dir;  /* the run's result folder, for DIR/rehearsal, DIR/rehearsal-2, ... */
    int stop_fd;      /* readable: end in order, which is an error here; -1: never */
};

/*
 * At that time scale, in the first of the folders that is not there yet. 20 rounds, or as many as go into REHEARSAL_WALL_S,
 * but REHEARSAL_MIN_ROUNDS if these go into REHEARSAL_MAX_WALL_S, and 1 in any case. Everything of it has ended when this
 * returns, and ends with the calling process. On the terminal it says nothing but errors.
 */
#define REHEARSAL_WALL_S     2.5
#define REHEARSAL_MAX_WALL_S 10.0
#define REHEARSAL_MIN_ROUNDS 5
#define REHEARSAL_MAX_ROUNDS 20
int rehearse(struct lateness *lateness, const struct rehearsal *rehearsal, double time_scale,
             struct err *err);

/* The number of rounds, for that. */
int rehearsal_n_rounds(double round_wall_s);

#endif
