/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/results.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "edge-server/phase.h"
#include "edge-server/trace_json.h"

/* A file that grows; what is added is written whole or not at all. */
struct table {
    int fd; /* -1: not open */
    off_t n_bytes;
};

struct results {
    struct table rounds, devices, trace;
    struct trace_json *timeline; /* NULL: no trace */
    char *dir;
    const struct experiment *e;
    bool takes_turns;
};

static int open_table(struct table *table, const char *dir, const char *name, struct err *err)
{
    char *path = mem_format("%s/%s", dir, name);
    table->n_bytes = 0;
    table->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int status = table->fd < 0 ? err_set_errno(err, "cannot make '%s'", path) : 0;
    free(path);
    return status;
}

/*
 * Appends and releases the text. Of its end the last n_open bytes are written over the next time: they close a
 * document that goes on.
 */
static int append_open(struct results *r, struct table *table, struct strbuf *text, size_t n_open,
                       struct err *err)
{
    int status = 0;
    errno = ENOSPC; /* what a short write means */
    if (pwrite(table->fd, text->text, text->n, table->n_bytes) == (ssize_t)text->n) {
        table->n_bytes += (off_t)(text->n - n_open);
    } else {
        status = err_set_errno(err, "cannot write the results in '%s'", r->dir);
        if (ftruncate(table->fd, table->n_bytes))
            status = -1; /* a part of a row stays: nothing more can be done */
    }
    strbuf_release(text);
    return status;
}

static int append(struct results *r, struct table *table, struct strbuf *text, struct err *err)
{
    return append_open(r, table, text, 0, err);
}

static int append_events(struct results *r, struct strbuf *text, struct err *err)
{
    strbuf_addf(text, TRACE_JSON_END);
    return append_open(r, &r->trace, text, strlen(TRACE_JSON_END), err);
}

static void add_phase_columns(struct strbuf *header, const char *key)
{
    strbuf_addf(header, ",%s_predicted_s,%s_measured_s,%s_difference_s", key, key, key);
}

static int write_headers(struct results *r, struct err *err)
{
    struct strbuf rounds = STRBUF_INIT, devices = STRBUF_INIT;
    strbuf_addf(&rounds, "round,cut,loss,accuracy,test_loss,latency_predicted_s,latency_measured_s,"
                         "latency_difference_s");
    strbuf_addf(&devices, "round,device,name,loss");
    for (size_t i = 0; i < n_phases; i++) {
        const char *key = phases[i].key;
        add_phase_columns(&rounds, key);
        if (phases[i].is_per_device)
            add_phase_columns(&devices, key);
    }
    strbuf_addf(&rounds, ",uplink_bytes,downlink_bytes,broadcast_bytes,handover_bytes,"
                         "columns_below_last,server_busy_s,overruns,is_late,plan_round,"
                         "broadcast_asked_bps,broadcast_achieved_bps\n");
    strbuf_addf(&devices, ",forward_busy_s,backward_busy_s,overruns,uplink_bytes,downlink_bytes,"
                          "uplink_asked_bps,uplink_achieved_bps,downlink_asked_bps,"
                          "downlink_achieved_bps,clock_offset_s,clock_bound_s\n");
    int status = append(r, &r->rounds, &rounds, err);
    return append(r, &r->devices, &devices, status ? NULL : err) || status ? -1 : 0;
}

static int open_trace(struct results *r, const char *dir, struct err *err)
{
    struct strbuf text = STRBUF_INIT;
    if (r->e->testbed.trace_rounds == 0)
        return 0;
    if (open_table(&r->trace, dir, "trace.json", err))
        return -1;
    r->timeline = trace_json_new(r->e, TRACE_JSON_MAX_EVENTS);
    trace_json_begin(r->timeline, &text);
    return append_events(r, &text, err);
}

struct results *results_open(const char *dir, const struct experiment *e, bool takes_turns,
                             struct err *err)
{
    struct results *r = mem_zero(1, sizeof *r);
    r->dir = mem_string(dir);
    r->e = e;
    r->takes_turns = takes_turns;
    r->rounds.fd = r->devices.fd = r->trace.fd = -1;
    if (open_table(&r->rounds, dir, "rounds.csv", err) ||
        open_table(&r->devices, dir, "devices.csv", err) || write_headers(r, err) ||
        open_trace(r, dir, err)) {
        results_close(r, NULL);
        return NULL;
    }
    return r;
}

