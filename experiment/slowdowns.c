/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/slowdowns.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "link/csv.h"

#define MAX_TIME_S 1e9

static int add_row(struct slowdown *slowdown, const struct csv *csv, struct err *err)
{
    struct slowdown_step step;
    if (csv_number(csv, 0, "at_s", 0, MAX_TIME_S, &step.at_s, err) ||
        csv_number(csv, 1, "factor", SLOWDOWN_MIN_FACTOR, SLOWDOWN_MAX_FACTOR, &step.factor, err))
        return -1;
    if (slowdown->n > 0 && !(step.at_s > slowdown->steps[slowdown->n - 1].at_s))
        return csv_error(csv, err, "at_s '%s': must be later than the row before", csv->field[0]);
    slowdown->steps =
        mem_grow(slowdown->steps, slowdown->n, &slowdown->capacity, sizeof *slowdown->steps);
    slowdown->steps[slowdown->n++] = step;
    return 0;
}

int slowdown_load(struct slowdown *slowdown, const char *path, struct err *err)
{
    struct csv csv;
    *slowdown = (struct slowdown){.n = 0};
    if (csv_open(&csv, path, err))
        return -1;
    int status = csv_has_columns(&csv, "at_s,factor")
                     ? 0
                     : csv_error(&csv, err, "the columns must be at_s,factor");
    while (!status && (status = csv_next(&csv, err)) > 0)
        status = add_row(slowdown, &csv, err);
    if (!status && slowdown->n == 0)
        status = csv_error(&csv, err, "there are no rows");
    csv_close(&csv);
    if (status)
        slowdown_release(slowdown);
    return status;
}

double slowdown_factor(const struct slowdown *slowdown, double at_s)
{
    size_t low = 0, high = slowdown->n; /* steps[0..low) have begun */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slowdown->steps[middle].at_s <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? slowdown->steps[low - 1].factor : 1;
}

void slowdown_release(struct slowdown *slowdown)
{
    free(slowdown->steps);
    *slowdown = (struct slowdown){.n = 0};
}

struct slowdowns {
    struct slowdown *files;
    size_t n, capacity;
    size_t *file_of; /* [C] index into files plus 1; 0: none */
};

/* Devices of a group stand behind each other: their file is read once. */
static int load_all(struct slowdowns *slowdowns, const struct experiment *e, struct err *err)
{
    const char *before = NULL;
    for (int i = 0; i < e->n_devices; i++) {
        const char *path = e->devices[i].slowdown;
        if (path && (!before || strcmp(path, before) != 0)) {
            slowdowns->files = mem_grow(slowdowns->files, slowdowns->n, &slowdowns->capacity,
                                        sizeof *slowdowns->files);
            if (slowdown_load(&slowdowns->files[slowdowns->n], path, err))
                return err_prefix(err, "device %s: slowdown", e->devices[i].name);
            slowdowns->n++;
            before = path;
        }
        slowdowns->file_of[i] = path ? slowdowns->n : 0;
    }
    return 0;
}

struct slowdowns *slowdowns_new(const struct experiment *e, struct err *err)
{
    struct slowdowns *slowdowns = mem_zero(1, sizeof *slowdowns);
    slowdowns->file_of = mem_zero((size_t)e->n_devices, sizeof *slowdowns->file_of);
    if (load_all(slowdowns, e, err) == 0)
        return slowdowns;
    slowdowns_free(slowdowns);
    return NULL;
}

void slowdowns_free(struct slowdowns *slowdowns)
{
    if (!slowdowns)
        return;
    for (size_t i = 0; i < slowdowns->n; i++)
        slowdown_release(&slowdowns->files[i]);
    free(slowdowns->files);
    free(slowdowns->file_of);
    free(slowdowns);
}

bool slowdowns_are_none(const struct slowdowns *slowdowns)
{
    return slowdowns->n == 0;
}

double slowdowns_factor(const struct slowdowns *slowdowns, int device, double at_s)
{
    size_t file = slowdowns->file_of[device];
    return file > 0 ? slowdown_factor(&slowdowns->files[file - 1], at_s) : 1;
}
