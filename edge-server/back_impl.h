/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of the server's learning alone: back.c (turns), back_layers.c (the cut, layers in and out). */
#ifndef EDGE_SERVER_BACK_IMPL_H
#define EDGE_SERVER_BACK_IMPL_H

#include "edge-server/back.h"
#include "models/net_sizes.h"

struct back {
    bool learns; /* otherwise there are sizes and zeros, and neither net nor tape */
    struct net_sizes sizes;
    struct payload *zeros; /* as many as a gradient wants */
    const struct net_spec *spec;
    struct net *net;
    struct tape *tape;
    struct optimizer optimizer;
    float *moments; /* the optimiser's state */
    const struct loss_kind *loss;
    double label_smoothing;
    uint32_t *labels; /* [max_groups][b] */
    struct loss *losses;
    double *ones;       /* [max_groups]: weights of columns that carry lambda_i already */
    int cut, last, end; /* boundaries: layers [cut, last) and the last layer [last, end) */
    int max_groups, batch, n_classes;
    bool aggregates;
    size_t features;
    uint64_t seed, step; /* of what layers draw at random; training batches so far */

    /* The turn. */
    int n_groups, n_slots, columns;
    const double *lambda;
};

/* back_layers.c: the tape and sizes that belong to the cut; back->net is there already. */
int back_settle_cut(struct back *back, int cut, struct err *err);

#endif
