/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/outages.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "link/csv.h"

#define MAX_TIME_S 1e9

void outages_init(struct outages *outages)
{
    *outages = (struct outages){.n = 0};
}

void outages_init_drawn(struct outages *outages, double mean_up_s, double mean_down_s,
                        uint64_t seed, uint64_t stream)
{
    *outages = (struct outages){.mean_up_s = mean_up_s, .mean_down_s = mean_down_s};
    rng_seed(&outages->rng, seed, stream);
}

void outages_release(struct outages *outages)
{
    free(outages->list);
    *outages = (struct outages){.n = 0};
}

static void add(struct outages *outages, double down_s, double up_s)
{
    outages->list = mem_grow(outages->list, outages->n, &outages->capacity, sizeof(struct outage));
    outages->list[outages->n++] = (struct outage){down_s, up_s};
}

static double last_up_s(const struct outages *outages)
{
    return outages->n ? outages->list[outages->n - 1].up_s : 0;
}

static int add_row(struct outages *outages, const struct name_index *devices, const struct csv *csv,
                   struct err *err)
{
    bool is_all = strcmp(csv->field[0], "*") == 0;
    int device = is_all ? 0 : name_index_find(devices, csv->field[0]);
    double down_s, up_s;

    if (device < 0)
        return csv_error(csv, err, "device '%.64s': there is none of that name", csv->field[0]);
    if (csv_number(csv, 1, "down_s", 0, MAX_TIME_S, &down_s, err) ||
        csv_number(csv, 2, "up_s", 0, MAX_TIME_S, &up_s, err))
        return -1;
    if (!(up_s > down_s))
        return csv_error(csv, err, "up_s '%s': must be later than down_s", csv->field[2]);
    for (int i = device; i < (is_all ? devices->n : device + 1); i++) {
        if (down_s < last_up_s(&outages[i]))
            return csv_error(csv, err, "down_s '%s': device '%.64s' is not up again before %g s",
                             csv->field[1], devices->names[i], last_up_s(&outages[i]));
        add(&outages[i], down_s, up_s);
    }
    return 0;
}

int outages_load(struct outages *outages, const struct name_index *devices, const char *path,
                 struct err *err)
{
    struct csv csv;
    int status;

    if (csv_open(&csv, path, err))
        return -1;
    status = csv_has_columns(&csv, "device,down_s,up_s")
                 ? 0
                 : csv_error(&csv, err, "the columns must be device,down_s,up_s");
    while (!status && (status = csv_next(&csv, err)) > 0)
        status = add_row(outages, devices, &csv, err);
    csv_close(&csv);
    return status;
}

bool outages_next(struct outages *outages, double t_s, struct outage *next)
{
    size_t low = 0, high;

    while (outages->mean_up_s > 0 && last_up_s(outages) <= t_s && outages->n < OUTAGES_MAX) {
        double down_s = last_up_s(outages) + outages->mean_up_s * rng_exponential(&outages->rng);
        add(outages, down_s, down_s + outages->mean_down_s * rng_exponential(&outages->rng));
    }
    high = outages->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (outages->list[middle].up_s <= t_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == outages->n)
        return false;
    *next = outages->list[low];
    return true;
}