static void print_compared(struct strbuf *s, double predicted_s, double measured_s)
{
    strbuf_addf(s, ",%.9g,%.9g,%.9g", predicted_s, measured_s, measured_s - predicted_s);
}

/* Empty: a link that was not asked for a rate, or that carried nothing. */
static void print_rates(struct strbuf *s, double asked_bps, uint64_t bytes, double measured_s)
{
    strbuf_addf(s, ",");
    if (asked_bps > 0)
        strbuf_addf(s, "%.9g", asked_bps);
    strbuf_addf(s, ",");
    if (bytes > 0 && measured_s > 0)
        strbuf_addf(s, "%.9g", 8 * (double)bytes / measured_s);
}

/* %.17g: the same bits come back when read. */
static void print_round(struct strbuf *s, const struct results *r,
                        const struct round_record *record)
{
    strbuf_addf(s, "%" PRIu32 ",%d,", record->round, record->cut);
    if (record->has_learned)
        strbuf_addf(s, "%.17g", record->loss);
    strbuf_addf(s, ",");
    if (record->is_evaluated)
        strbuf_addf(s, "%.6g,%.17g", record->accuracy, record->test_loss);
    else
        strbuf_addf(s, ",");
    print_compared(s, record->predicted_s, record->measured_s);
    for (size_t i = 0; i < n_phases; i++)
        print_compared(s, phase_of_round(&phases[i], &record->predicted, r->takes_turns),
                       phase_of_round(&phases[i], &record->measured, r->takes_turns));
    strbuf_addf(s,
                ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%d,%.9g,%" PRIu32 ",%d,%" PRIu32,
                record->uplink_bytes, record->downlink_bytes, record->broadcast_bytes,
                record->handover_bytes, record->columns_below_last, record->server_busy_s,
                record->n_overruns, record->is_late, record->plan_round);
    print_rates(s, record->asked.broadcast_bps, record->broadcast_bytes,
                record->measured.broadcast_s);
    strbuf_addf(s, "\n");
}

static void print_device(struct strbuf *s, const struct results *r,
                         const struct round_record *record, int i)
{
    const struct device_record *device = &record->devices[i];
    strbuf_addf(s, "%" PRIu32 ",%d,%s,", record->round, i, r->e->devices[i].name);
    if (record->has_learned)
        strbuf_addf(s, "%.17g", device->loss);
    for (size_t k = 0; k < n_phases; k++)
        if (phases[k].is_per_device)
            print_compared(s, phase_of_device(&phases[k], &record->predicted, i),
                           phase_of_device(&phases[k], &record->measured, i));
    strbuf_addf(s, ",%.9g,%.9g,%" PRIu32 ",%" PRIu64 ",%" PRIu64, device->forward_busy_s,
                device->backward_busy_s, device->n_overruns, device->uplink_bytes,
                device->downlink_bytes);
    print_rates(s, record->asked.uplink_bps[i], device->uplink_bytes, record->measured.uplink_s[i]);
    print_rates(s, record->asked.downlink_bps[i], device->downlink_bytes,
                record->measured.downlink_s[i]);
    if (device->has_clock)
        strbuf_addf(s, ",%.9g,%.3g\n", device->clock_offset_s, device->clock_bound_s);
    else
        strbuf_addf(s, ",,\n");
}

static int write_events(struct results *r, const struct round_record *record, struct err *err)
{
    struct strbuf text = STRBUF_INIT;
    if (!r->timeline)
        return 0;
    trace_json_add(r->timeline, record, &text);
    return text.n > 0 ? append_events(r, &text, err) : 0;
}

int results_write(struct results *r, const struct round_record *record, struct err *err)
{
    struct strbuf round = STRBUF_INIT, devices = STRBUF_INIT;
    print_round(&round, r, record);
    for (int i = 0; i < r->e->n_devices; i++)
        print_device(&devices, r, record, i);
    int status = append(r, &r->rounds, &round, err);
    status |= append(r, &r->devices, &devices, status ? NULL : err);
    return status || write_events(r, record, err) ? -1 : 0;
}

int results_close(struct results *r, struct err *err)
{
    if (!r)
        return 0;
    int status = 0;
    struct table *tables[] = {&r->rounds, &r->devices, &r->trace};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        if (tables[i]->fd >= 0 && close(tables[i]->fd))
            status = err_set_errno(err, "cannot write the results in '%s'", r->dir);
    trace_json_free(r->timeline);
    free(r->dir);
    free(r);
    return status;
}
