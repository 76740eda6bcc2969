/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Forward and backward: loops over the program's nodes. */
#include "models/net_impl.h"

#include <assert.h>
#include <string.h>

#include "models/parallel.h"

static float *activation(const struct net *net, const struct tape *tape, int buffer)
{
    return tape->activation[program_storage(&net->program, buffer)];
}

static struct layer_pass pass_of(const struct net *net, struct tape *tape, size_t i, int batch)
{
    const struct program_node *node = &net->program.nodes[i];
    return (struct layer_pass){
        .batch = batch,
        .is_training = tape->is_training,
        .seed = tape->seed,
        .step = tape->step,
        .merged = tape->is_merged ? &tape->merged : NULL,
        .params = net_node_params(net, node),
        .buffers = net_node_buffers(net, node),
        .saved = tape->arena.at + tape->layout.saved + (node->first_saved - net->first_saved),
        .x = activation(net, tape, node->input),
        .other = node->other >= 0 ? activation(net, tape, node->other) : NULL,
    };
}

static void check_batch(const struct net *net, const struct tape *tape, int batch)
{
    assert(tape->net == net && batch >= 1 && batch <= tape->max_batch);
    assert(parallel_threads() <= tape->n_threads);
}

/* Node i, and with it the relu after it, which works in the same place. */
static void forward_node(const struct net *net, struct tape *tape, size_t i, bool with_relu,
                         int batch)
{
    const struct program_node *node = &net->program.nodes[i];
    const struct layer_ops *ops = node->layer.ops;
    if (!ops->forward)
        return;
    struct layer_pass pass = pass_of(net, tape, i, batch);
    pass.y = activation(net, tape, node->output);
    pass.scratch = tape->arena.at + tape->layout.forward_scratch[i];
    (with_relu ? ops->forward_then_relu : ops->forward)(&node->layer, &pass);
}

void net_forward(const struct net *net, struct tape *tape, int from, int to, int batch)
{
    check_batch(net, tape, batch);
    if (tape->is_merged && batch > tape->merged.n_slots)
        tape->is_merged = false; /* a new batch */
    size_t first, end;
    net_nodes(net, from, to, &first, &end);
    for (size_t i = first; i < end; i++) {
        bool with_relu = tape->layout.is_fused[i] && i + 1 < end;
        forward_node(net, tape, i, with_relu, batch);
        i += with_relu;
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

/* Where the gradients of a node's parameters go: written at first, if it can, and else added to zeros. */
static void take_grads(struct net *net, size_t i, struct layer_pass *pass)
{
    const struct program_node *node = &net->program.nodes[i];
    if (!node->layer.ops->writes_grads)
        net_clear_grads(net, i);
    pass->adds_grads = !net->is_zeroed[i];
    pass->grads = net->grads + (node->first_param - net->first_param);
    net->is_zeroed[i] = false;
}

/* Node i, and before it the relu after it, whose output's gradient it then takes. */
static void backward_node(struct net *net, struct tape *tape, size_t i, bool with_relu, int batch)
{
    const struct program *program = &net->program;
    const struct program_node *node = &program->nodes[i];
    const struct layer_ops *ops = node->layer.ops;
    int output = program_storage(program, program->nodes[i + with_relu].output);
    int written = program_storage(program, node->other >= 0 ? node->other : node->input);
    bool is_wanted = tape->mark[written];
    if (!ops->backward || tape->layout.passes_gradient[i] || !tape->mark[output] ||
        (!is_wanted && !node->layer.n_tensors))
        return;
    struct layer_pass pass = pass_of(net, tape, i, batch);
    take_grads(net, i, &pass);
    pass.gy = tape->gradient[output];
    pass.gx = is_wanted ? tape->gradient[written] : NULL;
    pass.adds_gx = node->other >= 0 ? node->adds_other : node->adds_input;
    pass.scratch = tape->arena.at + tape->layout.backward_scratch[i];
    (with_relu ? ops->backward_then_relu : ops->backward)(&node->layer, &pass);
}

void net_backward(struct net *net, struct tape *tape, int from, int to, int batch, bool wants_input)
{
    check_batch(net, tape, batch);
    mark_wanted(net, tape, from, to, wants_input);
    size_t first, end;
    net_nodes(net, from, to, &first, &end);
    for (size_t i = end; i-- > first;) {
        bool is_second = i > first && tape->layout.is_fused[i - 1] &&
                         net->program.nodes[i - 1].layer.ops->backward_then_relu;
        i -= is_second;
        backward_node(net, tape, i, is_second, batch);
    }
}
