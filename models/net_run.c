/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Forward and backward: loops over the program's nodes. */
#include "models/net_impl.h"

#include <assert.h>
#include <string.h>

#include "models/parallel.h"

static struct layer_pass pass_of(const struct net *net, struct tape *tape,
                                 const struct program_node *node, int batch)
{
    const struct program *program = &net->program;
    return (struct layer_pass){
        .batch = batch,
        .is_training = tape->is_training,
        .seed = tape->seed,
        .step = tape->step,
        .merged = tape->is_merged ? &tape->merged : NULL,
        .params = net_node_params(net, node),
        .buffers = net_node_buffers(net, node),
        .saved = tape->saved.at + (node->first_saved - net->first_saved),
        .x = tape->activation[program_storage(program, node->input)],
        .other = node->other >= 0 ? tape->activation[program_storage(program, node->other)] : NULL,
        .scratch = tape->scratch.at,
    };
}

static void check_batch(const struct net *net, const struct tape *tape, int batch)
{
    assert(tape->net == net && batch >= 1 && batch <= tape->max_batch);
    assert(parallel_threads() <= tape->n_threads);
}

void net_forward(const struct net *net, struct tape *tape, int from, int to, int batch)
{
    check_batch(net, tape, batch);
    if (tape->is_merged && batch > tape->merged.n_slots)
        tape->is_merged = false; /* a new batch */
    size_t first, end;
    net_nodes(net, from, to, &first, &end);
    for (size_t i = first; i < end; i++) {
        const struct program_node *node = &net->program.nodes[i];
        if (!node->layer.ops->forward)
            continue;
        struct layer_pass pass = pass_of(net, tape, node, batch);
        pass.y = tape->activation[program_storage(&net->program, node->output)];
        node->layer.ops->forward(&node->layer, &pass);
    }
}

/* Marks the storages whose gradient leads to something wanted: parameters, or the input at `from`. */
static void mark_wanted(const struct net *net, struct tape *tape, int from, int to,
                        bool wants_input)
{
    const struct program *program = &net->program;
    memset(tape->mark, 0, program->n_storages * sizeof *tape->mark);
    tape->mark[net_boundary_storage(net, from)] = wants_input;
    size_t first, end;
    net_nodes(net, from, to, &first, &end);
    for (size_t i = first; i < end; i++) {
        const struct program_node *node = &program->nodes[i];
        if (node->layer.n_tensors || tape->mark[program_storage(program, node->input)] ||
            (node->other >= 0 && tape->mark[program_storage(program, node->other)]))
            tape->mark[program_storage(program, node->output)] = true;
    }
}

static void backward_node(struct net *net, struct tape *tape, const struct program_node *node,
                          int batch)
{
    const struct program *program = &net->program;
    int output = program_storage(program, node->output);
    int written = program_storage(program, node->other >= 0 ? node->other : node->input);
    bool is_wanted = tape->mark[written];
    if (!node->layer.ops->backward || !tape->mark[output] || (!is_wanted && !node->layer.n_tensors))
        return;
    struct layer_pass pass = pass_of(net, tape, node, batch);
    pass.grads = net->grads.at + (node->first_param - net->first_param);
    pass.gy = tape->gradient[output];
    pass.gx = is_wanted ? tape->gradient[written] : NULL;
    pass.adds_gx = node->other >= 0 ? node->adds_other : node->adds_input;
    node->layer.ops->backward(&node->layer, &pass);
}

void net_backward(struct net *net, struct tape *tape, int from, int to, int batch, bool wants_input)
{
    check_batch(net, tape, batch);
    mark_wanted(net, tape, from, to, wants_input);
    size_t first, end;
    net_nodes(net, from, to, &first, &end);
    for (size_t i = end; i-- > first;)
        backward_node(net, tape, &net->program.nodes[i], batch);
}
