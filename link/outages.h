/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a link carries nothing: intervals [down, up) in seconds, ascending and apart, from a
 * schedule or drawn. An object is one device's; both directions are down together.
 */
#ifndef LINK_OUTAGES_H
#define LINK_OUTAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "link/name_index.h"

/* Drawn outages end after so many. */
#define OUTAGES_MAX 1000000

struct outage {
    double down_s, up_s;
};

struct outages {
    struct outage *list;
    size_t n, capacity;
    /* Drawn ones: lengths of time up and down are exponential with these means; 0: a schedule. */
    double mean_up_s, mean_down_s;
    struct rng rng;
};

/* None at all. */
void outages_init(struct outages *outages);
/* A link that is up for mean_up_s > 0 on average, then down for mean_down_s > 0; up at 0. */
void outages_init_drawn(struct outages *outages, double mean_up_s, double mean_down_s,
                        uint64_t seed, uint64_t stream);
void outages_release(struct outages *outages);

/*
 * A schedule into those of n devices, which have been initialised: columns device,down_s,up_s;
 * device * is every one. A device's outages must be in order and apart. -1 with "path:line: what".
 */
int outages_load(struct outages *outages, const struct name_index *devices, const char *path,
                 struct err *err);

/*
 * The first that ends after t_s, under way or to come; false when there is none. Draws as far as it
 * is asked.
 */
bool outages_next(struct outages *outages, double t_s, struct outage *next);

#endif
