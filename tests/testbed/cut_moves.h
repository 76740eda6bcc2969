/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines (virtual_line.h) whose cut moves from round to round as a test wants. */
#ifndef TESTS_TESTBED_CUT_MOVES_H
#define TESTS_TESTBED_CUT_MOVES_H

#include "tests/testbed/virtual_line.h"

/* A network with buffers and a composite; suffix "-dropout": with dropout too. */
#define CUT_MOVES(suffix) "model.file=tests/data/models/cut-moves" suffix ".yaml"

/* Deeper and back, by one layer and by many, over layers with and without weights. Indices: layer - 1. */
#define CUT_MOVES_ROUNDS 9
static const int cut_moves[CUT_MOVES_ROUNDS] = {2, 2, 6, 6, 3, 0, 5, 5, 1};

/* Between line_open() and line_start(): every round, the first too, is cut as `cuts` says. */
static inline void line_move_cut(struct line *line, const int *cuts)
{
    struct plan plan;
    line->cuts = cuts;
    if (schedule_plan_at(&line->schedule, cuts[0], &plan, &line->err))
        fail_msg("%s", line->err.text);
    line->schedule.previous_cut = cuts[0] + 1;
    if (schedule_adopt(&line->schedule, &plan, &line->err))
        fail_msg("%s", line->err.text);
}

#endif
