/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/optimizer.h"

#include <math.h>

#include "models/kernels.h"
#include "models/kernels_pointwise.h"
#include "models/parallel.h"

static int n_state(const struct optimizer *optimizer)
{
    (void)optimizer;
    return 2;
}

struct job {
    struct adamw_rates rates;
    float *params, *m, *v;
    const float *grads;
};

static void run_range(void *context, size_t first, size_t end)
{
    const struct job *job = context;
    kernels()->pointwise->adamw(end - first, job->rates, job->grads + first, job->params + first,
                                job->m + first, job->v + first);
}

/* state: m, n floats, then v. */
static void step(const struct optimizer *optimizer, float *params, const float *grads, float *state,
                 size_t n, uint64_t t)
{
    double beta1 = optimizer->beta1, beta2 = optimizer->beta2, rate = optimizer->learning_rate;
    struct job job = {
        .rates =
            {
                .keep1 = (float)beta1,
                .take1 = (float)(1 - beta1),
                .keep2 = (float)beta2,
                .take2 = (float)(1 - beta2),
                .shrink = (float)(1 - rate * optimizer->weight_decay),
                .size = (float)(rate / (1 - pow(beta1, (double)t))),
                .correction = (float)(1 / sqrt(1 - pow(beta2, (double)t))),
                .eps = (float)optimizer->eps,
            },
        .params = params,
        .m = state,
        .v = state + n,
        .grads = grads,
    };
    parallel_ranges(n, n, run_range, &job);
}

const struct optimizer_ops optimizer_adamw = {
    .name = "adamw",
    .help = "Adam with decoupled weight decay",
    .fallback =
        {.learning_rate = 1e-3, .weight_decay = 1e-2, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
    .n_state = n_state,
    .step = step,
};
