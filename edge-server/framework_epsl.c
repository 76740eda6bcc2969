/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EPSL (Lin et al., IEEE TMC 2024): parallel split learning where the last layer's gradients of the first
 * n = ceil(phi b) slots are averaged over the devices, run backward once and broadcast once.
 */
#include "edge-server/framework.h"

static double ratio(const struct experiment *e)
{
    return e->training.aggregation_ratio;
}

static void learn(struct back *back, enum aggregation aggregation, int n_slots)
{
    back_backward_last(back);
    back_aggregate(back, aggregation, n_slots);
    back_backward_rest(back);
    back_update(back);
}

const struct framework framework_epsl = {
    .name = "epsl",
    .help = "efficient parallel split learning: last-layer gradients of a share phi are aggregated",
    .takes_turns = false,
    .aggregation_ratio = ratio,
    .learn = learn,
};
