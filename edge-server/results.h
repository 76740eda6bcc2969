/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The result folder's tables, rounds.csv (a row a round) and devices.csv (a row a device and round), and its
 * timeline, trace.json (edge-server/trace_json.h). Columns carry their unit in the name, the header line names them; a
 * round's rows and events are written whole as it ends, so that a run that dies leaves every finished round, and
 * trace.json is a whole JSON document at any time. docs/RESULTS.md lists the columns.
 */
#ifndef EDGE_SERVER_RESULTS_H
#define EDGE_SERVER_RESULTS_H

#include "edge-server/record.h"
#include "experiment/experiment.h"

struct results;

/* In folder `dir`, which exists and holds no tables yet. `e` is borrowed. */
struct results *results_open(const char *dir, const struct experiment *e, bool takes_turns,
                             struct err *err);

/* Fails when the disk does. */
int results_write(struct results *results, const struct round_record *record, struct err *err);

int results_close(struct results *results, struct err *err); /* NULL is fine */

#endif
