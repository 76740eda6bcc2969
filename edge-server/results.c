/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/results.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "edge-server/phase.h"

struct results {
    FILE *rounds, *devices;
    char *dir;
    const struct experiment *e;
    bool takes_turns;
};

static FILE *open_table(const char *dir, const char *name, struct err *err)
{
    char *path = mem_format("%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    if (!file)
        err_set_errno(err, "cannot write '%s'", path);
    free(path);
    return file;
}

static void write_headers(struct results *r)
{
    fputs("round,cut,loss,accuracy,test_loss,latency_predicted_s,latency_measured_s", r->rounds);
    fputs("round,device,name,loss", r->devices);
    for (size_t i = 0; i < n_phases; i++) {
        fprintf(r->rounds, ",%s_predicted_s,%s_measured_s", phases[i].key, phases[i].key);
        if (phases[i].is_per_device)
            fprintf(r->devices, ",%s_predicted_s,%s_measured_s", phases[i].key, phases[i].key);
    }
    fputs(",uplink_bytes,downlink_bytes,broadcast_bytes,handover_bytes,columns_below_last,"
          "server_busy_s,overruns\n",
          r->rounds);
    fputs(",forward_busy_s,backward_busy_s,overruns\n", r->devices);
}

static int flush(struct results *r, struct err *err)
{
    if (fflush(r->rounds) || fflush(r->devices) || ferror(r->rounds) || ferror(r->devices))
        return err_set_errno(err, "cannot write the results in '%s'", r->dir);
    return 0;
}

struct results *results_open(const char *dir, const struct experiment *e, bool takes_turns,
                             struct err *err)
{
    struct results *r = mem_zero(1, sizeof *r);
    r->dir = mem_string(dir);
    r->e = e;
    r->takes_turns = takes_turns;
    r->rounds = open_table(dir, "rounds.csv", err);
    r->devices = r->rounds ? open_table(dir, "devices.csv", err) : NULL;
    if (r->devices)
        write_headers(r);
    if (!r->devices || flush(r, err)) {
        results_close(r, NULL);
        return NULL;
    }
    return r;
}

/* %.17g: the same bits come back when read. */
static void write_round(struct results *r, const struct round_record *record)
{
    FILE *f = r->rounds;
    fprintf(f, "%" PRIu32 ",%d,%.17g,", record->round, record->cut, record->loss);
    if (record->is_evaluated)
        fprintf(f, "%.6g,%.17g", record->accuracy, record->test_loss);
    else
        fputc(',', f);
    fprintf(f, ",%.9g,%.9g", record->predicted_s, record->measured_s);
    for (size_t i = 0; i < n_phases; i++)
        fprintf(f, ",%.9g,%.9g", phase_of_round(&phases[i], record->predicted, r->takes_turns),
                phase_of_round(&phases[i], &record->measured, r->takes_turns));
    fprintf(f, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%d,%.9g,%" PRIu32 "\n",
            record->uplink_bytes, record->downlink_bytes, record->broadcast_bytes,
            record->handover_bytes, record->columns_below_last, record->server_busy_s,
            record->n_overruns);
}

static void write_device(struct results *r, const struct round_record *record, int i)
{
    FILE *f = r->devices;
    const struct device_record *device = &record->devices[i];
    fprintf(f, "%" PRIu32 ",%d,%s,%.17g", record->round, i, r->e->devices[i].name, device->loss);
    for (size_t k = 0; k < n_phases; k++)
        if (phases[k].is_per_device)
            fprintf(f, ",%.9g,%.9g", phase_of_device(&phases[k], record->predicted, i),
                    phase_of_device(&phases[k], &record->measured, i));
    fprintf(f, ",%.9g,%.9g,%" PRIu32 "\n", device->forward_busy_s, device->backward_busy_s,
            device->n_overruns);
}

int results_write(struct results *r, const struct round_record *record, struct err *err)
{
    write_round(r, record);
    for (int i = 0; i < r->e->n_devices; i++)
        write_device(r, record, i);
    return flush(r, err);
}

int results_close(struct results *r, struct err *err)
{
    if (!r)
        return 0;
    int status = 0;
    FILE *files[] = {r->rounds, r->devices};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (files[i] && fclose(files[i]))
            status = err_set_errno(err, "cannot write the results in '%s'", r->dir);
    free(r->dir);
    free(r);
    return status;
}
