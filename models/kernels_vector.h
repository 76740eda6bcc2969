/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Floats side by side, for models/kernels_*.c: as many as a register of the instruction set holds, and sixteen.
 *
 * What is computed with is a `vec`, one register. A vector wider than a register is allowed by the compilers, but gcc
 * keeps it in memory: sums of such vectors are loaded and stored at every step. So the KERNEL_LANES floats of a number
 * in lanes are KERNEL_PARTS registers, one after the other, and loops over these are unrolled.
 */
#ifndef MODELS_KERNELS_VECTOR_H
#define MODELS_KERNELS_VECTOR_H

#include "models/kernels.h"

#if defined(__AVX512F__)
#define KERNEL_WIDTH 16
#elif defined(__AVX__)
#define KERNEL_WIDTH 8
#else
#define KERNEL_WIDTH 4
#endif

#define KERNEL_PARTS (KERNEL_LANES / KERNEL_WIDTH)

#define KERNEL_INLINE static inline __attribute__((always_inline))

/* Before a loop of a constant number of turns, at most 16. */
#ifdef __clang__
#define KERNEL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define KERNEL_UNROLL _Pragma("GCC unroll 16")
#endif

/* Before one that is to remain a loop: unrolled, its loads would all come first and push sums out of the registers. */
#ifdef __clang__
#define KERNEL_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define KERNEL_ROLLED _Pragma("GCC unroll 1")
#endif

typedef float vec __attribute__((vector_size(4 * KERNEL_WIDTH)));
/* The same anywhere in memory. */
typedef float vec_unaligned __attribute__((vector_size(4 * KERNEL_WIDTH), aligned(4), may_alias));

typedef float f32x4 __attribute__((vector_size(16)));
typedef float f32x4_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

/* Sixteen floats that are moved and added. */
struct lanes {
    vec part[KERNEL_PARTS];
};

KERNEL_INLINE vec vec_load(const float *at)
{
    return *(const vec_unaligned *)at;
}

KERNEL_INLINE void vec_store(float *at, vec value)
{
    *(vec_unaligned *)at = value;
}

KERNEL_INLINE struct lanes lanes_load(const float *at)
{
    struct lanes v;
    KERNEL_UNROLL for (int i = 0; i < KERNEL_PARTS; i++) v.part[i] =
        vec_load(at + i * KERNEL_WIDTH);
    return v;
}

KERNEL_INLINE void lanes_store(float *at, struct lanes v)
{
    KERNEL_UNROLL for (int i = 0; i < KERNEL_PARTS; i++)
        vec_store(at + i * KERNEL_WIDTH, v.part[i]);
}

/* What is at `at` += v */
KERNEL_INLINE void lanes_add(float *at, struct lanes v)
{
    KERNEL_UNROLL for (int i = 0; i < KERNEL_PARTS; i++)
        vec_store(at + i * KERNEL_WIDTH, vec_load(at + i * KERNEL_WIDTH) + v.part[i]);
}

#endif
