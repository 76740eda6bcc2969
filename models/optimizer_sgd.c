/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/optimizer.h"

static int n_state(const struct optimizer *optimizer)
{
    return optimizer->momentum != 0;
}

/* state: v, n floats; without momentum v is g and need not be kept. */
static void step(const struct optimizer *optimizer, float *restrict params,
                 const float *restrict grads, float *restrict state, size_t n, uint64_t t)
{
    float rate = (float)optimizer->learning_rate, momentum = (float)optimizer->momentum;
    float decay = (float)optimizer->weight_decay;
    (void)t;
    if (n_state(optimizer) == 0) {
        for (size_t i = 0; i < n; i++)
            params[i] -= rate * (grads[i] + decay * params[i]);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        state[i] = momentum * state[i] + (grads[i] + decay * params[i]);
        params[i] -= rate * state[i];
    }
}

const struct optimizer_ops optimizer_sgd = {
    .name = "sgd",
    .help = "stochastic gradient descent, with momentum",
    .fallback = {.learning_rate = 1e-3},
    .n_state = n_state,
    .step = step,
};
