/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory of one batch, laid out by layout.h. */
#include "models/net_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/parallel.h"

/* Where storages of the net's range lie. */
static void place_storages(struct tape *tape)
{
    const struct program *program = &tape->net->program;
    const struct layout *layout = &tape->layout;
    size_t first, end;
    net_nodes(tape->net, tape->net->from, tape->net->to, &first, &end);
    memset(tape->mark, 0, program->n_storages * sizeof *tape->mark);
    tape->mark[net_boundary_storage(tape->net, tape->net->from)] = true;
    for (size_t i = first; i < end; i++)
        tape->mark[program_storage(program, program->nodes[i].output)] = true;
    for (size_t s = 0; s < program->n_storages; s++) {
        tape->activation[s] = tape->mark[s] ? tape->arena.at + layout->activation[s] : NULL;
        tape->gradient[s] = tape->mark[s] ? tape->arena.at + layout->gradient[s] : NULL;
    }
}

static int lay_out(struct tape *tape, struct err *err)
{
    const struct net *net = tape->net;
    const struct layout_request request = {&net->program,   net->from,       net->to,
                                           tape->max_batch, tape->n_threads, tape->keeps_inputs};
    if (layout_init(&tape->layout, &request, err) ||
        float_arena_init(&tape->arena, tape->layout.n, "a tape", err))
        return err_prefix(err, "a batch of %d samples", tape->max_batch);
    place_storages(tape);
    return 0;
}

static struct tape *make_tape(const struct net *net, int max_batch, bool keeps_inputs,
                              struct err *err)
{
    if (max_batch < 1) {
        err_set(err, "a batch of %d samples: at least 1", max_batch);
        return NULL;
    }
    struct tape *tape = mem_zero(1, sizeof *tape);
    tape->net = net;
    tape->max_batch = max_batch;
    tape->n_threads = parallel_threads();
    tape->keeps_inputs = keeps_inputs;
    tape->activation = mem_zero(net->program.n_storages, sizeof *tape->activation);
    tape->gradient = mem_zero(net->program.n_storages, sizeof *tape->gradient);
    tape->mark = mem_zero(net->program.n_storages, sizeof *tape->mark);
    tape->is_training = true;
    if (lay_out(tape, err)) {
        tape_free(tape);
        return NULL;
    }
    tape->merged_weights = mem_zero((size_t)max_batch, sizeof *tape->merged_weights);
    return tape;
}

struct tape *tape_new(const struct net *net, int max_batch, struct err *err)
{
    return make_tape(net, max_batch, false, err);
}

struct tape *tape_new_aggregating(const struct net *net, int max_batch, struct err *err)
{
    return make_tape(net, max_batch, true, err);
}

void tape_free(struct tape *tape)
{
    if (!tape)
        return;
    layout_release(&tape->layout);
    float_arena_release(&tape->arena);
    free(tape->activation);
    free(tape->gradient);
    free(tape->mark);
    free(tape->merged_weights);
    free(tape);
}

size_t tape_bytes(const struct tape *tape)
{
    return tape->arena.n * sizeof(float);
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
    assert(tape->keeps_inputs);
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
