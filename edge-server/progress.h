/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Progress of a run on standard output: on a terminal one line that is written over, otherwise a plain line
 * every few seconds and at every evaluation.
 */
#ifndef EDGE_SERVER_PROGRESS_H
#define EDGE_SERVER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "edge-server/record.h"

struct progress {
    bool is_terminal;
    uint32_t n_rounds;
    int64_t start_us, last_us; /* wall clock */
    double accuracy;           /* of the last evaluation; < 0: none yet */
};

void progress_start(struct progress *progress, uint32_t n_rounds, int64_t now_us);
void progress_show(struct progress *progress, const struct round_record *record, int64_t now_us);
void progress_end(struct progress *progress); /* leaves the cursor on a new line */

#endif
