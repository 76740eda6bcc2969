/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/optimizer.h"

#include <assert.h>

#include "models/kernels.h"
#include "models/kernels_pointwise.h"
#include "models/parallel.h"

struct job {
    float rate, momentum, decay;
    float *params, *velocity;
    const float *grads;
};

static void run_range(void *context, size_t first, size_t end)
{
    const struct job *job = context;
    kernels()->pointwise->sgd(end - first, job->rate, job->momentum, job->decay, job->grads + first,
                              job->params + first, job->velocity ? job->velocity + first : NULL);
}

void sgd_step(const struct sgd *sgd, float *params, const float *grads, float *velocity, size_t n)
{
    assert((velocity != NULL) == (sgd->momentum != 0) || n == 0);
    float rate = (float)sgd->learning_rate, momentum = (float)sgd->momentum;
    float decay = (float)sgd->weight_decay;
    struct job job = {rate, momentum, decay, params, velocity, grads};
    parallel_ranges(n, n, run_range, &job);
}

static int n_state(const struct optimizer *optimizer)
{
    return optimizer->momentum != 0;
}

static void step(const struct optimizer *optimizer, float *params, const float *grads, float *state,
                 size_t n, uint64_t t)
{
    (void)t;
    struct sgd sgd = {optimizer->learning_rate, optimizer->momentum, optimizer->weight_decay};
    sgd_step(&sgd, params, grads, optimizer->momentum != 0 ? state : NULL, n);
}

const struct optimizer_ops optimizer_sgd = {
    .name = "sgd",
    .help = "stochastic gradient descent, with momentum",
    .fallback = {.learning_rate = 1e-3},
    .n_state = n_state,
    .step = step,
};
