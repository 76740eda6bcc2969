/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One event of Chrome's trace event format as text, in the way that Perfetto and chrome://tracing both take it. Used by
 * trace_json.c and trace_round.c, which know what happened.
 *
 * What the readers ask for, and these functions do:
 *     - Events of a thread nest or do not overlap; Perfetto drops what crosses the end of another. It keeps whole
 *       nanoseconds, which older versions cut off from the product of a double and 1000, so that 0.6 % of all
 *       instants came out one too early and their spans were dropped. So `ts` has a fourth digit, a fifth of a
 *       nanosecond: cut off or rounded, the same nanosecond comes out. Others (speedscope) add in floating point: `dur`
 *       is a tenth of a nanosecond short, so that a sum does not pass the next event's `ts`.
 *     - Events of a process itself (its names, its counters) bear its number as their thread's; there is no thread 0,
 *       which is the kernel's idle one to Perfetto.
 *     - Perfetto calls a counter by its name and its argument's: "uplink in flight bytes".
 */
#ifndef EDGE_SERVER_TRACE_EVENT_H
#define EDGE_SERVER_TRACE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Nanoseconds of an instant; beyond some 63 years, either way, those of then: differences do not overflow either. */
int64_t trace_ns(double us);

/* Where events are appended; `out` is borrowed. */
struct trace_events {
    struct strbuf *out;
    int n; /* so far; the first has no comma before it */
};

/* Numbers of the trace's own. A thread's is unique over the processes: some readers know it by its number alone. */
struct trace_track {
    int process, thread;
};

/* Shown beside an event. */
struct trace_arg {
    const char *name; /* of letters and '_' */
    double value;     /* not finite: left out */
};

/* What a process or one of its threads is called, and its place among the others: in order of these numbers. */
void trace_name_process(struct trace_events *events, int process, const char *name);
void trace_name_thread(struct trace_events *events, struct trace_track track, const char *name);

/* Names of events are text without quotes, backslashes and control characters. Empty spans are left out. */
void trace_span(struct trace_events *events, struct trace_track track, const char *name,
                int64_t from_ns, int64_t to_ns, const struct trace_arg *args, size_t n_args);
void trace_instant(struct trace_events *events, struct trace_track track, const char *name,
                   int64_t ns, const struct trace_arg *args, size_t n_args);

/* For all tracks. */
void trace_global_instant(struct trace_events *events, struct trace_track track, const char *name,
                          int64_t ns);

/* From `ns` on the counter is at value->value; nothing when that is not finite. */
void trace_counter(struct trace_events *events, int process, const char *name, int64_t ns,
                   const struct trace_arg *value);

#endif
