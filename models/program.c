/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/program.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int add_storage(struct program *program, size_t features)
{
    program->storage_features =
        mem_grow(program->storage_features, program->n_storages, &program->storage_capacity,
                 sizeof *program->storage_features);
    program->storage_features[program->n_storages] = features;
    return (int)program->n_storages++;
}

static int add_buffer(struct program *program, const struct shape *shape, int storage)
{
    program->buffers = mem_grow(program->buffers, program->n_buffers, &program->buffer_capacity,
                                sizeof *program->buffers);
    program->buffers[program->n_buffers] = (struct program_buffer){*shape, storage};
    return (int)program->n_buffers++;
}

static int check_args(const struct layer_spec *spec, struct err *err)
{
    for (size_t i = 0; i < spec->kind->n_args; i++) {
        if (spec->kind->args[i].is_required && !spec->has_arg[i])
            return err_set(err, "%s is missing: %s", spec->kind->args[i].key,
                           spec->kind->args[i].help);
    }
    return 0;
}

static bool has_weights(const struct layer *layer)
{
    return layer->n_tensors || layer->n_buffers;
}

/* Weights are found by name in files and on the wire. */
static int check_weight_name(const struct program *program, const char *name, struct err *err)
{
    if (!name[0])
        return err_set(err, "name is missing: a layer with weights needs one");
    for (size_t i = 0; i < program->n_nodes; i++) {
        const struct program_node *node = &program->nodes[i];
        if (has_weights(&node->layer) && strcmp(node->name, name) == 0)
            return err_set(err, "name '%s' is used by two layers with weights", name);
    }
    return 0;
}

static int setup_node(struct program *program, struct program_node *node,
                      const struct layer_spec *spec, struct err *err)
{
    struct layer *layer = &node->layer;
    layer->ops = spec->kind;
    layer->index = (int)program->n_nodes;
    layer->in = program->buffers[node->input].shape;
    memcpy(layer->args, spec->args, sizeof layer->args);
    memcpy(node->name, spec->name, sizeof node->name);
    if (check_args(spec, err) || layer->ops->setup(layer, err) || shape_check(&layer->out, err))
        return -1;
    if (has_weights(layer) && check_weight_name(program, node->name, err))
        return -1;
    if (program->n_params + layer_n_params(layer) > NET_MAX_PARAMS ||
        program->n_buffer_floats + layer_n_buffer_floats(layer) > NET_MAX_PARAMS)
        return err_set(err, "the network has more than %u parameters", NET_MAX_PARAMS);
    if (program->n_nodes >= PROGRAM_MAX_NODES)
        return err_set(err, "the network has more than %d layers with those inside composites",
                       PROGRAM_MAX_NODES);
    return 0;
}

int program_add_node(struct program *program, const struct layer_spec *spec, int input, int other,
                     struct err *err)
{
    struct program_node node = {.input = input, .other = other};
    if (setup_node(program, &node, spec, err))
        return -1;
    int storage = spec->kind->shares_storage
                      ? program_storage(program, input)
                      : add_storage(program, shape_features(&node.layer.out));
    node.output = add_buffer(program, &node.layer.out, storage);
    node.first_param = program->n_params;
    node.first_buffer = program->n_buffer_floats;
    node.first_saved = program->n_saved;
    program->n_params += layer_n_params(&node.layer);
    program->n_buffer_floats += layer_n_buffer_floats(&node.layer);
    program->n_saved += node.layer.saved_floats;
    program->nodes =
        mem_grow(program->nodes, program->n_nodes, &program->node_capacity, sizeof *program->nodes);
    program->nodes[program->n_nodes++] = node;
    return node.output;
}

static int add_layer(struct program *program, const struct layer_spec *spec, size_t index,
                     int input, struct err *err)
{
    int output = spec->kind->expand ? spec->kind->expand(program, spec, input, err)
                                    : program_add_node(program, spec, input, -1, err);
    if (output < 0)
        err_prefix(err, "layer %zu (%s%s%s)", index, spec->kind->name, spec->name[0] ? " " : "",
                   spec->name);
    return output;
}

int program_add_list(struct program *program, const struct layer_list *list, int input,
                     struct err *err)
{
    if (program->depth >= NET_MAX_DEPTH)
        return err_set(err, "composites within composites more than %d deep", NET_MAX_DEPTH);
    program->depth++;
    for (size_t i = 0; i < list->n && input >= 0; i++)
        input = add_layer(program, &list->layers[i], i, input, err);
    program->depth--;
    return input;
}

/* Backward runs the nodes in reverse: whoever comes second to a storage's gradient adds. */
static void find_sums(struct program *program)
{
    bool *is_written = mem_zero(program->n_storages, sizeof *is_written);
    for (size_t i = program->n_nodes; i-- > 0;) {
        struct program_node *node = &program->nodes[i];
        int input = program_storage(program, node->input);
        if (!node->layer.ops->shares_storage) {
            node->adds_input = is_written[input];
            is_written[input] = true;
        }
        if (node->other >= 0) {
            int other = program_storage(program, node->other);
            node->adds_other = is_written[other];
            is_written[other] = true;
        }
    }
    free(is_written);
}

static int compile(struct program *program, const struct net_spec *spec, struct err *err)
{
    if (shape_check(&spec->input, err))
        return err_prefix(err, "input");
    if (spec->layers.n == 0 || spec->layers.n > NET_MAX_LAYERS)
        return err_set(err, "a network of %zu layers: allowed is 1 to %d", spec->layers.n,
                       NET_MAX_LAYERS);
    program->n_layers = (int)spec->layers.n;
    program->boundary = mem_zero(spec->layers.n + 1, sizeof *program->boundary);
    program->first_node = mem_zero(spec->layers.n + 1, sizeof *program->first_node);
    int buffer =
        add_buffer(program, &spec->input, add_storage(program, shape_features(&spec->input)));
    for (size_t i = 0; i < spec->layers.n; i++) {
        program->boundary[i] = buffer;
        program->first_node[i] = program->n_nodes;
        buffer = add_layer(program, &spec->layers.layers[i], i, buffer, err);
        if (buffer < 0)
            return -1;
    }
    program->boundary[spec->layers.n] = buffer;
    program->first_node[spec->layers.n] = program->n_nodes;
    find_sums(program);
    return 0;
}

int program_init(struct program *program, const struct net_spec *spec, struct err *err)
{
    *program = (struct program){0};
    if (compile(program, spec, err)) {
        program_release(program);
        return -1;
    }
    return 0;
}

int program_check_range(const struct program *program, int from, int to, struct err *err)
{
    if (from < 0 || from > to || to > program->n_layers)
        return err_set(err, "layers [%d, %d) of a network of %d layers", from, to,
                       program->n_layers);
    return 0;
}

void program_release(struct program *program)
{
    free(program->nodes);
    free(program->buffers);
    free(program->storage_features);
    free(program->boundary);
    free(program->first_node);
    *program = (struct program){0};
}
