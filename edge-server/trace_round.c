/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/trace_round.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

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
    int64_t ns[N_INSTANTS]; /* ascending */
};

struct trace_track trace_device_track(int device)
{
    return (struct trace_track){TRACE_DEVICES, 100 + device};
}

int64_t trace_round_ns(const struct round_record *record, double us)
{
    return trace_ns(record->start_us + us);
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
        path.ns[i] = trace_round_ns(record, latest_us);
    }
    return path;
}

/* No argument of the span: the latency equations have no term for it, or it carries no bytes. */
#define NONE ((double)NAN)

static void add_span(struct trace_events *events, struct trace_track track, const char *name,
                     int64_t from_ns, int64_t to_ns, double predicted_s, uint64_t bytes)
{
    const struct trace_arg args[] = {{"predicted_us", predicted_s * 1e6},
                                     {"bytes", bytes > 0 ? (double)bytes : NONE}};
    trace_span(events, track, name, from_ns, to_ns, args, ARRAY_LEN(args));
}

/* From each instant to the next one span. */
static void add_device(struct trace_events *events, const struct round_record *record, int device,
                       const struct path *path)
{
    const struct latency_terms *predicted = &record->predicted;
    const struct device_record *d = &record->devices[device];
    bool is_handed = record->measured.handover_s[device] > 0;
    const char *before_forward = is_handed ? "hand-over" : "wait";
    const char *after_backward = is_handed && record->n_turns > 1 ? "hand-over" : "wait";
    const struct {
        const char *name;
        double predicted_s;
        uint64_t bytes;
    } spans[N_INSTANTS - 1] = {
        [ROUND_START] = {"wait", NONE, 0},
        [TURN_START] = {before_forward, NONE, 0},
        [FORWARD] = {"forward", predicted->device_forward_s[device], 0},
        [FORWARD_END] = {"uplink", predicted->uplink_s[device], d->uplink_bytes},
        [ARRIVED] = {"wait", NONE, 0},
        [GRADIENTS] = {"broadcast", predicted->broadcast_s, record->broadcast_bytes},
        [BROADCAST_END] = {"downlink", predicted->downlink_s[device], d->downlink_bytes},
        [BACKWARD] = {"backward", predicted->device_backward_s[device], 0},
        [BACKWARD_END] = {after_backward, NONE, 0},
        [DONE] = {"wait", NONE, 0},
    };
    for (int i = 0; i < N_INSTANTS - 1; i++)
        add_span(events, trace_device_track(device), spans[i].name, path->ns[i], path->ns[i + 1],
                 spans[i].predicted_s, spans[i].bytes);
}

/* Server and air in the turn of devices [first, first + n). */
static void add_turn(struct trace_events *events, const struct round_record *record, int first,
                     int n, const struct path *paths)
{
    const struct latency_terms *predicted = &record->predicted;
    const struct turn_times *turn = round_record_turn(record, first);
    int64_t up_ns = INT64_MAX, arrived_ns = 0, down_ns = 0;
    uint64_t up_bytes = 0, down_bytes = 0;
    for (int i = first; i < first + n; i++) {
        up_ns = paths[i].ns[FORWARD_END] < up_ns ? paths[i].ns[FORWARD_END] : up_ns;
        arrived_ns = paths[i].ns[ARRIVED] > arrived_ns ? paths[i].ns[ARRIVED] : arrived_ns;
        down_ns = paths[i].ns[BACKWARD] > down_ns ? paths[i].ns[BACKWARD] : down_ns;
        up_bytes += record->devices[i].uplink_bytes;
        down_bytes += record->devices[i].downlink_bytes;
    }
    int64_t forward_ns = trace_round_ns(record, turn->forward_us),
            backward_ns = trace_round_ns(record, turn->backward_us),
            gradients_ns = trace_round_ns(record, turn->gradients_us),
            broadcast_end_ns = trace_round_ns(record, turn->broadcast_end_us);
    add_span(events, TRACE_COMPUTING, "forward", forward_ns, backward_ns,
             predicted->server_forward_s / record->n_turns, 0);
    add_span(events, TRACE_COMPUTING, "backward", backward_ns, gradients_ns,
             predicted->server_backward_s / record->n_turns, 0);
    add_span(events, TRACE_UPLINK, "uplink", up_ns, arrived_ns, NONE, up_bytes);
    add_span(events, TRACE_BROADCAST, "broadcast", gradients_ns, broadcast_end_ns,
             predicted->broadcast_s, record->broadcast_bytes);
    add_span(events, TRACE_DOWNLINK, "downlink", broadcast_end_ns, down_ns, NONE, down_bytes);
}

