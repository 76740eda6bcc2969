/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The radio of one round after the other: gains as the channel has them when a round begins, and
 * rates as the links make them of what the radio gives (recordings, outages, delay, jitter, loss).
 *
 * Its clock is the sum of the predicted latencies of the rounds before, evaluations left out. It
 * does not look at what a run measured, so that plan, simulation and run see the same channel in
 * the same round.
 *
 *     for each round: round_radio_gains(), round_radio_evaluate(), round_radio_advance()
 *
 * Used by the server's schedule and by `splitbed plan`.
 */
#ifndef EDGE_SERVER_ROUND_RADIO_H
#define EDGE_SERVER_ROUND_RADIO_H

#include <stdint.h>

#include "edge-server/handover_load.h"
#include "experiment/experiment.h"
#include "link/links.h"
#include "scheduler/plan.h"

struct round_radio;

/* `e` is borrowed for the call. */
struct round_radio *round_radio_new(const struct experiment *e, struct err *err);
void round_radio_free(struct round_radio *radio);

/* Puts the gains of a round, from 1, that begins now into the problem. True when one changed. */
bool round_radio_gains(struct round_radio *radio, uint32_t round, struct problem *problem);

/*
 * What a round takes under a plan: its owners, powers and cut with the problem's gains, which are those of the
 * round, and with the links as they are then. Fills rates and terms, which have room for the problem's devices, and
 * returns the latency; where nothing changes these are the plan's own numbers.
 *
 * Hand-overs are transfers of their own, each with its own bits, start and draws; `rates` are those of activations and
 * gradients.
 *
 * A rate is that at which this round's messages arrive: bits over the time from the first bit's departure to the
 * last one's arrival. So the latency equations hold as they are, and a sender that is paced to that rate is done when
 * the last bit would be there. Where there is nothing to send, and on ideal links, it is the radio's own rate; it is
 * 0, and the latency infinite, where a transfer would never end.
 */
double round_radio_evaluate(struct round_radio *radio, uint32_t round,
                            const struct problem *problem, const struct plan *plan,
                            const struct handover_move *move, struct rates *rates,
                            struct latency_terms *terms);

/*
 * One of the round's transfers by its parts, for links on which delay and loss are real: carry_s is bits over rate,
 * recordings and outages in it, delay_s what comes on top, delay and jitter. What the equations have for segments
 * lost and sent again is in neither. A broadcast is carried to every device so that all that hear it last would.
 */
struct transfer {
    double
        rate_bps; /* at which it arrives, as above; the radio's own where there is no such transfer */
    double bits; /* 0: ideal links, or no such transfer */
    double carry_s, delay_s;
};
const struct transfer *round_radio_transfer(const struct round_radio *radio,
                                            enum link_direction direction, int device);

/* The longest round: in microseconds, as instants are kept, a double still has an eighth of one (docs/RESULTS.md). */
#define ROUND_MAX_S 1e9

double round_radio_now_s(const struct round_radio *radio); /* when the round begins */

/* Whether the links add nothing to what the radio gives, in any round. */
bool round_radio_is_ideal(const struct round_radio *radio);

/* The round has taken so long; a time that is not finite leaves the clock. */
void round_radio_advance(struct round_radio *radio, double latency_s);

#endif
