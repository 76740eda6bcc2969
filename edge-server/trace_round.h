/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happened in a round, as spans and counters of a trace: which tracks there are and what is on them. Used by
 * trace_json.c, which has the trace as a whole.
 */
#ifndef EDGE_SERVER_TRACE_ROUND_H
#define EDGE_SERVER_TRACE_ROUND_H

#include "edge-server/record.h"
#include "edge-server/trace_event.h"

enum trace_process { TRACE_SERVER = 1, TRACE_AIR, TRACE_DEVICES };

#define TRACE_ROUNDS    ((struct trace_track){TRACE_SERVER, 11})
#define TRACE_COMPUTING ((struct trace_track){TRACE_SERVER, 12})
#define TRACE_UPLINK    ((struct trace_track){TRACE_AIR, 21})
#define TRACE_BROADCAST ((struct trace_track){TRACE_AIR, 22})
#define TRACE_DOWNLINK  ((struct trace_track){TRACE_AIR, 23})

struct trace_track trace_device_track(int device);

/* Nanoseconds since the run's first round began, of an instant of this round. */
int64_t trace_round_ns(const struct round_record *record, double us);

/* Everything of the round but the devices' clocks. */
void trace_round_add(struct trace_events *events, const struct round_record *record);

#endif
