/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each device is told when it joins: model, data, optimiser, samples, front weights. */
#ifndef EDGE_SERVER_ASSIGNMENT_H
#define EDGE_SERVER_ASSIGNMENT_H

#include "experiment/experiment.h"
#include "models/partition.h"
#include "wire/message.h"

/* The same front weights for every device, drawn from the experiment's seed. */
struct payload *assignment_front_weights(const struct experiment *e, int cut, struct err *err);

/* MSG_ASSIGNMENT for device i; lends the partition's memory, shares `weights`. */
struct msg *assignment_make(const struct experiment *e, int device, int cut,
                            const struct partition *partition, struct payload *weights);

#endif
