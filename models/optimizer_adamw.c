/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/optimizer.h"

#include <math.h>

static int n_state(const struct optimizer *optimizer)
{
    (void)optimizer;
    return 2;
}

/* state: m, n floats, then v. */
static void step(const struct optimizer *optimizer, float *restrict params,
                 const float *restrict grads, float *state, size_t n, uint64_t t)
{
    double beta1 = optimizer->beta1, beta2 = optimizer->beta2, rate = optimizer->learning_rate;
    float keep1 = (float)beta1, take1 = (float)(1 - beta1);
    float keep2 = (float)beta2, take2 = (float)(1 - beta2);
    float shrink = (float)(1 - rate * optimizer->weight_decay), eps = (float)optimizer->eps;
    float size = (float)(rate / (1 - pow(beta1, (double)t)));
    float correction = (float)(1 / sqrt(1 - pow(beta2, (double)t)));
    float *restrict m = state, *restrict v = state + n;
    for (size_t i = 0; i < n; i++) {
        m[i] = keep1 * m[i] + take1 * grads[i];
        v[i] = keep2 * v[i] + take2 * grads[i] * grads[i];
        params[i] = shrink * params[i] - size * m[i] / (sqrtf(v[i]) * correction + eps);
    }
}

const struct optimizer_ops optimizer_adamw = {
    .name = "adamw",
    .help = "Adam with decoupled weight decay",
    .fallback =
        {.learning_rate = 1e-3, .weight_decay = 1e-2, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
    .n_state = n_state,
    .step = step,
};
