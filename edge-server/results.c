/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/results.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "edge-server/phase.h"

/* A table on disk; a row is written whole or not at all. */
struct table {
    int fd; /* -1: not open */
    off_t n_bytes;
};

struct results {
    struct table rounds, devices;
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

/* Appends and releases the text. */
static int append(struct results *r, struct table *table, struct strbuf *text, struct err *err)
{
    int status = 0;
    errno = ENOSPC; /* what a short write means */
    if (write(table->fd, text->text, text->n) == (ssize_t)text->n) {
        table->n_bytes += (off_t)text->n;
    } else {
        status = err_set_errno(err, "cannot write the results in '%s'", r->dir);
        if (ftruncate(table->fd, table->n_bytes))
            status = -1; /* a part of a row stays: nothing more can be done */
    }
    strbuf_release(text);
    return status;
}

static int write_headers(struct results *r, struct err *err)
{
    struct strbuf rounds = STRBUF_INIT, devices = STRBUF_INIT;
    strbuf_addf(&rounds,
                "round,cut,loss,accuracy,test_loss,latency_predicted_s,latency_measured_s");
    strbuf_addf(&devices, "round,device,name,loss");
    for (size_t i = 0; i < n_phases; i++) {
        const char *key = phases[i].key;
        strbuf_addf(&rounds, ",%s_predicted_s,%s_measured_s", key, key);
        if (phases[i].is_per_device)
            strbuf_addf(&devices, ",%s_predicted_s,%s_measured_s", key, key);
    }
    strbuf_addf(&rounds, ",uplink_bytes,downlink_bytes,broadcast_bytes,handover_bytes,"
                         "columns_below_last,server_busy_s,overruns,is_late,plan_round\n");
    strbuf_addf(&devices, ",forward_busy_s,backward_busy_s,overruns\n");
    int status = append(r, &r->rounds, &rounds, err);
    return append(r, &r->devices, &devices, status ? NULL : err) || status ? -1 : 0;
}

struct results *results_open(const char *dir, const struct experiment *e, bool takes_turns,
                             struct err *err)
{
    struct results *r = mem_zero(1, sizeof *r);
    r->dir = mem_string(dir);
    r->e = e;
    r->takes_turns = takes_turns;
    r->rounds.fd = r->devices.fd = -1;
    if (open_table(&r->rounds, dir, "rounds.csv", err) ||
        open_table(&r->devices, dir, "devices.csv", err) || write_headers(r, err)) {
        results_close(r, NULL);
        return NULL;
    }
    return r;
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
    strbuf_addf(s, ",%.9g,%.9g", record->predicted_s, record->measured_s);
    for (size_t i = 0; i < n_phases; i++)
        strbuf_addf(s, ",%.9g,%.9g", phase_of_round(&phases[i], &record->predicted, r->takes_turns),
                    phase_of_round(&phases[i], &record->measured, r->takes_turns));
    strbuf_addf(
        s, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%d,%.9g,%" PRIu32 ",%d,%" PRIu32 "\n",
        record->uplink_bytes, record->downlink_bytes, record->broadcast_bytes,
        record->handover_bytes, record->columns_below_last, record->server_busy_s,
        record->n_overruns, record->is_late, record->plan_round);
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
            strbuf_addf(s, ",%.9g,%.9g", phase_of_device(&phases[k], &record->predicted, i),
                        phase_of_device(&phases[k], &record->measured, i));
    strbuf_addf(s, ",%.9g,%.9g,%" PRIu32 "\n", device->forward_busy_s, device->backward_busy_s,
                device->n_overruns);
}

int results_write(struct results *r, const struct round_record *record, struct err *err)
{
    struct strbuf round = STRBUF_INIT, devices = STRBUF_INIT;
    print_round(&round, r, record);
    for (int i = 0; i < r->e->n_devices; i++)
        print_device(&devices, r, record, i);
    int status = append(r, &r->rounds, &round, err);
    return append(r, &r->devices, &devices, status ? NULL : err) || status ? -1 : 0;
}

int results_close(struct results *r, struct err *err)
{
    if (!r)
        return 0;
    int status = 0;
    struct table *tables[] = {&r->rounds, &r->devices};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        if (tables[i]->fd >= 0 && close(tables[i]->fd))
            status = err_set_errno(err, "cannot write the results in '%s'", r->dir);
    free(r->dir);
    free(r);
    return status;
}
