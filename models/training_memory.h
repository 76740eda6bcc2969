/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What training takes in memory, to the byte, found from the spec without taking any: for `splitbed profile`, and for
 * whoever has to fit a front part into a device. Besides it a process holds its program, its data and a few pages.
 */
#ifndef MODELS_TRAINING_MEMORY_H
#define MODELS_TRAINING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "models/net_spec.h"
#include "models/optimizer.h"

struct training_memory_request {
    const struct net_spec *spec;
    int from, to;                      /* layers; to < 0: to the end */
    int max_batch;                     /* samples, at least 1 */
    int n_threads;                     /* as net_set_threads() would be told */
    bool is_aggregating;               /* a tape of tape_new_aggregating() */
    const struct optimizer *optimizer; /* NULL: none */
};

/* Bytes. The first two together are net_bytes(), the last is tape_bytes(). */
struct training_memory {
    size_t weights; /* parameters and buffers */
    size_t gradients;
    size_t optimizer; /* its state */
    size_t tape;      /* activations, their gradients, scratch */
};

/* Fails as net_new() and tape_new() do: on a spec that does not check, a range outside it, sizes beyond all memory. */
int training_memory_predict(struct training_memory *memory,
                            const struct training_memory_request *request, struct err *err);
size_t training_memory_sum(const struct training_memory *memory);

#endif
