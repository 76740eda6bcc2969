/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SGD with momentum and weight decay as torch.optim.SGD does it (dampening 0, no Nesterov):
 * g += weight_decay w;  v = momentum v + g;  w -= learning_rate v.  The first step's v is g.
 */
#ifndef MODELS_OPTIMIZER_H
#define MODELS_OPTIMIZER_H

#include <stddef.h>

struct sgd {
    double learning_rate; /* > 0 */
    double momentum;      /* [0, 1) */
    double weight_decay;  /* >= 0 */
};

/* velocity: n floats, zero before the first step, the optimiser's whole state; NULL iff momentum is 0. */
void sgd_step(const struct sgd *sgd, float *params, const float *grads, float *velocity, size_t n);

#endif
