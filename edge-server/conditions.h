/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a round takes under a plan on the radio as it is in that round (round_radio.h): the plan's
 * owners, powers and cut with that round's gains and links. Where nothing changes they are the
 * plan's own numbers.
 */
#ifndef EDGE_SERVER_CONDITIONS_H
#define EDGE_SERVER_CONDITIONS_H

#include "edge-server/round_radio.h"
#include "scheduler/plan.h"

struct conditions {
    struct round_radio *radio;
    const struct plan *plan;
    struct problem problem;        /* the plan's, with gains of its own */
    struct rates rates;            /* of this round */
    struct latency_terms terms[2]; /* this round's and the last one's, by round & 1 */
    double latency_s;
    uint32_t round; /* 0: none yet */
};

/* Before round 1. The others but `c` are borrowed for its life, `e` for the call. */
int conditions_init(struct conditions *c, const struct experiment *e, const struct problem *problem,
                    const struct plan *plan, struct err *err);
void conditions_release(struct conditions *c); /* zeroed is fine */

/* On to the next round. Fails when some device's messages would never arrive. */
int conditions_next(struct conditions *c, struct err *err);

/* Of this round; stays valid during the next one. */
const struct latency_terms *conditions_terms(const struct conditions *c);

#endif
