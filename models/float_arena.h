/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One block of zeroed floats, aligned to a cache line, that may be too large to get: then it is refused
 * with an error. Inside models/: a net has one and a tape has one.
 *
 * Blocks of several MiB lie on huge pages where the system has them to give: the first touch of those costs about a tenth
 * per byte, and the processor finds addresses faster.
 */
#ifndef MODELS_FLOAT_ARENA_H
#define MODELS_FLOAT_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FLOAT_ARENA_ALIGN 64                  /* bytes */
#define FLOAT_ARENA_MAX   (UINT64_C(1) << 36) /* floats: 256 GiB */

struct float_arena {
    float *at;           /* aligned; never NULL after init */
    size_t n;            /* floats */
    void *block;         /* what was allocated */
    size_t mapped_bytes; /* of it, where it came from mmap; else 0 */
};

/* `what` names the arena in the error. Pages are taken when first written to. */
int float_arena_init(struct float_arena *arena, size_t n, const char *what, struct err *err);
void float_arena_release(struct float_arena *arena);

/* n rounded up, so that what follows it in an arena is aligned as well. */
size_t float_arena_round(size_t n);

#endif
