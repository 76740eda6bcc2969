/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Places from a file: columns time_s,device,x_m,y_m, times of a device ascending. Straight and even
 * from one to the next; before the first and after the last a device stands still.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "link/csv.h"
#include "link/mobility_kinds.h"

#define MAX_TIME_S  1e9
#define MAX_PLACE_M 1e6

struct fix {
    double time_s, x_m, y_m;
};

struct track {
    struct fix *fixes;
    size_t n, capacity;
};

struct tracks {
    struct track *list; /* [n] */
    int n;
};

static void positions_free(void *state)
{
    struct tracks *tracks = state;

    for (int i = 0; tracks && i < tracks->n; i++)
        free(tracks->list[i].fixes);
    if (tracks)
        free(tracks->list);
    free(tracks);
}

static int read_row(struct tracks *tracks, const struct name_index *devices, const struct csv *csv,
                    struct err *err)
{
    int device = name_index_find(devices, csv->field[1]);
    struct fix fix;

    if (device < 0)
        return csv_error(csv, err, "device '%.64s': there is none of that name", csv->field[1]);
    if (csv_number(csv, 0, "time_s", 0, MAX_TIME_S, &fix.time_s, err) ||
        csv_number(csv, 2, "x_m", -MAX_PLACE_M, MAX_PLACE_M, &fix.x_m, err) ||
        csv_number(csv, 3, "y_m", -MAX_PLACE_M, MAX_PLACE_M, &fix.y_m, err))
        return -1;
    struct track *track = &tracks->list[device];
    if (track->n && !(fix.time_s > track->fixes[track->n - 1].time_s))
        return csv_error(csv, err, "time_s '%s': must be later than device '%.64s' had before",
                         csv->field[0], csv->field[1]);
    track->fixes = mem_grow(track->fixes, track->n, &track->capacity, sizeof *track->fixes);
    track->fixes[track->n++] = fix;
    return 0;
}

static int load(struct tracks *tracks, const struct mobility_settings *settings, struct err *err)
{
    struct csv csv;
    int status;

    if (csv_open(&csv, settings->positions_path, err))
        return -1;
    status = csv_has_columns(&csv, "time_s,device,x_m,y_m")
                 ? 0
                 : csv_error(&csv, err, "the columns must be time_s,device,x_m,y_m");
    while (!status && (status = csv_next(&csv, err)) > 0)
        status = read_row(tracks, settings->devices, &csv, err);
    csv_close(&csv);
    for (int i = 0; !status && i < tracks->n; i++)
        if (tracks->list[i].n == 0)
            status = err_set(err, "%.400s: no place for device '%s'", settings->positions_path,
                             settings->devices->names[i]);
    return status;
}

static void *positions_open(const struct mobility_settings *settings, struct err *err)
{
    struct tracks *tracks = mem_zero(1, sizeof *tracks);

    tracks->n = settings->n_devices;
    tracks->list = mem_zero((size_t)tracks->n, sizeof *tracks->list);
    if (load(tracks, settings, err) == 0)
        return tracks;
    positions_free(tracks);
    return NULL;
}

static void positions_place(void *state, int device, double time_s, struct position *place)
{
    const struct track *track = &((const struct tracks *)state)->list[device];
    size_t low = 0, high = track->n; /* the first fix after time_s */

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (track->fixes[middle].time_s <= time_s)
            low = middle + 1;
        else
            high = middle;
    }
    const struct fix *from = &track->fixes[low ? low - 1 : 0];
    const struct fix *to = &track->fixes[low < track->n ? low : track->n - 1];
    double way = to->time_s > from->time_s && time_s > from->time_s
                     ? (time_s - from->time_s) / (to->time_s - from->time_s)
                     : 0;
    place->x_m = from->x_m + way * (to->x_m - from->x_m);
    place->y_m = from->y_m + way * (to->y_m - from->y_m);
    place->distance_m = hypot(place->x_m, place->y_m);
}

const struct mobility_kind mobility_positions = {
    .name = "positions",
    .help = "places over time from a file",
    .open = positions_open,
    .place = positions_place,
    .free = positions_free,
};
