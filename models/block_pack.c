/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/block_pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Largest first; of equals the one that comes first. */
static int compare_size(const void *a, const void *b)
{
    const struct block *x = *(struct block *const *)a, *y = *(struct block *const *)b;
    if (x->floats != y->floats)
        return x->floats > y->floats ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Placed blocks, by offset: the lowest gap among those that live when `block` does. */
static size_t find_gap(const struct block *block, struct block *const *placed, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const struct block *other = placed[i];
        if (other->death < block->birth || block->death < other->birth)
            continue;
        if (other->offset >= at + block->floats)
            break;
        if (other->offset + other->floats > at)
            at = other->offset + other->floats;
    }
    return at;
}

static void insert(struct block *block, struct block **placed, size_t n)
{
    size_t i = n;
    while (i > 0 && placed[i - 1]->offset > block->offset)
        i--;
    memmove(placed + i + 1, placed + i, (n - i) * sizeof(struct block *));
    placed[i] = block;
}

size_t block_pack(struct block *blocks, size_t n)
{
    struct block **order = mem_zero(n + 1, sizeof(struct block *));
    struct block **placed = mem_zero(n + 1, sizeof(struct block *));
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        order[i] = &blocks[i];
    qsort(order, n, sizeof(struct block *), compare_size);
    for (size_t i = 0; i < n && order[i]->floats > 0; i++) {
        struct block *block = order[i];
        block->offset = find_gap(block, placed, i);
        insert(block, placed, i);
        if (block->offset + block->floats > total)
            total = block->offset + block->floats;
    }
    free(order);
    free(placed);
    return total;
}
