/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Blocks of memory with a size and a lifetime, laid out in one arena so that blocks that live at the same time do not
 * overlap: first fit, largest first. Knows nothing of networks. Inside models/: used by layout.c.
 */
#ifndef MODELS_BLOCK_PACK_H
#define MODELS_BLOCK_PACK_H

#include <stddef.h>

struct block {
    size_t floats;    /* 0 takes no place */
    int birth, death; /* lives in [birth, death], in any unit */
    size_t offset;    /* set by block_pack() */
};

/* Floats of the arena. Sizes are multiples of the alignment and their sum does not overflow. The same for the same blocks. */
size_t block_pack(struct block *blocks, size_t n);

#endif
