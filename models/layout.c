/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/layout.h"

#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/block_pack.h"
#include "models/float_arena.h"

/*
 * While it is made. Storages whose activations (gradients) have one place are a group, called by one of them:
 * activation_group[s] (gradient_group[s]) leads there in some steps.
 */
struct layout_maker {
    const struct layout_request *request;
    const struct program *program;
    struct layout *layout;
    size_t first, end; /* nodes */
    int *activation_group, *gradient_group;
    bool *is_shared; /* by node: its gy is another's gradient still, when its backward runs */
    size_t
        *shared_until; /* by gradient group: the node whose backward ends sharing; 0: none shares */
    struct block
        *blocks; /* activations by storage, gradients by storage, scratch by node twice, saved */
};

static int find(const int *group, int storage)
{
    while (group[storage] != storage)
        storage = group[storage];
    return storage;
}

static int input_of(const struct layout_maker *p, size_t node)
{
    return program_storage(p->program, p->program->nodes[node].input);
}

/* -1: has none. */
static int other_of(const struct layout_maker *p, size_t node)
{
    int other = p->program->nodes[node].other;
    return other >= 0 ? program_storage(p->program, other) : -1;
}

static int output_of(const struct layout_maker *p, size_t node)
{
    return program_storage(p->program, p->program->nodes[node].output);
}

static const struct layer_ops *ops_of(const struct layout_maker *p, size_t node)
{
    return p->program->nodes[node].layer.ops;
}

static int boundary_of(const struct layout_maker *p, int boundary)
{
    return program_storage(p->program, p->program->boundary[boundary]);
}

static bool reads(const struct layout_maker *p, size_t node, int storage)
{
    return input_of(p, node) == storage || other_of(p, node) == storage;
}

/*
 * Nobody but those that made it reads the input, which is not the caller's; and the output, which backward reads in its
 * place, stays until then: no addition works in it.
 */
static bool may_overwrite(const struct layout_maker *p, size_t node)
{
    int input = input_of(p, node), output = output_of(p, node);
    if (p->request->keeps_inputs || !ops_of(p, node)->overwrites_input ||
        input == boundary_of(p, p->request->from))
        return false;
    for (size_t i = p->first; i < p->end; i++) {
        bool made_it = i < node && ops_of(p, i)->shares_storage && output_of(p, i) == input;
        bool changes_output = i > node && output_of(p, i) == output && ops_of(p, i)->forward;
        if ((i != node && reads(p, i, input) && !made_it) || changes_output)
            return false;
    }
    return true;
}

static void share_activations(struct layout_maker *p)
{
    for (size_t i = p->first; i < p->end; i++) {
        if (!may_overwrite(p, i))
            continue;
        p->activation_group[output_of(p, i)] = find(p->activation_group, input_of(p, i));
        /* The first node's input is the caller's: there is one before. */
        p->layout->is_fused[i - 1] = ops_of(p, i) == &layer_relu &&
                                     ops_of(p, i - 1)->forward_then_relu &&
                                     output_of(p, i - 1) == input_of(p, i);
    }
}

/* The node that wrote a storage first; the net's nodes' end where none did. */
static size_t producer_of(const struct layout_maker *p, int storage)
{
    for (size_t i = p->first; i < p->end; i++) {
        if (output_of(p, i) == storage && !ops_of(p, i)->shares_storage)
            return i;
    }
    return p->end;
}

/* Whether a node in [first, sum) adds to the gradient of a storage when its backward runs. */
static bool is_added_to(const struct layout_maker *p, int storage, size_t first, size_t sum)
{
    for (size_t i = first; i < sum; i++) {
        if (reads(p, i, storage))
            return true;
    }
    return false;
}

/*
 * The sum's gradient becomes the other branch's too, when that has none yet, a sum around this one has done with it, and
 * nobody adds to it before the body's last layer has read it. Of the two branches' last layers, the one that runs first
 * must leave it as it is for the other.
 */
static void share_sum(struct layout_maker *p, size_t sum)
{
    int output = output_of(p, sum), other = other_of(p, sum);
    size_t body = producer_of(p, output), branch = producer_of(p, other);
    int group = find(p->gradient_group, output);
    if (p->program->nodes[sum].adds_other || body == p->end || is_added_to(p, other, body, sum) ||
        (p->shared_until[group] && sum > p->shared_until[group]))
        return;
    p->layout->passes_gradient[sum] = true;
    p->is_shared[branch != p->end && branch > body ? branch : body] = true;
    p->shared_until[group] = body;
    p->gradient_group[find(p->gradient_group, other)] = group;
}