/* A change of the bytes in flight. */
struct change {
    int64_t ns, bytes;
};

static int by_time(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    return (x->ns > y->ns) - (x->ns < y->ns);
}

/* One value for each instant at which there are changes. */
static void add_counter(struct trace_events *events, const char *name, struct change *changes,
                        size_t n)
{
    struct trace_arg value = {"bytes", 0};
    qsort(changes, n, sizeof *changes, by_time);
    for (size_t i = 0; i < n; i++) {
        value.value += (double)changes[i].bytes;
        if (i + 1 == n || changes[i + 1].ns != changes[i].ns)
            trace_counter(events, TRACE_AIR, name, changes[i].ns, &value);
    }
}

/* Bytes of every device between two of its instants. */
static void count_between(struct trace_events *events, const char *name,
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
    add_counter(events, name, changes, n);
    free(changes);
}

static void add_bytes(struct trace_events *events, const struct round_record *record,
                      const struct path *paths)
{
    count_between(events, "uplink in flight", record, paths, FORWARD_END, ARRIVED);
    count_between(events, "downlink in flight", record, paths, BROADCAST_END, BACKWARD);
    int64_t bytes = (int64_t)record->broadcast_bytes;
    struct change broadcast[] = {{paths[0].ns[GRADIENTS], bytes},
                                 {paths[0].ns[BROADCAST_END], -bytes}};
    if (bytes > 0) /* never when devices take turns */
        add_counter(events, "broadcast in flight", broadcast, ARRAY_LEN(broadcast));
}

static void add_round(struct trace_events *events, const struct round_record *record,
                      const struct path *path)
{
    const struct trace_arg loss = {"training", record->loss}, accuracy = {"test", record->accuracy};
    const struct trace_arg args[] = {{"cut", record->cut},
                                     {"measured_us", record->measured_s * 1e6},
                                     {"predicted_us", record->predicted_s * 1e6},
                                     {"overruns", record->n_overruns},
                                     {"is_late", record->is_late}};
    int64_t from_ns = path->ns[ROUND_START], to_ns = path->ns[ROUND_END];
    char name[32];
    snprintf(name, sizeof name, "round %" PRIu32, record->round);
    trace_span(events, TRACE_ROUNDS, name, from_ns, to_ns, args, ARRAY_LEN(args));
    if (record->has_learned)
        trace_counter(events, TRACE_SERVER, "loss", to_ns, &loss);
    if (record->is_evaluated)
        trace_counter(events, TRACE_SERVER, "accuracy", to_ns, &accuracy);
}

void trace_round_add(struct trace_events *events, const struct round_record *record)
{
    int n_devices = record->measured.n_devices, per_turn = n_devices / record->n_turns;
    struct path *paths = mem_zero((size_t)n_devices, sizeof *paths);
    for (int i = 0; i < n_devices; i++)
        paths[i] = path_of(record, i);
    add_round(events, record, &paths[0]);
    for (int turn = 0; turn < record->n_turns; turn++)
        add_turn(events, record, turn * per_turn, per_turn, paths);
    for (int i = 0; i < n_devices; i++)
        add_device(events, record, i, &paths[i]);
    add_bytes(events, record, paths);
    free(paths);
}
