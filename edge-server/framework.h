/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A split-learning framework as the server sees it: one file edge-server/framework_<name>.c, one row of the
 * table in framework.c. The round logic (server.c) asks these questions and knows no framework by name.
 */
#ifndef EDGE_SERVER_FRAMEWORK_H
#define EDGE_SERVER_FRAMEWORK_H

#include <stdbool.h>

#include "edge-server/back.h"
#include "experiment/experiment.h"

struct framework {
    const char *name, *help;
    /*
     * Devices train one after the other, each on a turn of its own, and hand the front part on through the
     * server; otherwise a round is one turn of all devices at the same time, each with a front of its own.
     */
    bool takes_turns;
    /* phi as the latency equations need it: the share of a batch whose gradient is shared. */
    double (*aggregation_ratio)(const struct experiment *e);
    /*
     * Learning on a turn's gathered activations, after back_forward(): everything to back_update(). Called
     * once a turn; n_slots is ceil(phi b).
     */
    void (*learn)(struct back *back, enum aggregation aggregation, int n_slots);
};

extern const struct framework framework_sl, framework_psl, framework_epsl;

/* For rows of frameworks that aggregate nothing: phi = 0, and every column's own gradient. */
double framework_no_aggregation(const struct experiment *e);
void framework_learn_plainly(struct back *back, enum aggregation aggregation, int n_slots);

const struct framework *framework_find(const char *name); /* NULL when there is none */
const char *const *framework_names(void); /* NULL-terminated, for experiment_choices */

#endif
