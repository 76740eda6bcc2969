/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/partition.h"

void sampler_init(struct sampler *sampler, const uint32_t *index, size_t n, uint64_t seed,
                  uint64_t stream)
{
    assert(n >= 1);
    *sampler = (struct sampler){.order = mem_copy(index, n * sizeof *index), .n = n};
    rng_seed(&sampler->rng, seed, stream);
    rng_shuffle(&sampler->rng, sampler->order, n);
}

void sampler_release(struct sampler *sampler)
{
    free(sampler->order);
    *sampler = (struct sampler){.order = NULL};
}

void sampler_draw(struct sampler *sampler, uint32_t *index, int n)
{
    for (int i = 0; i < n; i++) {
        if (sampler->next == sampler->n) {
            rng_shuffle(&sampler->rng, sampler->order, sampler->n);
            sampler->next = 0;
        }
        index[i] = sampler->order[sampler->next++];
    }
}
