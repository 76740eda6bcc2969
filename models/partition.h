/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which device holds which training samples, decided once by the server from labels and seed and sent to
 * each device as a list of indices. And the order in which a device draws its own.
 */
#ifndef MODELS_PARTITION_H
#define MODELS_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"

struct partition {
    uint32_t *index; /* all devices' samples, device after device */
    size_t *first;   /* n_devices + 1: device i holds index[first[i] .. first[i + 1]) */
    int n_devices;
};

struct partition_request {
    const char *kind; /* a row of the table: "iid", "shards", "dirichlet" */
    int n_devices;    /* >= 1 */
    int shards_per_device; /* "shards": label-sorted shards dealt to each device (McMahan et al., 2017) */
    double alpha;          /* "dirichlet": concentration; small is skewed (Hsu et al., 2019) */
    int min_samples;       /* each device gets at least so many (and at least 1), or it is refused
                        (dirichlet: redrawn, at most 100 times) */
    uint64_t seed;
};

/* Every sample goes to exactly one device. */
int partition_make(struct partition *partition, const struct partition_request *request,
                   const uint32_t *labels, size_t n_samples, struct err *err);
void partition_release(struct partition *partition);

const char *partition_kinds(void); /* "iid, shards, dirichlet" */

/* A device's endless walk through its samples: every epoch a new shuffle, batches across epoch ends. */
struct sampler {
    struct rng rng;
    uint32_t *order; /* the device's indices, permuted */
    size_t n, next;
};

/* Copies `index`; n >= 1. */
void sampler_init(struct sampler *sampler, const uint32_t *index, size_t n, uint64_t seed,
                  uint64_t stream);
void sampler_release(struct sampler *sampler);
void sampler_draw(struct sampler *sampler, uint32_t *index, int n);

#endif
