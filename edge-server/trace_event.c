/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/trace_event.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define MAX_NS 2e18

int64_t trace_ns(double us)
{
    return llround(fmax(-MAX_NS, fmin(us * 1e3, MAX_NS)));
}

/* Up to its arguments, which the caller ends. */
static void start_event(struct trace_events *events, const char *phase, struct trace_track track,
                        const char *name)
{
    strbuf_addf(events->out, "%s{\"ph\":\"%s\",\"pid\":%d,\"tid\":%d,\"name\":\"%s\"",
                events->n++ ? ",\n" : "", phase, track.process, track.thread, name);
}

/* Its fifth is towards the future also before 0, where the digits count away from it. */
static void add_start(struct strbuf *out, int64_t ns)
{
    if (ns >= 0)
        strbuf_addf(out, ",\"ts\":%" PRId64 ".%03d2", ns / 1000, (int)(ns % 1000));
    else
        strbuf_addf(out, ",\"ts\":-%" PRId64 ".%03d8", (-ns - 1) / 1000, (int)((-ns - 1) % 1000));
}

/* A tenth of a nanosecond less than it is. */
static void add_duration(struct strbuf *out, int64_t ns)
{
    strbuf_addf(out, ",\"dur\":%" PRId64 ".%03d9", (ns - 1) / 1000, (int)((ns - 1) % 1000));
}

/* %.15g: the most digits that are as they were written. */
static void end_event(struct strbuf *out, const struct trace_arg *args, size_t n_args)
{
    int n_written = 0;
    for (size_t i = 0; i < n_args; i++)
        if (isfinite(args[i].value))
            strbuf_addf(out, "%s\"%s\":%.15g", n_written++ ? "," : ",\"args\":{", args[i].name,
                        args[i].value);
    strbuf_addf(out, "%s", n_written ? "}}" : "}");
}

/* Any UTF-8, with its quotes. */
static void add_string(const char *text, struct strbuf *out)
{
    strbuf_addf(out, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            strbuf_addf(out, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            strbuf_addf(out, "\\u%04x", (unsigned)c);
        else
            strbuf_add(out, text, 1);
    }
    strbuf_addf(out, "\"");
}

static void name_track(struct trace_events *events, const char *kind, struct trace_track track,
                       int place, const char *name)
{
    char event[32];
    snprintf(event, sizeof event, "%s_name", kind);
    start_event(events, "M", track, event);
    strbuf_addf(events->out, ",\"args\":{\"name\":");
    add_string(name, events->out);
    strbuf_addf(events->out, "}}");
    snprintf(event, sizeof event, "%s_sort_index", kind);
    start_event(events, "M", track, event);
    strbuf_addf(events->out, ",\"args\":{\"sort_index\":%d}}", place);
}

void trace_name_process(struct trace_events *events, int process, const char *name)
{
    name_track(events, "process", (struct trace_track){process, process}, process, name);
}

void trace_name_thread(struct trace_events *events, struct trace_track track, const char *name)
{
    name_track(events, "thread", track, track.thread, name);
}

void trace_span(struct trace_events *events, struct trace_track track, const char *name,
                int64_t from_ns, int64_t to_ns, const struct trace_arg *args, size_t n_args)
{
    if (to_ns <= from_ns)
        return;
    start_event(events, "X", track, name);
    add_start(events->out, from_ns);
    add_duration(events->out, to_ns - from_ns);
    end_event(events->out, args, n_args);
}

void trace_instant(struct trace_events *events, struct trace_track track, const char *name,
                   int64_t ns, const struct trace_arg *args, size_t n_args)
{
    start_event(events, "i", track, name);
    add_start(events->out, ns);
    strbuf_addf(events->out, ",\"s\":\"t\"");
    end_event(events->out, args, n_args);
}

void trace_global_instant(struct trace_events *events, struct trace_track track, const char *name,
                          int64_t ns)
{
    start_event(events, "i", track, name);
    add_start(events->out, ns);
    strbuf_addf(events->out, ",\"s\":\"g\"}");
}

void trace_counter(struct trace_events *events, int process, const char *name, int64_t ns,
                   const struct trace_arg *value)
{
    if (!isfinite(value->value))
        return;
    start_event(events, "C", (struct trace_track){process, process}, name);
    add_start(events->out, ns);
    end_event(events->out, value, 1);
}
