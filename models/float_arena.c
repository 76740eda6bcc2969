/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/float_arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_FROM_BYTES ((size_t)4 << 20)

#define HUGE_PAGE ((size_t)2 << 20)

static uintptr_t round_up(uintptr_t address, size_t step)
{
    return (address + step - 1) / step * step;
}

/*
 * Aligned to a huge page; what lies around it is given back. The advice may be refused, or the system know no huge
 * pages: then pages are small.
 */
static int map_huge(struct float_arena *arena, size_t bytes)
{
    size_t length = round_up(bytes, HUGE_PAGE);
    char *all =
        mmap(NULL, length + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return -1;
    size_t before = round_up((uintptr_t)all, HUGE_PAGE) - (uintptr_t)all;
    if (before > 0)
        munmap(all, before);
    munmap(all + before + length, HUGE_PAGE - before);
    arena->block = all + before;
    arena->mapped_bytes = length;
    madvise(arena->block, length, MADV_HUGEPAGE);
    return 0;
}

/* calloc and not aligned_alloc: large blocks come as untouched zero pages. */
static int get_block(struct float_arena *arena, size_t bytes)
{
    if (bytes >= HUGE_FROM_BYTES)
        return map_huge(arena, bytes);
    arena->block = calloc(1, bytes + FLOAT_ARENA_ALIGN);
    return arena->block ? 0 : -1;
}

int float_arena_init(struct float_arena *arena, size_t n, const char *what, struct err *err)
{
    *arena = (struct float_arena){0};
    if (n > FLOAT_ARENA_MAX || n > (SIZE_MAX - 2 * HUGE_PAGE) / sizeof(float))
        return err_set(err, "%s: %zu numbers do not fit into memory", what, n);
    if (get_block(arena, n * sizeof(float)))
        return err_set(err, "%s: no memory for %zu bytes", what, n * sizeof(float));
    arena->at = (float *)round_up((uintptr_t)arena->block, FLOAT_ARENA_ALIGN);
    arena->n = n;
    return 0;
}

void float_arena_release(struct float_arena *arena)
{
    if (arena->mapped_bytes > 0)
        munmap(arena->block, arena->mapped_bytes);
    else
        free(arena->block);
    *arena = (struct float_arena){0};
}

size_t float_arena_round(size_t n)
{
    const size_t step = FLOAT_ARENA_ALIGN / sizeof(float);
    return (n + step - 1) / step * step;
}
