/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/trace_json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* Thread numbers are unique over the processes: some readers know a thread by its number alone. */
enum process { SERVER = 1, AIR, DEVICES };
enum track { ROUNDS = 11, COMPUTING, UPLINK = 21, BROADCAST, DOWNLINK, FIRST_DEVICE = 100 };

/* Zeros: none. */
struct clock_said {
    double offset_s, bound_s;
};

struct trace_json {
    const struct experiment *e;
    int n_events, max_events;
    bool is_full;
    struct clock_said *clocks; /* [C] what the trace said last */
};

/*
 * The instants of a device in a round in the order of the protocol, in nanoseconds since the run's first round began.
 * Each is the end of one span and the start of the next, so spans meet however they are rounded; clocks that differ
 * a little may not make one begin before the one before it.
 */
enum instant {
    ROUND_START,
    TURN_START,
    FORWARD,
    FORWARD_END,
    ARRIVED,
    GRADIENTS,
    BROADCAST_END,
    BACKWARD,
    BACKWARD_END,
    DONE,
    ROUND_END,
    N_INSTANTS
};

struct path {
    int64_t ns[N_INSTANTS];
};

/* A change of the bytes in flight. */
struct change {
    int64_t ns, bytes;
};

struct trace_json *trace_json_new(const struct experiment *e, int max_events)
{
    struct trace_json *trace = mem_zero(1, sizeof *trace);
    trace->e = e;
    trace->max_events = max_events;
    trace->clocks = mem_zero((size_t)e->n_devices, sizeof *trace->clocks);
    return trace;
}

void trace_json_free(struct trace_json *trace)
{
    if (!trace)
        return;
    free(trace->clocks);
    free(trace);
}

void trace_json_string(const char *text, struct strbuf *out)
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

/* Up to its arguments, which the caller ends. */
static void start_event(struct trace_json *trace, struct strbuf *out, const char *phase,
                        enum process process, int track, const char *name)
{
    strbuf_addf(out, "%s{\"ph\":\"%s\",\"pid\":%d,\"tid\":%d,\"name\":\"%s\"",
                trace->n_events++ ? ",\n" : "", phase, (int)process, track, name);
}

static void add_time(struct strbuf *out, const char *key, int64_t ns)
{
    strbuf_addf(out, ",\"%s\":%" PRId64 ".%03d", key, ns / 1000, (int)(ns % 1000));
}

static void name_process(struct trace_json *trace, struct strbuf *out, enum process process,
                         const char *name)
{
    start_event(trace, out, "M", process, 0, "process_name");
    strbuf_addf(out, ",\"args\":{\"name\":");
    trace_json_string(name, out);
    strbuf_addf(out, "}}");
    start_event(trace, out, "M", process, 0, "process_sort_index");
    strbuf_addf(out, ",\"args\":{\"sort_index\":%d}}", (int)process);
}

static void name_track(struct trace_json *trace, struct strbuf *out, enum process process,
                       int track, const char *name)
{
    start_event(trace, out, "M", process, track, "thread_name");
    strbuf_addf(out, ",\"args\":{\"name\":");
    trace_json_string(name, out);
    strbuf_addf(out, "}}");
    start_event(trace, out, "M", process, track, "thread_sort_index");
    strbuf_addf(out, ",\"args\":{\"sort_index\":%d}}", track);
}

void trace_json_begin(struct trace_json *trace, struct strbuf *out)
{
    strbuf_addf(out, "[\n");
    char *server = mem_format("server of %s", trace->e->name);
    name_process(trace, out, SERVER, server);
    free(server);
    name_track(trace, out, SERVER, ROUNDS, "rounds");
    name_track(trace, out, SERVER, COMPUTING, "computing");
    name_process(trace, out, AIR, "air");
    name_track(trace, out, AIR, UPLINK, "uplink");
    name_track(trace, out, AIR, BROADCAST, "broadcast");
    name_track(trace, out, AIR, DOWNLINK, "downlink");
    name_process(trace, out, DEVICES, "devices");
    for (int i = 0; i < trace->e->n_devices; i++)
        name_track(trace, out, DEVICES, FIRST_DEVICE + i, trace->e->devices[i].name);
}

