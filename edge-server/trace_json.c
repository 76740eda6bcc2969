/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/trace_json.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "edge-server/trace_round.h"

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

void trace_json_begin(struct trace_json *trace, struct strbuf *out)
{
    struct trace_events events = {out, 0};
    char *server = mem_format("server of %s", trace->e->name);
    strbuf_addf(out, "[\n");
    trace_name_process(&events, TRACE_SERVER, server);
    trace_name_thread(&events, TRACE_ROUNDS, "rounds");
    trace_name_thread(&events, TRACE_COMPUTING, "computing");
    trace_name_process(&events, TRACE_AIR, "air");
    trace_name_thread(&events, TRACE_UPLINK, "uplink");
    trace_name_thread(&events, TRACE_BROADCAST, "broadcast");
    trace_name_thread(&events, TRACE_DOWNLINK, "downlink");
    trace_name_process(&events, TRACE_DEVICES, "devices");
    for (int i = 0; i < trace->e->n_devices; i++)
        trace_name_thread(&events, trace_device_track(i), trace->e->devices[i].name);
    free(server);
    trace->n_events = events.n;
}

/* Once for each time that the device was asked, where the first round begins that it holds for. */
static void add_clock(struct trace_json *trace, struct trace_events *events,
                      const struct round_record *record, int device)
{
    const struct device_record *d = &record->devices[device];
    struct clock_said *said = &trace->clocks[device];
    if (!d->has_clock || (d->clock_offset_s == said->offset_s && d->clock_bound_s == said->bound_s))
        return;
    *said = (struct clock_said){d->clock_offset_s, d->clock_bound_s};
    const struct trace_arg args[] = {{"offset_us", d->clock_offset_s * 1e6},
                                     {"bound_us", d->clock_bound_s * 1e6}};
    char *name = mem_format("clock offset %+.0f us, at most %.0f us off", args[0].value,
                            ceil(args[1].value));
    trace_instant(events, trace_device_track(device), name, trace_round_ns(record, 0), args,
                  ARRAY_LEN(args));
    free(name);
}

static bool is_traced(const struct trace_json *trace, const struct round_record *record)
{
    return !trace->is_full && record->round <= (uint32_t)trace->e->testbed.trace_rounds;
}

/* In place of a round that does not fit. */
static void add_full(struct trace_events *events, const struct round_record *record)
{
    trace_global_instant(events, TRACE_ROUNDS, "the trace ends here: it has no room for more",
                         trace_round_ns(record, 0));
}

void trace_json_add(struct trace_json *trace, const struct round_record *record, struct strbuf *out)
{
    assert(record->n_turns == 1 || record->n_turns == record->measured.n_devices);
    if (!is_traced(trace, record))
        return;
    struct trace_events events = {out, trace->n_events};
    size_t n_before = out->n;
    for (int i = 0; i < record->measured.n_devices; i++)
        add_clock(trace, &events, record, i);
    trace_round_add(&events, record);
    trace->is_full = events.n > trace->max_events;
    if (trace->is_full) {
        out->n = n_before;
        out->text[n_before] = '\0';
        add_full(&events, record);
    }
    trace->n_events = events.n;
}