static void share_gradients(struct layout_maker *p)
{
    for (size_t i = p->end; i-- > p->first;) {
        if (other_of(p, i) >= 0)
            share_sum(p, i);
    }
    for (size_t i = p->end; i-- > p->first;) {
        if (ops_of(p, i)->overwrites_gradient && !p->is_shared[i] &&
            !p->program->nodes[i].adds_input)
            p->gradient_group[find(p->gradient_group, input_of(p, i))] =
                find(p->gradient_group, output_of(p, i));
    }
}

static int forward_time(const struct layout_maker *p, size_t node)
{
    return (int)(node - p->first) + 1;
}

static int backward_time(const struct layout_maker *p, size_t node)
{
    return 2 * (int)(p->end - p->first) - (int)(node - p->first) + 1;
}

/* Before the first and after the last. */
static int always(const struct layout_maker *p)
{
    return backward_time(p, p->first) + 1;
}

static void live(struct block *block, int birth, int death)
{
    block->birth = birth < block->birth ? birth : block->birth;
    block->death = death > block->death ? death : block->death;
}

static struct block *activation_block(const struct layout_maker *p, int storage)
{
    return &p->blocks[find(p->activation_group, storage)];
}

static struct block *gradient_block(const struct layout_maker *p, int storage)
{
    return &p->blocks[p->program->n_storages + (size_t)find(p->gradient_group, storage)];
}

static struct block *scratch_block(const struct layout_maker *p, size_t node, bool is_backward)
{
    return &p->blocks[2 * (p->program->n_storages + node) + is_backward];
}

static struct block *saved_block(const struct layout_maker *p)
{
    return &p->blocks[2 * (p->program->n_storages + p->program->n_nodes)];
}

static void live_activation(const struct layout_maker *p, int storage, size_t node,
                            bool is_in_backward)
{
    if (storage < 0)
        return;
    int now = forward_time(p, node);
    live(activation_block(p, storage), now, is_in_backward ? backward_time(p, node) : now);
}

static void find_lifetimes(const struct layout_maker *p)
{
    for (size_t i = p->first; i < p->end; i++) {
        int now = backward_time(p, i);
        live_activation(p, input_of(p, i), i, ops_of(p, i)->backward_reads_input);
        live_activation(p, other_of(p, i), i, false);
        live_activation(p, output_of(p, i), i, false);
        live(gradient_block(p, input_of(p, i)), now, now);
        live(gradient_block(p, output_of(p, i)), now, now);
        if (other_of(p, i) >= 0)
            live(gradient_block(p, other_of(p, i)), now, now);
    }
    int ends[] = {boundary_of(p, p->request->from), boundary_of(p, p->request->to)};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        live(activation_block(p, ends[i]), 0, always(p));
        live(gradient_block(p, ends[i]), 0, always(p));
    }
    if (!p->request->keeps_inputs)
        return;
    for (size_t s = 0; s < p->program->n_storages; s++) {
        if (p->blocks[s].death > 0)
            live(&p->blocks[s], 0, always(p));
    }
}

/* floats per sample for the whole batch; adds to *sum. False on overflow. */
static bool size_block(const struct layout_maker *p, struct block *block, size_t features,
                       size_t *sum)
{
    size_t floats;
    if (__builtin_mul_overflow(features, (size_t)p->request->max_batch, &floats) ||
        floats > FLOAT_ARENA_MAX)
        return false;
    floats = float_arena_round(floats);
    if (floats > block->floats) {
        *sum += floats - block->floats;
        block->floats = floats;
    }
    return *sum <= FLOAT_ARENA_MAX;
}

static bool size_storages(const struct layout_maker *p, size_t *sum)
{
    for (size_t s = 0; s < p->program->n_storages; s++) {
        struct block *activation = activation_block(p, (int)s),
                     *gradient = gradient_block(p, (int)s);
        size_t features = p->program->storage_features[s];
        if (activation->death > 0 && !size_block(p, activation, features, sum))
            return false;
        if (gradient->death > 0 && !size_block(p, gradient, features, sum))
            return false;
    }
    return true;
}