static int64_t since_run_ns(const struct round_record *record, double us)
{
    return llround((record->start_us + us) * 1e3);
}

static struct path path_of(const struct round_record *record, int device)
{
    const struct device_times *d = &record->devices[device].times;
    const struct turn_times *turn = round_record_turn(record, device);
    const double us[N_INSTANTS] = {
        [ROUND_START] = 0,
        [TURN_START] = turn->start_us,
        [FORWARD] = d->forward_us,
        [FORWARD_END] = d->forward_end_us,
        [ARRIVED] = d->arrived_us,
        [GRADIENTS] = turn->gradients_us,
        [BROADCAST_END] = turn->broadcast_end_us,
        [BACKWARD] = d->backward_us,
        [BACKWARD_END] = d->backward_end_us,
        [DONE] = d->done_us,
        [ROUND_END] = record->measured_s * 1e6,
    };
    struct path path;
    double latest_us = 0;
    for (int i = 0; i < N_INSTANTS; i++) {
        latest_us = fmax(latest_us, fmin(us[i], us[ROUND_END]));
        path.ns[i] = since_run_ns(record, latest_us);
    }
    return path;
}

#define UNPREDICTED (-1.0)

/* Empty spans are left out. */
static void add_span(struct trace_json *trace, struct strbuf *out, enum process process, int track,
                     const char *name, int64_t from_ns, int64_t to_ns, double predicted_s)
{
    if (to_ns <= from_ns)
        return;
    start_event(trace, out, "X", process, track, name);
    add_time(out, "ts", from_ns);
    add_time(out, "dur", to_ns - from_ns);
    if (predicted_s >= 0)
        strbuf_addf(out, ",\"args\":{\"predicted_us\":%.10g}", predicted_s * 1e6);
    strbuf_addf(out, "}");
}

/* Once for each time that the device was asked, where the first round begins that it holds for. */
static void add_clock(struct trace_json *trace, const struct round_record *record, int device,
                      int64_t ns, struct strbuf *out)
{
    const struct device_record *d = &record->devices[device];
    struct clock_said *said = &trace->clocks[device];
    if (!d->has_clock || (d->clock_offset_s == said->offset_s && d->clock_bound_s == said->bound_s))
        return;
    *said = (struct clock_said){d->clock_offset_s, d->clock_bound_s};
    double offset_us = d->clock_offset_s * 1e6, bound_us = d->clock_bound_s * 1e6;
    char *name =
        mem_format("clock offset %+.0f us, at most %.0f us off", offset_us, ceil(bound_us));
    start_event(trace, out, "i", DEVICES, FIRST_DEVICE + device, name);
    free(name);
    add_time(out, "ts", ns);
    strbuf_addf(out, ",\"s\":\"t\",\"args\":{\"offset_us\":%.17g,\"bound_us\":%.9g}}", offset_us,
                bound_us);
}

/* From each instant to the next one span. */
static void add_device(struct trace_json *trace, const struct round_record *record, int device,
                       const struct path *path, struct strbuf *out)
{
    const struct latency_terms *predicted = &record->predicted;
    bool is_handed = record->measured.handover_s[device] > 0;
    const char *before_forward = is_handed ? "hand-over" : "wait";
    const char *after_backward = is_handed && record->n_turns > 1 ? "hand-over" : "wait";
    const struct {
        const char *name;
        double predicted_s;
    } spans[N_INSTANTS - 1] = {
        [ROUND_START] = {"wait", UNPREDICTED},
        [TURN_START] = {before_forward, UNPREDICTED},
        [FORWARD] = {"forward", predicted->device_forward_s[device]},
        [FORWARD_END] = {"uplink", predicted->uplink_s[device]},
        [ARRIVED] = {"wait", UNPREDICTED},
        [GRADIENTS] = {"broadcast", predicted->broadcast_s},
        [BROADCAST_END] = {"downlink", predicted->downlink_s[device]},
        [BACKWARD] = {"backward", predicted->device_backward_s[device]},
        [BACKWARD_END] = {after_backward, UNPREDICTED},
        [DONE] = {"wait", UNPREDICTED},
    };
    add_clock(trace, record, device, path->ns[ROUND_START], out);
    for (int i = 0; i < N_INSTANTS - 1; i++)
        add_span(trace, out, DEVICES, FIRST_DEVICE + device, spans[i].name, path->ns[i],
                 path->ns[i + 1], spans[i].predicted_s);
}

