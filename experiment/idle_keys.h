/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys that count only beside another key's value (radio.gains beside radio.path_loss table): whoever sets one to other
 * than its default without that value is told, for the experiment is right and yet not the one that was meant.
 */
#ifndef EXPERIMENT_IDLE_KEYS_H
#define EXPERIMENT_IDLE_KEYS_H

#include "experiment/experiment.h"
#include "experiment/yaml_tree.h"

/*
 * A line into `warnings` for each key written in `root`, the tree of the experiment `e`, that changes nothing:
 * "x.yaml:3:5: radio.gains: warning: changes nothing with radio.path_loss umi: it counts with table".
 */
void idle_keys_find(const struct experiment *e, const struct yaml_node *root,
                    struct complaints *warnings);

#endif
