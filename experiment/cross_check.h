/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What no key can say alone: names that must differ, names that must exist in the model, sizes that
 * multiply. Run on an experiment whose keys are all right.
 */
#ifndef EXPERIMENT_CROSS_CHECK_H
#define EXPERIMENT_CROSS_CHECK_H

#include "experiment/experiment.h"
#include "experiment/yaml_tree.h"

/* Devices times subchannels: each pair has a gain. */
#define EXPERIMENT_MAX_GAINS      20000000
#define EXPERIMENT_MAX_FLAT_GAINS 1000000000 /* none is kept for each subchannel */

/* `root` is the tree the experiment was read from, for places. */
void cross_check(const struct experiment *e, const struct yaml_node *root, struct complaints *c);

#endif