/* Server and air in the turn of devices [first, first + n). */
static void add_turn(struct trace_json *trace, const struct round_record *record, int first, int n,
                     const struct path *paths, struct strbuf *out)
{
    const struct latency_terms *predicted = &record->predicted;
    const struct turn_times *turn = round_record_turn(record, first);
    int64_t up_ns = INT64_MAX, arrived_ns = 0, down_ns = 0;
    for (int i = first; i < first + n; i++) {
        up_ns = paths[i].ns[FORWARD_END] < up_ns ? paths[i].ns[FORWARD_END] : up_ns;
        arrived_ns = paths[i].ns[ARRIVED] > arrived_ns ? paths[i].ns[ARRIVED] : arrived_ns;
        down_ns = paths[i].ns[BACKWARD] > down_ns ? paths[i].ns[BACKWARD] : down_ns;
    }
    int64_t forward_ns = since_run_ns(record, turn->forward_us),
            backward_ns = since_run_ns(record, turn->backward_us),
            gradients_ns = since_run_ns(record, turn->gradients_us),
            broadcast_end_ns = since_run_ns(record, turn->broadcast_end_us);
    add_span(trace, out, SERVER, COMPUTING, "forward", forward_ns, backward_ns,
             predicted->server_forward_s / record->n_turns);
    add_span(trace, out, SERVER, COMPUTING, "backward", backward_ns, gradients_ns,
             predicted->server_backward_s / record->n_turns);
    add_span(trace, out, AIR, UPLINK, "uplink", up_ns, arrived_ns, UNPREDICTED);
    add_span(trace, out, AIR, BROADCAST, "broadcast", gradients_ns, broadcast_end_ns,
             predicted->broadcast_s);
    add_span(trace, out, AIR, DOWNLINK, "downlink", broadcast_end_ns, down_ns, UNPREDICTED);
}

static int by_time(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    return (x->ns > y->ns) - (x->ns < y->ns);
}

/* One value for each instant at which there are changes. */
static void add_counter(struct trace_json *trace, struct strbuf *out, const char *name,
                        struct change *changes, size_t n)
{
    int64_t bytes = 0;
    qsort(changes, n, sizeof *changes, by_time);
    for (size_t i = 0; i < n; i++) {
        bytes += changes[i].bytes;
        if (i + 1 < n && changes[i + 1].ns == changes[i].ns)
            continue;
        start_event(trace, out, "C", AIR, 0, name);
        add_time(out, "ts", changes[i].ns);
        strbuf_addf(out, ",\"args\":{\"bytes\":%" PRId64 "}}", bytes);
    }
}

/* Bytes of every device between two of its instants. */
static void count_between(struct trace_json *trace, struct strbuf *out, const char *name,
                          const struct round_record *record, const struct path *paths,
                          enum instant from, enum instant to)
{
    int n_devices = record->measured.n_devices;
    struct change *changes = mem_zero(2 * (size_t)n_devices, sizeof *changes);
    size_t n = 0;
    for (int i = 0; i < n_devices; i++) {
        const struct device_record *device = &record->devices[i];
        uint64_t bytes = from == FORWARD_END ? device->uplink_bytes : device->downlink_bytes;
        if (bytes == 0)
            continue;
        changes[n++] = (struct change){paths[i].ns[from], (int64_t)bytes};
        changes[n++] = (struct change){paths[i].ns[to], -(int64_t)bytes};
    }
    add_counter(trace, out, name, changes, n);
    free(changes);
}

