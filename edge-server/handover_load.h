/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a round hands over besides activations and gradients, in bits: the front part that goes from device to device,
 * and layers that change sides when the cut moves (docs/MODEL.md). Used by the schedule, which weighs a move, and by
 * the radio of the rounds, which sends every message over its link.
 */
#ifndef EDGE_SERVER_HANDOVER_LOAD_H
#define EDGE_SERVER_HANDOVER_LOAD_H

#include <stdbool.h>

#include "scheduler/latency.h"

/* How a round begins. Zeroed: the cut stays, and every device is handed its front part if devices take turns. */
struct handover_move {
    double weights_bits, optimizer_bits; /* of the layers that change sides */
    bool devices_gain;                   /* them; else they give them up */
    bool is_first_round;                 /* nobody hands the first device its front part */
};

/* The messages of one device; 0: there is no such message. */
struct handover_load {
    double gained_bits; /* down, before anything else: the front part, and layers gained */
    double given_bits;  /* up, before the forward pass: layers given up */
    double front_bits;  /* up, after the backward pass: the front part, on its way to the next */
};

struct handover_load handover_load(const struct problem *problem, int cut,
                                   const struct handover_move *move, int device);

/*
 * Whose T_i^H has what came down to `device`: when devices take turns that of the one before, for the front part is its
 * (the first has the last before it), else its own.
 */
int handover_owner(const struct problem *problem, int device);

/* INFINITY for bits without a rate. */
double handover_seconds(double bits, double rate_bps);

/* terms->handover_s at these rates, on links that add nothing to them. */
void handover_evaluate(const struct problem *problem, int cut, const struct handover_move *move,
                       const struct rates *rates, struct latency_terms *terms);

#endif
