/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory of one batch. Every storage keeps its activation, for backward. Gradients live only from the first
 * node that writes them in backward to the node that produced the activation, so they share a few places,
 * given out by walking the nodes in reverse.
 */
#include "models/net_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/parallel.h"

/* Places for gradients while they are given out. */
struct place {
    size_t features; /* of its largest user */
    bool is_taken;
};

struct places {
    struct place *place;
    size_t n, capacity;
    int *of_storage; /* -1: none yet */
};

static void take_place(struct places *places, int storage, size_t features)
{
    if (places->of_storage[storage] >= 0)
        return;
    size_t i = 0;
    while (i < places->n && places->place[i].is_taken)
        i++;
    if (i == places->n) {
        places->place =
            mem_grow(places->place, places->n, &places->capacity, sizeof *places->place);
        places->place[places->n++] = (struct place){0, false};
    }
    places->place[i].is_taken = true;
    if (features > places->place[i].features)
        places->place[i].features = features;
    places->of_storage[storage] = (int)i;
}

static void give_out_places(struct places *places, const struct net *net)
{
    const struct program *program = &net->program;
    size_t first, end;
    net_nodes(net, net->from, net->to, &first, &end);
    int last = net_boundary_storage(net, net->to);
    take_place(places, last, program->storage_features[last]);
    for (size_t i = end; i-- > first;) {
        const struct program_node *node = &program->nodes[i];
        int input = program_storage(program, node->input);
        int output = program_storage(program, node->output);
        take_place(places, input, program->storage_features[input]);
        if (node->other >= 0) {
            int other = program_storage(program, node->other);
            take_place(places, other, program->storage_features[other]);
        }
        if (input != output)
            places->place[places->of_storage[output]].is_taken = false;
    }
}

/* floats per sample x max_batch, rounded for alignment, added to *n; false on overflow. */
static bool add_floats(size_t *n, size_t features, int max_batch)
{
    size_t floats;
    return !__builtin_mul_overflow(features, (size_t)max_batch, &floats) && floats < SIZE_MAX / 2 &&
           !__builtin_add_overflow(*n, float_arena_round(floats), n);
}

static int place_gradients(struct tape *tape, struct err *err)
{
    const struct net *net = tape->net;
    size_t n_storages = net->program.n_storages, n = 0;
    struct places places = {NULL, 0, 0, mem_zero(n_storages, sizeof(int))};
    for (size_t i = 0; i < n_storages; i++)
        places.of_storage[i] = -1;
    give_out_places(&places, net);

    size_t *offset = mem_zero(places.n, sizeof *offset);
    bool fits = true;
    for (size_t i = 0; i < places.n && fits; i++) {
        offset[i] = n;
        fits = add_floats(&n, places.place[i].features, tape->max_batch);
    }
    int status = float_arena_init(&tape->gradients, fits ? n : SIZE_MAX, "gradients", err);
    for (size_t i = 0; i < n_storages && status == 0; i++) {
        if (places.of_storage[i] >= 0)
            tape->gradient[i] = tape->gradients.at + offset[places.of_storage[i]];
    }
    free(offset);
    free(places.place);
    free(places.of_storage);
    return status;
}

static int place_activations(struct tape *tape, struct err *err)
{
    const struct program *program = &tape->net->program;
    size_t n = 0;
    bool fits = true;
    for (size_t i = 0; i < program->n_storages && fits; i++) {
        if (tape->gradient[i])
            fits = add_floats(&n, program->storage_features[i], tape->max_batch);
    }
    if (float_arena_init(&tape->activations, fits ? n : SIZE_MAX, "activations", err))
        return -1;
    n = 0;
    for (size_t i = 0; i < program->n_storages; i++) {
        tape->activation[i] = tape->gradient[i] ? tape->activations.at + n : NULL;
        if (tape->gradient[i])
            add_floats(&n, program->storage_features[i], tape->max_batch);
    }
    return 0;
}

