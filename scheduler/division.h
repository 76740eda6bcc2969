/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a round can be met at all, answered exactly by dynamic programming over what has been
 * given away: for stage ends T1 and T2, the least power with which the subchannels can be split
 * among the devices.
 *
 * Subchannels that are alike for every device form a class, and only how many of a class a device
 * gets matters. A state is such a count per class; there are prod(n_c + 1) of them, and one pass
 * looks at prod((n_c + 1)(n_c + 2) / 2) pairs per device. That is little for ten subchannels that
 * all differ and next to nothing without fading, however many there are. Used by division_search.h.
 */
#ifndef SCHEDULER_DIVISION_H
#define SCHEDULER_DIVISION_H

#include <stdbool.h>

#include "scheduler/cell.h"

/* Steps of one pass, above which branching is the better way. */
#define DIVISION_MAX_PASS 1e7

struct division {
    const struct cell *cell; /* borrowed */
    int n_classes;
    int *class_of;        /* [M] */
    int *first;           /* [n_classes] one subchannel of each */
    int *count, *stride;  /* [n_classes] members; weight in a state's number */
    int n_states;         /* the last is all subchannels */
    double work;          /* steps of one pass */
    double *log_floor;    /* [C][n_classes] ln of N0 / g */
    int *order;           /* [C][n_classes] classes of a device, best first */
    double *downlink_bps; /* [C][n_states] */
    double *power_w;      /* [C][n_states] of the last question; INFINITY: cannot */
    double *least_w;      /* [C][n_states] of the first devices together */
    int *wanted, *taken;  /* [n_classes] scratch */
};

/* Steps that one pass would take; INFINITY when the states alone are too many. */
double division_work(const struct cell *cell);

/* Only where division_work() is finite. */
void division_init(struct division *p, const struct cell *cell);
void division_release(struct division *p);

/*
 * Whether owners and powers exist with which the uplink stage ends by up_s and the downlink stage
 * by down_s at these costs; owner[M] is filled when so.
 */
bool division_can_meet(struct division *p, const struct cut_costs *costs, double up_s,
                       double down_s, int *owner);

#endif
