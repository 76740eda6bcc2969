/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each device is told when it joins: model, data, optimiser, samples, front weights. */
#ifndef EDGE_SERVER_ASSIGNMENT_H
#define EDGE_SERVER_ASSIGNMENT_H

#include "experiment/experiment.h"
#include "models/optimizer.h"
#include "models/partition.h"
#include "wire/message.h"

/* The experiment's optimiser with the learning rate of one side. */
int assignment_optimizer(struct optimizer *optimizer, const struct experiment *e,
                         double learning_rate, struct err *err);

/*
 * MSG_ASSIGNMENT for device i; lends the partition's memory, shares `weights`. Without a partition (NULL) the device
 * trains on what it holds.
 */
struct msg *assignment_make(const struct experiment *e, int device, int cut,
                            const struct partition *partition, struct payload *weights);

#endif
