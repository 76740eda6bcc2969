/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/handover_load.h"

#include <math.h>

/* Weights that change sides are in the front part, where there is one: only the optimiser's state is added. */
struct handover_load handover_load(const struct problem *problem, int cut,
                                   const struct handover_move *move, int device)
{
    bool is_handed_on = problem->takes_turns && problem->n_devices > 1;
    double front = is_handed_on ? problem->cuts[cut].front_bits : 0;
    double moved = move->optimizer_bits + (is_handed_on ? 0 : move->weights_bits);
    bool is_handed = device > 0 || !move->is_first_round;
    return (struct handover_load){
        .gained_bits = (is_handed ? front : 0) + (move->devices_gain ? moved : 0),
        .given_bits = !move->devices_gain && (device == 0 || !is_handed_on) ? moved : 0,
        .front_bits = front,
    };
}

int handover_owner(const struct problem *problem, int device)
{
    int n = problem->n_devices;
    return problem->takes_turns ? (device + n - 1) % n : device;
}

double handover_seconds(double bits, double rate_bps)
{
    if (!(bits > 0))
        return 0;
    return rate_bps > 0 ? bits / rate_bps : HUGE_VAL;
}

void handover_evaluate(const struct problem *problem, int cut, const struct handover_move *move,
                       const struct rates *rates, struct latency_terms *terms)
{
    for (int i = 0; i < problem->n_devices; i++) {
        struct handover_load load = handover_load(problem, cut, move, i);
        terms->handover_s[i] = handover_seconds(load.given_bits, rates->uplink_bps[i]) +
                               handover_seconds(load.front_bits, rates->uplink_bps[i]);
    }
    for (int i = 0; i < problem->n_devices; i++) {
        double bps = problem->takes_turns ? rates->downlink_bps[i] : rates->broadcast_bps;
        terms->handover_s[handover_owner(problem, i)] +=
            handover_seconds(handover_load(problem, cut, move, i).gained_bits, bps);
    }
}
