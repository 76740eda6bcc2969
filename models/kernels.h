/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inner loops of the layers, compiled once for each instruction set and chosen when the program runs: nothing
 * requires AVX, and whoever has it gets it. Inside models/.
 *
 * Files models/kernels_*.c are compiled once per instruction set of the Makefile's ISAS, each time with another suffix
 * for what they define: KERNEL(relu) is relu_v1, relu_v3 or relu_v4 on x86-64 (the psABI's levels: SSE2, AVX2 with
 * FMA, AVX-512) and relu_base elsewhere. They are plain C: loops the compiler vectorises, and models/kernels_vector.h.
 */
#ifndef MODELS_KERNELS_H
#define MODELS_KERNELS_H

#include <stddef.h>

#ifdef KERNEL_ISA
#define KERNEL_PASTE_(name, isa) name##_##isa
#define KERNEL_PASTE(name, isa)  KERNEL_PASTE_(name, isa)
#define KERNEL(name)             KERNEL_PASTE(name, KERNEL_ISA)
#endif

/* Floats that lie side by side: one register with AVX-512, two with AVX2, four with SSE2 and NEON. */
#define KERNEL_LANES 16

/* Before a loop whose turns do not read what others write, though the compiler cannot see it. */
#ifdef __clang__
#define KERNEL_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define KERNEL_INDEPENDENT _Pragma("GCC ivdep")
#endif
struct lane_kernels;     /* models/kernels_lanes.h */
struct winograd_kernels; /* models/winograd.h */

/* What each does stands in its header, models/kernels_NAME.h. */
struct kernels {
    const char *isa; /* "v4" */
    const struct pointwise_kernels *pointwise;
    const struct norm_kernels *norm;
    const struct pool_kernels *pool;
    const struct winograd_kernels *winograd;
    const struct lane_kernels *lanes;
    /* Multiply-adds in registers: returns how many operations they were, two each; to be timed. */
    double (*peak)(long n_rounds);
};

/* The best this processor has. */
const struct kernels *kernels(void);

/* All that this processor has, the plainest first, for tests and benches; NULL past the last. */
const struct kernels *kernels_at(size_t i);

#endif
