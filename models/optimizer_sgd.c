/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/optimizer.h"

#include <assert.h>

void sgd_step(const struct sgd *sgd, float *restrict params, const float *restrict grads,
              float *restrict velocity, size_t n)
{
    assert((velocity != NULL) == (sgd->momentum != 0) || n == 0);
    float rate = (float)sgd->learning_rate, momentum = (float)sgd->momentum;
    float decay = (float)sgd->weight_decay;
    if (!velocity) {
        for (size_t i = 0; i < n; i++)
            params[i] -= rate * (grads[i] + decay * params[i]);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        velocity[i] = momentum * velocity[i] + (grads[i] + decay * params[i]);
        params[i] -= rate * velocity[i];
    }
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
