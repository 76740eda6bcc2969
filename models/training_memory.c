/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/training_memory.h"

#include "models/net_impl.h"
#include "models/parallel.h"

static int predict_tape(const struct program *program,
                        const struct training_memory_request *request, int to, size_t *bytes,
                        struct err *err)
{
    int n_threads = request->n_threads;
    struct layout_request wanted = {
        .program = program,
        .from = request->from,
        .to = to,
        .max_batch = request->max_batch,
        .n_threads = n_threads < PARALLEL_MAX_THREADS ? n_threads : PARALLEL_MAX_THREADS,
        .keeps_inputs = request->is_aggregating,
    };
    struct layout layout;
    if (request->max_batch < 1)
        return err_set(err, "a batch of %d samples: at least 1", request->max_batch);
    if (layout_init(&layout, &wanted, err))
        return err_prefix(err, "a batch of %d samples", request->max_batch);
    *bytes = layout.n * sizeof(float);
    layout_release(&layout);
    return 0;
}

static int predict(const struct program *program, const struct training_memory_request *request,
                   struct training_memory *memory, struct err *err)
{
    int from = request->from, to = request->to < 0 ? program->n_layers : request->to;
    if (program_check_range(program, from, to, err) ||
        predict_tape(program, request, to, &memory->tape, err))
        return -1;
    struct net_sizes sizes = net_sizes_of(program, from, to);
    const struct optimizer *optimizer = request->optimizer;
    memory->weights = net_state_room(&sizes) * sizeof(float);
    memory->gradients = sizes.n_params * sizeof(float);
    memory->optimizer =
        optimizer ? optimizer_state_floats(optimizer, sizes.n_params) * sizeof(float) : 0;
    return 0;
}

int training_memory_predict(struct training_memory *memory,
                            const struct training_memory_request *request, struct err *err)
{
    struct program program;
    if (program_init(&program, request->spec, err))
        return -1;
    int status = predict(&program, request, memory, err);
    program_release(&program);
    return status;
}

size_t training_memory_sum(const struct training_memory *memory)
{
    return memory->weights + memory->gradients + memory->optimizer + memory->tape;
}
