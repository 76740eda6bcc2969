/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phases of a round as results name them, one row each: the columns of rounds.csv, the columns of
 * devices.csv, and the lines of the summary are made from this table.
 */
#ifndef EDGE_SERVER_PHASE_H
#define EDGE_SERVER_PHASE_H

#include <stdbool.h>
#include <stddef.h>

#include "scheduler/latency.h"

struct phase {
    const char *key;   /* "uplink": columns uplink_predicted_s, uplink_measured_s */
    const char *label; /* "uplink" for people */
    size_t offset;     /* of the term in struct latency_terms */
    bool is_per_device;
};

extern const struct phase phases[];
extern const size_t n_phases;

/* A device's own value; is_per_device phases only. */
double phase_of_device(const struct phase *phase, const struct latency_terms *terms, int device);

/* The round's: the slowest device's, or when devices take turns the sum over them. */
double phase_of_round(const struct phase *phase, const struct latency_terms *terms,
                      bool takes_turns);

#endif
