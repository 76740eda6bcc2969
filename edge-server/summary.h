/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person wants to see of a run: the table at its end, with accuracy and the predicted and measured
 * time of every phase (medians over the rounds), how far off they were, and the worst offender: of all phases,
 * devices and rounds the one whose measured time was farthest from the predicted. summary.json holds the same.
 */
#ifndef EDGE_SERVER_SUMMARY_H
#define EDGE_SERVER_SUMMARY_H

#include "base/strbuf.h"
#include "edge-server/phase.h"
#include "edge-server/record.h"
#include "experiment/experiment.h"

struct summary;

/* `e` is borrowed. */
struct summary *summary_new(const struct experiment *e, bool takes_turns);
void summary_free(struct summary *summary);

void summary_add(struct summary *summary, const struct round_record *record);

/* Medians over the rounds, modelled seconds. */
struct summary_times {
    double predicted_s, measured_s;
    double off; /* |measured - predicted| / predicted, where something is predicted; NAN: nowhere */
};

/* There is a round at least. A phase as phase_of_round() has it. */
struct summary_times summary_of_phase(const struct summary *summary, const struct phase *phase);
struct summary_times summary_of_round(const struct summary *summary);

/* A phase of a round, with what was predicted of it and what was measured. */
struct offender {
    const struct phase *phase; /* NULL: there is none */
    int device;                /* -1: a phase of the whole round */
    uint32_t round;
    double predicted_s, measured_s;
};

/*
 * The farthest off, in time, of those whose difference is large (edge-server/record.h); when there is none of these, of
 * all. *n_large, if not NULL: how many are.
 */
struct offender summary_worst(const struct summary *summary, uint64_t *n_large);

void summary_print(const struct summary *summary, struct strbuf *out);

/* The same for programs, as summary.json (docs/RESULTS.md). Fails when the disk does. */
int summary_save(const struct summary *summary, bool is_complete, const char *path,
                 struct err *err);

#endif
