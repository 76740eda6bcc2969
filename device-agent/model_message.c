/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "device-agent/model_message.h"

#include <stdio.h>

#include "models/shape.h"

static int add_layers(struct layer_list *list, const struct msg_layer_list *from, struct err *err);

static int add_layer(struct layer_list *list, const struct msg_layer *from, struct err *err)
{
    struct layer_spec *layer = layer_list_add(list, from->kind, from->name, err);
    if (!layer)
        return -1;
    for (size_t i = 0; i < from->n_arguments; i++)
        if (layer_spec_set(layer, from->arguments[i].key, from->arguments[i].value, err))
            return -1;
    for (size_t i = 0; i < from->n_branches; i++) {
        struct layer_list *branch = layer_spec_branch(layer, from->branches[i].key, err);
        if (!branch || add_layers(branch, &from->branches[i], err))
            return -1;
    }
    return 0;
}

static int add_layers(struct layer_list *list, const struct msg_layer_list *from, struct err *err)
{
    for (size_t i = 0; i < from->n_layers; i++)
        if (add_layer(list, &from->layers[i], err))
            return err_prefix(err, "layer %zu (%s)", i, from->layers[i].kind);
    return 0;
}

int model_from_message(struct net_spec *spec, const struct msg_assignment *assignment,
                       struct err *err)
{
    *spec = (struct net_spec)NET_SPEC_INIT;
    snprintf(spec->name, sizeof spec->name, "%s", assignment->model_name);
    spec->input.n_dims = (int)assignment->n_input_dims;
    for (uint32_t i = 0; i < assignment->n_input_dims; i++) {
        if (assignment->input_dims[i] > SHAPE_MAX_DIM)
            return err_set(err, "model '%s': input dimension %u: at most %d", spec->name,
                           assignment->input_dims[i], SHAPE_MAX_DIM);
        spec->input.dim[i] = (int)assignment->input_dims[i];
    }
    if (add_layers(&spec->layers, &assignment->layers, err) || net_spec_check(spec, err)) {
        net_spec_release(spec);
        return err_prefix(err, "model '%s'", assignment->model_name);
    }
    return 0;
}