static void add_bytes(struct trace_json *trace, const struct round_record *record,
                      const struct path *paths, struct strbuf *out)
{
    count_between(trace, out, "uplink bytes in flight", record, paths, FORWARD_END, ARRIVED);
    count_between(trace, out, "downlink bytes in flight", record, paths, BROADCAST_END, BACKWARD);
    int64_t bytes = (int64_t)record->broadcast_bytes;
    struct change broadcast[] = {{paths[0].ns[GRADIENTS], bytes},
                                 {paths[0].ns[BROADCAST_END], -bytes}};
    if (bytes > 0) /* never when devices take turns */
        add_counter(trace, out, "broadcast bytes in flight", broadcast, ARRAY_LEN(broadcast));
}

/* A training that diverged has no number to show. */
static void add_number(struct trace_json *trace, struct strbuf *out, const char *name, int64_t ns,
                       double value)
{
    if (!isfinite(value))
        return;
    start_event(trace, out, "C", SERVER, 0, name);
    add_time(out, "ts", ns);
    strbuf_addf(out, ",\"args\":{\"%s\":%.9g}}", name, value);
}

static void add_round(struct trace_json *trace, const struct round_record *record,
                      const struct path *path, struct strbuf *out)
{
    int64_t from_ns = path->ns[ROUND_START], to_ns = path->ns[ROUND_END];
    char name[32];
    snprintf(name, sizeof name, "round %" PRIu32, record->round);
    start_event(trace, out, "X", SERVER, ROUNDS, name);
    add_time(out, "ts", from_ns);
    add_time(out, "dur", to_ns - from_ns);
    strbuf_addf(out, ",\"args\":{\"cut\":%d,\"measured_us\":%.10g,\"predicted_us\":%.10g",
                record->cut, record->measured_s * 1e6, record->predicted_s * 1e6);
    strbuf_addf(out, ",\"overruns\":%" PRIu32 ",\"is_late\":%s}}", record->n_overruns,
                record->is_late ? "true" : "false");
    add_number(trace, out, "loss", to_ns, record->loss);
    if (record->is_evaluated)
        add_number(trace, out, "accuracy", to_ns, record->accuracy);
}

static void add_all(struct trace_json *trace, const struct round_record *record, struct strbuf *out)
{
    int n_devices = record->measured.n_devices, per_turn = n_devices / record->n_turns;
    struct path *paths = mem_zero((size_t)n_devices, sizeof *paths);
    for (int i = 0; i < n_devices; i++)
        paths[i] = path_of(record, i);
    add_round(trace, record, &paths[0], out);
    for (int turn = 0; turn < record->n_turns; turn++)
        add_turn(trace, record, turn * per_turn, per_turn, paths, out);
    for (int i = 0; i < n_devices; i++)
        add_device(trace, record, i, &paths[i], out);
    add_bytes(trace, record, paths, out);
    free(paths);
}

/* In place of a round that does not fit. */
static void add_full(struct trace_json *trace, const struct round_record *record,
                     struct strbuf *out)
{
    trace->is_full = true;
    start_event(trace, out, "i", SERVER, ROUNDS, "the trace ends here: it has no room for more");
    add_time(out, "ts", since_run_ns(record, 0));
    strbuf_addf(out, ",\"s\":\"g\"}");
}

void trace_json_add(struct trace_json *trace, const struct round_record *record, struct strbuf *out)
{
    assert(record->n_turns == 1 || record->n_turns == record->measured.n_devices);
    if (trace->is_full || record->round > (uint32_t)trace->e->testbed.trace_rounds)
        return;
    size_t n_before = out->n;
    add_all(trace, record, out);
    if (trace->n_events <= trace->max_events)
        return;
    out->n = n_before;
    out->text[n_before] = '\0';
    add_full(trace, record, out);
}
