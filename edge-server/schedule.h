/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which plan holds in which round, and what the round takes under it on the channel as it is then. Driven by
 * whoever drives the server's round logic (server.h), between rounds:
 *
 *     schedule_open();  for each round: schedule_next(), then server_start_round()
 *
 * Every `scheduler.every` rounds, if the channel has changed, a plan is made anew, from the last one as a start. When
 * it moves the cut, layers change sides first (docs/MODEL.md), which costs a hand-over: the cut moves only when
 *
 *     latency(new plan) + hand-over / h  <  latency(best plan at the cut as it is),    h = min(every, rounds left)
 *
 * and otherwise the plan at the old cut is taken. When there is no plan for the channel, the last one goes on.
 * Planning takes wall-clock time (up to twice scheduler.time_limit) and no modelled time.
 */
#ifndef EDGE_SERVER_SCHEDULE_H
#define EDGE_SERVER_SCHEDULE_H

#include <stdint.h>

#include "edge-server/round_radio.h"
#include "experiment/experiment.h"
#include "models/net.h"
#include "scheduler/plan.h"

enum schedule_change {
    SCHEDULE_SAME,      /* the plan of the round before */
    SCHEDULE_PLANNED,   /* a new one holds from this round on */
    SCHEDULE_INFEASIBLE /* there is no plan now, reason says why; that of the round before goes on */
};

struct schedule {
    const struct experiment *e;
    struct problem problem; /* with the gains and slow-downs of this round */
    struct plan plan;       /* the one that holds, as it was made */
    uint32_t plan_round;    /* the round from which it does */
    struct round_radio *radio;
    struct slowdowns *slowdowns; /* of the devices' computing, on the radio's clock */
    struct net *layers;          /* of no layers: for sizes */
    size_t n_state;              /* floats of optimiser state for each parameter */
    bool is_stale;               /* the channel or a slow-down changed since the plan was made */

    /* This round. */
    uint32_t round;        /* 0: none yet */
    int cut, previous_cut; /* boundaries: layers on the devices, now and in the round before */
    bool
        is_special; /* its terms are not those of a round after it: a hand-over, or the first of all */
    enum schedule_change change;
    char *reason;               /* NULL unless SCHEDULE_INFEASIBLE */
    struct rates rates;         /* of the plan's owners and powers on this round's radio */
    struct latency_terms terms; /* at these rates, hand-over included */
    double latency_s;
};

/* Makes the plan of round 1. No plan at all is an error here. `e` is borrowed. */
int schedule_open(struct schedule *schedule, const struct experiment *e, struct err *err);
void schedule_release(struct schedule *schedule); /* zeroed is fine */

/*
 * On to `round`, the next. Fails when planning does, or when the plan that holds gives some device no rate
 * on this round's channel and there is no other.
 */
int schedule_next(struct schedule *schedule, uint32_t round, struct err *err);

/* The best plan of this round's problem with that cut alone; its cut is an index into all cuts, as any plan's. */
int schedule_plan_at(const struct schedule *schedule, int cut_index, struct plan *plan,
                     struct err *err);

/* Takes `plan`, made for this round's problem, over as the one that holds from this round on. */
int schedule_adopt(struct schedule *schedule, struct plan *plan, struct err *err);

#endif
