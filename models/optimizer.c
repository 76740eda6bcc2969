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
