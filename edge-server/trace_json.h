/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rounds on a timeline: records as trace events in Chrome's JSON array format, which Perfetto
 * (https://ui.perfetto.dev) and chrome://tracing open. Times are modelled microseconds since the run's first round
 * began, good to the nanosecond. Text alone: edge-server/results.c has the file; trace_round.h has what is on the
 * tracks, trace_event.h how an event is written.
 *
 *     trace_json_begin();  for each round, in order: trace_json_add();  and TRACE_JSON_END behind the last
 *
 * Tracks, as processes and threads:
 *     server    rounds: a span each, with cut, loss, predicted and measured time
 *               computing: forward, backward; of each turn
 *     air       uplink (from the first that sends to the last that has arrived), broadcast, downlink; of each turn
 *     devices   one each, without holes from the round's first instant to its last: forward, uplink, wait, broadcast,
 *               downlink, backward, hand-over, in the order of the protocol; `wait` is the rest
 * Counters: bytes in flight up, down and broadcast (activations and gradients; 0 between rounds), loss, accuracy.
 * A span that the latency equations have a term for carries it as predicted_us, a transfer its bytes. A device whose clock was compared with
 * the server's has an instant event on its track that says its offset and how far that may be off, with the first
 * round that this holds for.
 */
#ifndef EDGE_SERVER_TRACE_JSON_H
#define EDGE_SERVER_TRACE_JSON_H

#include "base/strbuf.h"
#include "edge-server/record.h"
#include "experiment/experiment.h"

struct trace_json;

/* At most so many events, whole rounds; what comes after is left out, and the trace says so. */
#define TRACE_JSON_MAX_EVENTS 1000000

/* `e` is borrowed. */
struct trace_json *trace_json_new(const struct experiment *e, int max_events);
void trace_json_free(struct trace_json *trace); /* NULL is fine */

/* Appends the start of the file: names and order of the tracks. */
void trace_json_begin(struct trace_json *trace, struct strbuf *out);

/* Appends a round's events; nothing for those past testbed.trace_rounds or the limit. */
void trace_json_add(struct trace_json *trace, const struct round_record *record,
                    struct strbuf *out);

/*
 * What makes the text so far a whole JSON document; the next round goes in its place. Nothing is behind the bracket:
 * Perfetto reads in pieces, and refuses one that begins behind the end.
 */
#define TRACE_JSON_END "\n]"

#endif
