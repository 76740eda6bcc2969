/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/float_arena.h"

#include <stdint.h>
#include <stdlib.h>

int float_arena_init(struct float_arena *arena, size_t n, const char *what, struct err *err)
{
    *arena = (struct float_arena){0};
    if (n > FLOAT_ARENA_MAX || n > SIZE_MAX / sizeof(float) - FLOAT_ARENA_ALIGN)
        return err_set(err, "%s: %zu numbers do not fit into memory", what, n);
    /* calloc and not aligned_alloc: large blocks come as untouched zero pages. */
    arena->block = calloc(1, n * sizeof(float) + FLOAT_ARENA_ALIGN);
    if (!arena->block)
        return err_set(err, "%s: no memory for %zu bytes", what, n * sizeof(float));
    uintptr_t address = (uintptr_t)arena->block;
    arena->at = (float *)((address + FLOAT_ARENA_ALIGN - 1) & ~(uintptr_t)(FLOAT_ARENA_ALIGN - 1));
    arena->n = n;
    return 0;
}

void float_arena_release(struct float_arena *arena)
{
    free(arena->block);
    *arena = (struct float_arena){0};
}

size_t float_arena_round(size_t n)
{
    const size_t step = FLOAT_ARENA_ALIGN / sizeof(float);
    return (n + step - 1) / step * step;
}
