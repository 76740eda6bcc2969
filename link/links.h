/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What lies between each device and the server besides the rates the radio gives: recordings that
 * take the place of a rate, outages, delay, jitter and loss. Says how long a transfer takes; pure
 * but for outages, which are drawn as far as they are asked about. A transfer's draws depend on
 * seed, device, direction and round alone.
 *
 * Recordings come from a file with columns device,direction,trace: device * is every one that has
 * no row of its own, direction is uplink or downlink, trace a file for link/trace.h, relative to
 * the folder of this file.
 */
#ifndef LINK_LINKS_H
#define LINK_LINKS_H

#include "link/capacity.h"

#define LINKS_MAX_TRACES 1000

/* The transfers of a round. All that go to devices are over the recording and outages of the downlink. */
enum link_direction {
    LINK_UPLINK,
    LINK_DOWNLINK,
    LINK_BROADCAST,
    LINK_GIVEN,         /* up: layers that a device gives up */
    LINK_FRONT,         /* up: a front part that is handed on */
    LINK_GAINED,        /* down: a front part, layers that a device gains */
    LINK_GAINED_BY_ALL, /* broadcast */
    LINK_N_DIRECTIONS
};

bool link_goes_up(enum link_direction direction);

struct links_settings {
    uint64_t seed;
    int n_devices;
    double up_mean_s, down_mean_s; /* drawn outages; up_mean_s 0: none */
    struct impairments impairments;
};

struct links;

struct links *links_new(const struct links_settings *settings);
void links_free(struct links *links);

/* Files with what they are named for; `devices` are the n_devices. -1 with "path:line: what". */
int links_load_traces(struct links *links, const struct name_index *devices, const char *path,
                      struct err *err);
/*
 * The recording that a row of such a file of traces names: beside it, unless the name is a whole path. To be freed.
 */
#define LINKS_TRACE_COLUMNS "device,direction,trace"
char *links_recording_path(const char *list, const char *name);

/* In place of drawn outages; see link/outages.h. */
int links_load_outages(struct links *links, const struct name_index *devices, const char *path,
                       struct err *err);

/* Whether a transfer takes just bits / rate. */
bool links_are_ideal(const struct links *links);

/*
 * From start_s on the modelled clock until the last bit is there; rate_bps is what the radio gives,
 * not looked at where a recording takes its place. at_s, counted from start_s, is 0 for no bits and
 * INFINITY when it never ends.
 */
struct arrival links_transfer(struct links *links, enum link_direction direction, int device,
                              uint32_t round, double start_s, double rate_bps, double bits);

#endif
