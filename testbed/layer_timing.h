/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long each layer of a model really takes on this machine: median seconds of a batch. */
#ifndef TESTBED_LAYER_TIMING_H
#define TESTBED_LAYER_TIMING_H

#include "base/err.h"
#include "models/net_spec.h"

struct layer_timing {
    double forward_s, backward_s; /* of the whole batch */
};

/* Fills timings[n_layers]; takes about a second, or one pass if that is longer. */
int layer_timing_measure(struct layer_timing *timings, const struct net_spec *spec, int batch,
                         int threads, struct err *err);

#endif
