/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `splitbed profile` found, as a table and as a file for other programs. */
#ifndef TESTBED_PROFILE_REPORT_H
#define TESTBED_PROFILE_REPORT_H

#include "base/err.h"
#include "models/profile.h"
#include "models/training_memory.h"
#include "testbed/layer_timing.h"

struct profile_report {
    const struct net_spec *spec;
    struct profile profile;
    struct layer_timing *timings; /* [n_layers] of a batch */
    struct training_memory
        *fronts; /* [n_layers]: layers [0, i + 1) trained; the last is the whole network */
    int batch, threads;
    double peak_flop_per_s;
    const char *instruction_set;
};

/* A line a layer; to standard output. */
void profile_print(const struct profile_report *report);

/* SI units, names with units; see docs/RESULTS.md. */
int profile_save(const struct profile_report *report, const char *path, struct err *err);

/* Bytes a second that a layer's forward and backward read and write at least; FLOP a second; 0 where nothing is timed. */
double profile_bytes_per_s(const struct profile_report *report, int layer);
double profile_flop_per_s(const struct profile_report *report, int layer);

#endif
