/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Seeded random numbers: xoshiro256** (Blackman and Vigna, 2018) seeded through SplitMix64.
 *
 * The state is explicit and small enough to be saved with a checkpoint. One experiment seed feeds many
 * independent streams: rng_seed(&rng, seed, stream) with a stream number of the caller's own, so that
 * adding a draw in one place never changes the draws of another.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state[4];
};

/* Streams in use, so that no two users share one; add i for the i-th device or layer. */
enum rng_stream {
    RNG_DEVICES = 0x1000000,   /* clocks, powers, places of the devices */
    RNG_CHANNEL = 0x2000000,   /* shadowing, fading */
    RNG_PARTITION = 0x3000000, /* which device holds which sample */
    RNG_WEIGHTS = 0x4000000,   /* + index of the layer in the whole network */
    RNG_SAMPLER = 0x5000000,   /* + device index: order of its samples */
    RNG_POLICY = 0x6000000,    /* scheduling policies that draw */
    RNG_DROPOUT = 0x7000000,   /* + index of the primitive layer in the whole network */
    RNG_SYNTHETIC = 0x8000000, /* made-up data: + class, then + sample */
    RNG_AUGMENT = 0x9000000,   /* random crops and flips */
};

void rng_seed(struct rng *rng, uint64_t seed, uint64_t stream);

uint64_t rng_next(struct rng *rng);                         /* 64 random bits */
double rng_uniform(struct rng *rng);                        /* [0, 1), 53 bits */
double rng_uniform_in(struct rng *rng, double a, double b); /* [a, b) */
uint64_t rng_below(struct rng *rng, uint64_t n);            /* [0, n), unbiased; n > 0 */
double rng_normal(struct rng *rng);              /* mean 0, variance 1 (Marsaglia polar) */
double rng_exponential(struct rng *rng);         /* mean 1 */
double rng_gamma(struct rng *rng, double shape); /* scale 1 (Marsaglia and Tsang, 2000) */

/* Fisher-Yates over n 32-bit numbers. */
void rng_shuffle(struct rng *rng, uint32_t *values, size_t n);

#endif
