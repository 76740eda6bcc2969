/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one direction of a link carries over time: a constant rate or a recording, and nothing
 * during outages. And what a transfer takes on it besides: propagation, jitter, segments lost and
 * sent again. Pure functions of time in seconds on the modelled clock; random numbers come from the
 * caller.
 */
#ifndef LINK_CAPACITY_H
#define LINK_CAPACITY_H

#include "base/rng.h"
#include "link/outages.h"
#include "link/trace.h"

struct capacity {
    double rate_bps;           /* > 0 or INFINITY; not looked at when there is a trace */
    const struct trace *trace; /* or NULL; borrowed */
    struct outages *outages;   /* or NULL; borrowed; drawn ones grow as time goes on */
};

/* When `bits` have left if sending starts at start_s >= 0; INFINITY when they never do. */
double capacity_end_s(const struct capacity *capacity, double start_s, double bits);

/* Bits that can leave between the two. */
double capacity_bits(const struct capacity *capacity, double start_s, double end_s);

/* All zero: the last bit arrives when it leaves. */
struct impairments {
    double delay_s;          /* propagation */
    double jitter_s;         /* more of it: uniform in [0, jitter_s], drawn for each transfer */
    double loss;             /* in [0, 1): share of the segments that get lost, independently */
    double retransmission_s; /* until the sender knows and sends the lost ones again */
};

#define CAPACITY_SEGMENT_BITS 12000.0 /* 1500 bytes, headers not counted */

/* When a transfer's last bit arrives, and how much later that is than when it first left. */
struct arrival {
    double at_s;
    double again_s;       /* for segments lost, waited for and sent again */
    double propagation_s; /* for delay and jitter */
};

/*
 * When the last bit of a transfer arrives. Over a reliable stream a loss is no hole but a delay:
 * the segments go out; those lost go out again retransmission_s after the last of them has left,
 * and so on until none is lost; then the propagation. What the stream's own congestion control
 * would do with the loss is not modelled. `rng` is drawn from only for jitter and loss above 0.
 */
struct arrival capacity_arrival(const struct capacity *capacity,
                                const struct impairments *impairments, struct rng *rng,
                                double start_s, double bits);

#endif
