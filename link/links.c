/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/links.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "link/csv.h"
#include "link/streams.h"

struct links {
    uint64_t seed;
    int n_devices;
    struct impairments impairments;
    struct outages *outages; /* [n_devices], or NULL */
    /* [uplink, downlink][n_devices]: a recording or NULL, and whether a row named the device */
    const struct trace **replayed[2];
    bool *is_named[2];
    char *paths[LINKS_MAX_TRACES];
    struct trace *traces[LINKS_MAX_TRACES]; /* each file once */
    int n_traces;
};

char *links_recording_path(const char *list, const char *name)
{
    const char *slash = strrchr(list, '/');

    if (name[0] == '/' || !slash)
        return mem_string(name);
    return mem_format("%.*s/%s", (int)(slash - list), list, name);
}

/* NULL with the error at the row that names it. */
static const struct trace *find_trace(struct links *links, const struct csv *csv, struct err *err)
{
    char *path = links_recording_path(csv->path, csv->field[2]);
    struct err why = ERR_INIT;

    for (int i = 0; i < links->n_traces; i++)
        if (strcmp(links->paths[i], path) == 0) {
            free(path);
            return links->traces[i];
        }
    struct trace *trace = links->n_traces < LINKS_MAX_TRACES ? trace_load(path, &why) : NULL;
    if (!trace) {
        if (links->n_traces == LINKS_MAX_TRACES)
            csv_error(csv, err, "more than %d recordings", LINKS_MAX_TRACES);
        else
            csv_error(csv, err, "%s", why.text);
        free(path);
        return NULL;
    }
    links->paths[links->n_traces] = path;
    links->traces[links->n_traces++] = trace;
    return trace;
}

static int read_row(struct links *links, const struct name_index *devices, const struct csv *csv,
                    struct err *err)
{
    bool is_all = strcmp(csv->field[0], "*") == 0;
    bool is_down = strcmp(csv->field[1], "downlink") == 0;
    int device = is_all ? 0 : name_index_find(devices, csv->field[0]);

    if (device < 0)
        return csv_error(csv, err, "device '%.64s': there is none of that name", csv->field[0]);
    if (!is_down && strcmp(csv->field[1], "uplink") != 0)
        return csv_error(csv, err, "direction '%.64s': must be uplink or downlink", csv->field[1]);
    const struct trace *trace = find_trace(links, csv, err);
    if (!trace)
        return -1;
    if (!is_all && links->is_named[is_down][device])
        return csv_error(csv, err, "device '%.64s' has a recording for its %s already",
                         csv->field[0], csv->field[1]);
    for (int i = device; i < (is_all ? links->n_devices : device + 1); i++)
        if (!is_all || !links->is_named[is_down][i])
            links->replayed[is_down][i] = trace;
    if (!is_all)
        links->is_named[is_down][device] = true;
    return 0;
}

int links_load_traces(struct links *links, const struct name_index *devices, const char *path,
                      struct err *err)
{
    struct csv csv;
    int status;

    if (csv_open(&csv, path, err))
        return -1;
    status = csv_has_columns(&csv, LINKS_TRACE_COLUMNS)
                 ? 0
                 : csv_error(&csv, err, "the columns must be " LINKS_TRACE_COLUMNS);
    while (!status && (status = csv_next(&csv, err)) > 0)
        status = read_row(links, devices, &csv, err);
    csv_close(&csv);
    return status;
}

static void free_outages(struct links *links)
{
    for (int i = 0; links->outages && i < links->n_devices; i++)
        outages_release(&links->outages[i]);
    free(links->outages);
    links->outages = NULL;
}

int links_load_outages(struct links *links, const struct name_index *devices, const char *path,
                       struct err *err)
{
    free_outages(links);
    links->outages = mem_zero((size_t)links->n_devices, sizeof *links->outages);
    return outages_load(links->outages, devices, path, err);
}

struct links *links_new(const struct links_settings *settings)
{
    struct links *links = mem_zero(1, sizeof *links);
    size_t n = (size_t)settings->n_devices;

    links->seed = settings->seed;
    links->n_devices = settings->n_devices;
    links->impairments = settings->impairments;
    for (int direction = 0; direction < 2; direction++) {
        links->replayed[direction] = mem_zero(n, sizeof *links->replayed[direction]);
        links->is_named[direction] = mem_zero(n, sizeof(bool));
    }
    if (!(settings->up_mean_s > 0))
        return links;
    links->outages = mem_zero(n, sizeof *links->outages);
    for (int i = 0; i < settings->n_devices; i++)
        outages_init_drawn(&links->outages[i], settings->up_mean_s, settings->down_mean_s,
                           settings->seed, channel_stream(CHANNEL_OUTAGES, i, 0));
    return links;
}

void links_free(struct links *links)
{
    if (!links)
        return;
    free_outages(links);
    for (int i = 0; i < links->n_traces; i++) {
        trace_free(links->traces[i]);
        free(links->paths[i]);
    }
    for (int direction = 0; direction < 2; direction++) {
        free(links->replayed[direction]);
        free(links->is_named[direction]);
    }
    free(links);
}

bool links_are_ideal(const struct links *links)
{
    const struct impairments *i = &links->impairments;

    return !links->outages && links->n_traces == 0 && i->delay_s == 0 && i->jitter_s == 0 &&
           i->loss == 0;
}

bool link_goes_up(enum link_direction direction)
{
    return direction == LINK_UPLINK || direction == LINK_GIVEN || direction == LINK_FRONT;
}

struct arrival links_transfer(struct links *links, enum link_direction direction, int device,
                              uint32_t round, double start_s, double rate_bps, double bits)
{
    static const enum channel_purpose purposes[] = {
        [LINK_UPLINK] = CHANNEL_UPLINK,
        [LINK_DOWNLINK] = CHANNEL_DOWNLINK,
        [LINK_BROADCAST] = CHANNEL_BROADCAST,
        [LINK_GIVEN] = CHANNEL_GIVEN,
        [LINK_FRONT] = CHANNEL_FRONT,
        [LINK_GAINED] = CHANNEL_GAINED,
        [LINK_GAINED_BY_ALL] = CHANNEL_GAINED_BY_ALL,
    };
    struct capacity capacity = {
        .rate_bps = rate_bps,
        .trace = links->replayed[!link_goes_up(direction)][device],
        .outages = links->outages ? &links->outages[device] : NULL,
    };
    struct arrival arrival = {0};
    struct rng rng;

    if (!(bits > 0))
        return arrival;
    arrival.at_s = HUGE_VAL;
    if (!(start_s < HUGE_VAL) || (!capacity.trace && !(rate_bps > 0)))
        return arrival;
    rng_seed(&rng, links->seed, channel_stream(purposes[direction], device, round));
    arrival = capacity_arrival(&capacity, &links->impairments, &rng, start_s, bits);
    arrival.at_s -= start_s;
    return arrival;
}