/* With keeps_inputs, layers go forward among backward ones: one place of scratch for all, which nothing else uses. */
static void size_scratch(const struct layout_maker *p)
{
    size_t most = 0;
    for (size_t i = p->first; i < p->end; i++) {
        const struct layer *layer = &p->program->nodes[i].layer;
        if (!layer->ops->scratch)
            continue;
        size_t floats = float_arena_round(
            layer->ops->scratch(layer, p->request->max_batch, p->request->n_threads));
        most = floats > most ? floats : most;
        if (p->request->keeps_inputs)
            continue;
        int forward = forward_time(p, i), backward = backward_time(p, i);
        *scratch_block(p, i, false) = (struct block){floats, forward, forward, 0};
        *scratch_block(p, i, true) = (struct block){floats, backward, backward, 0};
    }
    if (p->request->keeps_inputs && p->first < p->end)
        *scratch_block(p, p->first, false) = (struct block){most, 0, always(p), 0};
}

static void size_saved(const struct layout_maker *p)
{
    size_t floats = 0;
    for (size_t i = p->first; i < p->end; i++)
        floats += p->program->nodes[i].layer.saved_floats;
    *saved_block(p) = (struct block){float_arena_round(floats), 0, always(p), 0};
}

static void take_offsets(const struct layout_maker *p)
{
    struct layout *layout = p->layout;
    for (size_t s = 0; s < p->program->n_storages; s++) {
        layout->activation[s] = activation_block(p, (int)s)->offset;
        layout->gradient[s] = gradient_block(p, (int)s)->offset;
    }
    for (size_t i = p->first; i < p->end; i++) {
        bool keeps = p->request->keeps_inputs;
        layout->forward_scratch[i] = scratch_block(p, keeps ? p->first : i, false)->offset;
        layout->backward_scratch[i] = scratch_block(p, keeps ? p->first : i, !keeps)->offset;
    }
    layout->saved = saved_block(p)->offset;
}

static int make(struct layout_maker *p, struct err *err)
{
    size_t n_blocks = 2 * (p->program->n_storages + p->program->n_nodes) + 1, sum = 0;
    for (size_t i = 0; i < n_blocks; i++)
        p->blocks[i].birth = INT_MAX;
    share_activations(p);
    share_gradients(p);
    find_lifetimes(p);
    if (!size_storages(p, &sum))
        return err_set(err, "activations and gradients do not fit into memory");
    size_scratch(p);
    size_saved(p);
    p->layout->n = block_pack(p->blocks, n_blocks);
    take_offsets(p);
    return 0;
}

int layout_init(struct layout *layout, const struct layout_request *request, struct err *err)
{
    const struct program *program = request->program;
    size_t n_storages = program->n_storages, n_nodes = program->n_nodes;
    *layout = (struct layout){
        .activation = mem_zero(n_storages, sizeof *layout->activation),
        .gradient = mem_zero(n_storages, sizeof *layout->gradient),
        .forward_scratch = mem_zero(n_nodes, sizeof *layout->forward_scratch),
        .backward_scratch = mem_zero(n_nodes, sizeof *layout->backward_scratch),
        .is_fused = mem_zero(n_nodes, sizeof *layout->is_fused),
        .passes_gradient = mem_zero(n_nodes, sizeof *layout->passes_gradient),
    };
    struct layout_maker maker = {
        .request = request,
        .program = program,
        .layout = layout,
        .first = program->first_node[request->from],
        .end = program->first_node[request->to],
        .activation_group = mem_zero(n_storages, sizeof *maker.activation_group),
        .gradient_group = mem_zero(n_storages, sizeof *maker.gradient_group),
        .is_shared = mem_zero(n_nodes, sizeof *maker.is_shared),
        .shared_until = mem_zero(n_storages, sizeof *maker.shared_until),
        .blocks = mem_zero(2 * (n_storages + n_nodes) + 1, sizeof *maker.blocks),
    };
    for (size_t s = 0; s < n_storages; s++)
        maker.activation_group[s] = maker.gradient_group[s] = (int)s;
    int status = make(&maker, err);
    free(maker.activation_group);
    free(maker.gradient_group);
    free(maker.is_shared);
    free(maker.shared_until);
    free(maker.blocks);
    if (status)
        layout_release(layout);
    return status;
}

void layout_release(struct layout *layout)
{
    free(layout->activation);
    free(layout->gradient);
    free(layout->forward_scratch);
    free(layout->backward_scratch);
    free(layout->is_fused);
    free(layout->passes_gradient);
    *layout = (struct layout){0};
}
