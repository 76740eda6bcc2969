/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The latency of one round, term by term (docs/MODEL.md): EPSL, with PSL as phi = 0; and vanilla
 * split learning when the devices take turns. All times in modelled seconds, all rates in bit/s.
 */
#ifndef SCHEDULER_LATENCY_H
#define SCHEDULER_LATENCY_H

#include "scheduler/problem.h"

/* What the radio gives under some allocation. */
struct rates {
    double *uplink_bps;   /* [C] R_i^U */
    double *downlink_bps; /* [C] R_i^D */
    double broadcast_bps; /* R^BC, of the weakest device over the whole band */
};

struct latency_terms {
    double *device_forward_s;  /* [C] T_i^F */
    double *uplink_s;          /* [C] T_i^U */
    double server_forward_s;   /* T_s^F, all devices' */
    double server_backward_s;  /* T_s^B, all devices' */
    double broadcast_s;        /* T^BC */
    double *downlink_s;        /* [C] T_i^D */
    double *device_backward_s; /* [C] T_i^B */
    double *
        handover_s; /* [C] T_i^H: front part from device i to the next when taking turns, and layers that
                           change sides before the round (edge-server/schedule.h); else zeros */
    int n_devices;
};

void latency_terms_init(struct latency_terms *terms, int n_devices); /* zeros */
void latency_terms_release(struct latency_terms *terms);
void latency_terms_copy(struct latency_terms *to, const struct latency_terms *from); /* same C */

/* Fills the terms for a cut. A term with no data to send is 0; with data and no rate it is
 * INFINITY. */
void latency_evaluate(const struct problem *problem, int cut, const struct rates *rates,
                      struct latency_terms *terms);

/*
 * The round: max_i(T_i^H + T_i^F + T_i^U) + T_s^F + T_s^B + T^BC + max_i(T_i^D + T_i^B); when taking turns
 * the sum over the devices of all of it and of the hand-overs.
 */
double latency_total(const struct problem *problem, const struct latency_terms *terms);

#endif
