/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Models as YAML, to and from struct net_spec: in a file of their own or within an experiment.
 *
 *   name: lenet5
 *   input: [1, 28, 28]
 *   layers:
 *     - conv2d: {name: conv1, out_channels: 6, kernel_size: 5, padding: 2}
 *     - relu:
 *     - residual: {name: layer1.0, body: [...], shortcut: []}
 *
 * Kinds, their arguments, ranges and inner lists are the rows of models/; true and false count as 1 and 0.
 */
#ifndef EXPERIMENT_MODEL_YAML_H
#define EXPERIMENT_MODEL_YAML_H

#include "experiment/key_value.h"
#include "models/net_spec.h"

/*
 * The section `model`. `spec` is empty before and valid after, unless there were complaints; `*weights` gets what the key of that name says (NULL: nothing), to be freed.
 */
void model_read(struct loading *l, const struct yaml_node *node, const struct key_path *path,
                struct net_spec *spec, char **weights);

/* A model file; `asked` and `asked_path`: where it is named, or NULL. */
void model_read_file(struct loading *l, const char *path, const struct yaml_node *asked,
                     const struct key_path *asked_path, struct net_spec *spec);

/* The keys name, input and layers, each line indented by `indent` blanks. */
void model_print(const struct net_spec *spec, int indent, struct strbuf *out);

#endif
