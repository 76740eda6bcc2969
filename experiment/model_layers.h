/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of layers of a model, and the lists within composites. Part of model_yaml.c.
 */
#ifndef EXPERIMENT_MODEL_LAYERS_H
#define EXPERIMENT_MODEL_LAYERS_H

#include "experiment/key_value.h"
#include "models/net_spec.h"

/* `depth`: 0 for the model's own list. */
void model_layers_read(struct loading *l, const struct yaml_node *node, const struct key_path *path,
                       int depth, struct layer_list *list);

/* A line or more for each layer, "- kind: {...}", each indented by `indent` blanks. */
void model_layers_print(const struct layer_list *list, int indent, struct strbuf *out);

#endif
