/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/profile.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/program.h"

/* Floats of one sample that a node's forward and backward read and write. */
static size_t moved_floats(const struct program_node *node)
{
    const struct layer *layer = &node->layer;
    size_t in = shape_features(&layer->in), out = shape_features(&layer->out);
    if (!layer->ops->forward)
        return 0;
    size_t inputs = node->other >= 0 ? 2 : 1, read_again = layer->ops->backward_reads_input;
    return (inputs + read_again + 1) * in + 2 * out;
}

static struct layer_profile profile_layer(const struct program *program,
                                          const struct layer_spec *spec, int index)
{
    struct layer_profile layer = {.kind = spec->kind->name};
    if (spec->name[0])
        snprintf(layer.name, sizeof layer.name, "%s", spec->name);
    else
        snprintf(layer.name, sizeof layer.name, "%s%d", spec->kind->name, index);
    for (size_t i = program->first_node[index]; i < program->first_node[index + 1]; i++) {
        layer.forward_flop += program->nodes[i].layer.forward_flop;
        layer.n_params += layer_n_params(&program->nodes[i].layer);
        layer.n_buffer_floats += layer_n_buffer_floats(&program->nodes[i].layer);
        layer.sample_bytes += moved_floats(&program->nodes[i]) * sizeof(float);
    }
    layer.batch_bytes = 3 * layer.n_params * sizeof(float);
    layer.backward_flop = 2 * layer.forward_flop;
    layer.output = program->buffers[program->boundary[index + 1]].shape;
    layer.activation_bytes = shape_features(&layer.output) * sizeof(float);
    return layer;
}

int profile_make(struct profile *profile, const struct net_spec *spec, struct err *err)
{
    struct program program;
    if (program_init(&program, spec, err))
        return -1;
    profile->n_layers = program.n_layers;
    profile->layers = mem_zero(spec->layers.n, sizeof *profile->layers);
    for (int i = 0; i < program.n_layers; i++)
        profile->layers[i] = profile_layer(&program, &spec->layers.layers[i], i);
    program_release(&program);
    return 0;
}

void profile_release(struct profile *profile)
{
    free(profile->layers);
    *profile = (struct profile){NULL, 0};
}
