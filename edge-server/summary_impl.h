/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a summary gathers; for summary.c, which gathers and prints, and summary_json.c. */
#ifndef EDGE_SERVER_SUMMARY_IMPL_H
#define EDGE_SERVER_SUMMARY_IMPL_H

#include "edge-server/summary.h"

/* One number a round. */
struct series {
    double *values;
    size_t n, capacity;
};

struct compared {
    struct series predicted, measured;
    struct series off; /* |measured - predicted| / predicted, where something is predicted */
};

struct summary {
    const struct experiment *e;
    bool takes_turns;
    struct compared *phases; /* [n_phases] */
    struct compared round;
    uint32_t n_rounds, n_overrun_rounds, n_overruns, n_late;
    double last_loss, accuracy, test_loss;
    bool has_learned, is_evaluated;
    struct offender worst;
    uint64_t n_compared, n_large; /* phases of devices and rounds */
};

#endif
