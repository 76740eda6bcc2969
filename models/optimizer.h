/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Optimisers, one row a kind (models/optimizer.c): loops over the parameters, the gradients and a state of floats of the
 * caller's, which with the number of steps is all an optimiser remembers.
 *
 * sgd: with momentum and weight decay as torch.optim.SGD does it (dampening 0, no Nesterov):
 * g += weight_decay w;  v = momentum v + g;  w -= learning_rate v.  The first step's v is g.
 *
 * adamw: as torch.optim.AdamW (Loshchilov and Hutter, 2019), t counting steps from 1:
 * w -= learning_rate weight_decay w;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
 * w -= learning_rate (m/(1 - beta1^t)) / (sqrt(v/(1 - beta2^t)) + eps).
 */
#ifndef MODELS_OPTIMIZER_H
#define MODELS_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct optimizer {
    const struct optimizer_ops *kind;
    double learning_rate;     /* > 0 */
    double weight_decay;      /* >= 0 */
    double momentum;          /* sgd: [0, 1) */
    double beta1, beta2, eps; /* adamw: [0, 1), [0, 1), > 0 */
};

struct optimizer_ops {
    const char *name;
    const char *help;
    struct optimizer fallback; /* PyTorch's defaults; `kind` is not filled in */
    /* Floats of state per parameter. */
    int (*n_state)(const struct optimizer *optimizer);
    void (*step)(const struct optimizer *optimizer, float *params, const float *grads, float *state,
                 size_t n, uint64_t t);
};

/* The kind's fallbacks, for the caller to change. Fails on an unknown kind, with the choices. */
int optimizer_init(struct optimizer *optimizer, const char *kind, struct err *err);
const char *optimizer_kinds(void); /* "sgd, adamw" */

/* Floats of state for n parameters; zero before the first step. */
size_t optimizer_state_floats(const struct optimizer *optimizer, size_t n);

/* One step, the t-th from 1. state may be NULL when it has no floats. */
void optimizer_step(const struct optimizer *optimizer, float *params, const float *grads,
                    float *state, size_t n, uint64_t t);

extern const struct optimizer_ops optimizer_sgd, optimizer_adamw;

#endif
