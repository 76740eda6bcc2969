/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/net_sizes.h"

#include <stdlib.h>

#include "base/mem.h"
#include "models/program.h"

static void fill(struct net_sizes *sizes, const struct program *program)
{
    size_t n_params = 0, n_weights = 0;
    for (int l = 0; l <= program->n_layers; l++) {
        sizes->features[l] = shape_features(&program->buffers[program->boundary[l]].shape);
        sizes->params[l] = n_params;
        sizes->weights[l] = n_weights;
        if (l == program->n_layers)
            return;
        for (size_t i = program->first_node[l]; i < program->first_node[l + 1]; i++) {
            const struct layer *layer = &program->nodes[i].layer;
            n_params += layer_n_params(layer);
            n_weights += layer_n_params(layer) + layer_n_buffer_floats(layer);
        }
    }
}

int net_sizes_make(struct net_sizes *sizes, const struct net_spec *spec, struct err *err)
{
    struct program program;
    if (program_init(&program, spec, err))
        return -1;
    size_t n = (size_t)program.n_layers + 1;
    *sizes = (struct net_sizes){.n_layers = program.n_layers,
                                .features = mem_zero(n, sizeof(size_t)),
                                .params = mem_zero(n, sizeof(size_t)),
                                .weights = mem_zero(n, sizeof(size_t))};
    fill(sizes, &program);
    program_release(&program);
    return 0;
}

void net_sizes_release(struct net_sizes *sizes)
{
    free(sizes->features);
    free(sizes->params);
    free(sizes->weights);
    *sizes = (struct net_sizes){0};
}