static int place_scratch(struct tape *tape, struct err *err)
{
    size_t first, end, n = 0, n_saved = 0;
    net_nodes(tape->net, tape->net->from, tape->net->to, &first, &end);
    for (size_t i = first; i < end; i++) {
        const struct layer *layer = &tape->net->program.nodes[i].layer;
        size_t scratch =
            layer->ops->scratch ? layer->ops->scratch(layer, tape->max_batch, tape->n_threads) : 0;
        n = scratch > n ? scratch : n;
        n_saved += layer->saved_floats;
    }
    return float_arena_init(&tape->scratch, n, "scratch memory", err) ||
                   float_arena_init(&tape->saved, n_saved, "statistics", err)
               ? -1
               : 0;
}

struct tape *tape_new(const struct net *net, int max_batch, struct err *err)
{
    if (max_batch < 1) {
        err_set(err, "a batch of %d samples: at least 1", max_batch);
        return NULL;
    }
    struct tape *tape = mem_zero(1, sizeof *tape);
    tape->net = net;
    tape->max_batch = max_batch;
    tape->n_threads = parallel_threads();
    tape->activation = mem_zero(net->program.n_storages, sizeof *tape->activation);
    tape->gradient = mem_zero(net->program.n_storages, sizeof *tape->gradient);
    tape->mark = mem_zero(net->program.n_storages, sizeof *tape->mark);
    tape->merged_weights = mem_zero((size_t)max_batch, sizeof *tape->merged_weights);
    tape->is_training = true;
    if (place_gradients(tape, err) || place_activations(tape, err) || place_scratch(tape, err)) {
        err_prefix(err, "a batch of %d samples", max_batch);
        tape_free(tape);
        return NULL;
    }
    return tape;
}

void tape_free(struct tape *tape)
{
    if (!tape)
        return;
    float_arena_release(&tape->activations);
    float_arena_release(&tape->gradients);
    float_arena_release(&tape->scratch);
    float_arena_release(&tape->saved);
    free(tape->activation);
    free(tape->gradient);
    free(tape->mark);
    free(tape->merged_weights);
    free(tape);
}

size_t tape_bytes(const struct tape *tape)
{
    return (tape->activations.n + tape->gradients.n + tape->scratch.n + tape->saved.n) *
           sizeof(float);
}

void tape_set_training(struct tape *tape, bool is_training, uint64_t seed, uint64_t step)
{
    tape->is_training = is_training;
    tape->seed = seed;
    tape->step = step;
    tape->is_merged = false;
}

float *tape_activation(struct tape *tape, int boundary)
{
    assert(tape->net->from <= boundary && boundary <= tape->net->to);
    return tape->activation[net_boundary_storage(tape->net, boundary)];
}

float *tape_gradient(struct tape *tape, int boundary)
{
    assert(tape->net->from <= boundary && boundary <= tape->net->to);
    return tape->gradient[net_boundary_storage(tape->net, boundary)];
}

void tape_aggregate(struct tape *tape, int from, int to, const struct slots *slots)
{
    const struct program *program = &tape->net->program;
    assert((int64_t)slots->n_groups * slots->batch <= tape->max_batch);
    if (slots->n_groups == 1 || slots->n_slots == 0)
        return;
    tape->is_merged = true;
    tape->merged = *slots;
    tape->merged.weights = tape->merged_weights;
    memcpy(tape->merged_weights, slots->weights, (size_t)slots->n_groups * sizeof(double));
    memset(tape->mark, 0, program->n_storages * sizeof *tape->mark);
    tape->mark[net_boundary_storage(tape->net, from)] = true;
    size_t first, end;
    net_nodes(tape->net, from, to, &first, &end);
    for (size_t i = first; i < end; i++) {
        if (program->nodes[i].layer.ops->backward_reads_input)
            tape->mark[program_storage(program, program->nodes[i].input)] = true;
    }
    for (size_t i = 0; i < program->n_storages; i++) {
        if (tape->mark[i])
            slots_aggregate(slots, tape->activation[i], program->storage_features[i]);
    }
}
