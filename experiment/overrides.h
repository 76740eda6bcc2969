/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `--set key.path=value`: changes the tree of an experiment before it is checked, so that an override is
 * held to the same rows as the file. The value is YAML ("[conv1, pool1]"); a number in the path counts the
 * items of a list ("devices.0.count=3").
 */
#ifndef EXPERIMENT_OVERRIDES_H
#define EXPERIMENT_OVERRIDES_H

#include "experiment/experiment.h"
#include "experiment/yaml_tree.h"

/*
 * Applies all of them, in order; complains about those without '=', with a bad path or a value that is
 * not YAML. `sources` gets n strings, "--set a.b=value", which the tree's places borrow: to be freed, with
 * overrides_free_sources(), after the tree.
 */
void overrides_apply(struct yaml_node *root, const struct experiment_override *overrides, size_t n,
                     char ***sources, struct complaints *c);
void overrides_free_sources(char **sources, size_t n);

#endif
