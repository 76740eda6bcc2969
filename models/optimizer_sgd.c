/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/optimizer.h"

#include "models/kernels.h"
#include "models/kernels_pointwise.h"
#include "models/parallel.h"

static int n_state(const struct optimizer *optimizer)
{
    return optimizer->momentum != 0;
}

struct job {
    float rate, momentum, decay;
    float *params, *velocity; /* velocity: NULL without momentum */
    const float *grads;
};

static void run_range(void *context, size_t first, size_t end)
{
    const struct job *job = context;
    kernels()->pointwise->sgd(end - first, job->rate, job->momentum, job->decay, job->grads + first,
                              job->params + first, job->velocity ? job->velocity + first : NULL);
}

/* state: v, n floats; without momentum v is g and need not be kept. */
static void step(const struct optimizer *optimizer, float *params, const float *grads, float *state,
                 size_t n, uint64_t t)
{
    (void)t;
    struct job job = {
        .rate = (float)optimizer->learning_rate,
        .momentum = (float)optimizer->momentum,
        .decay = (float)optimizer->weight_decay,
        .params = params,
        .velocity = optimizer->momentum != 0 ? state : NULL,
        .grads = grads,
    };
    parallel_ranges(n, n, run_range, &job);
}

const struct optimizer_ops optimizer_sgd = {
    .name = "sgd",
    .help = "stochastic gradient descent, with momentum",
    .fallback = {.learning_rate = 1e-3},
    .n_state = n_state,
    .step = step,
};
