/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A 16 x 16 transpose in registers, for kernels that bring channels or samples side by side. Inside models/kernels_*. */
#ifndef MODELS_KERNELS_TRANSPOSE_H
#define MODELS_KERNELS_TRANSPOSE_H

#include "models/kernels.h"

#ifdef __AVX512F__

#define SHUFFLE_(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

/* Pairs of floats, then pairs of pairs, are exchanged within each quarter of the vectors; then the quarters. */
static inline void transpose_16x16(f32x16 rows[16])
{
    f32x16 t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = SHUFFLE_(rows[i], rows[i + 1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13,
                        29);
        t[i + 1] = SHUFFLE_(rows[i], rows[i + 1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14,
                            30, 15, 31);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
#pragma GCC unroll 2
        for (int k = 0; k < 2; k++) {
            f32x16 a = t[i + k], b = t[i + 2 + k];
            rows[i + 2 * k] =
                SHUFFLE_(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
            rows[i + 2 * k + 1] =
                SHUFFLE_(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
        }
    }
    /* rows[4 g + k], quarter q: column 4 q + k of rows 4 g to 4 g + 3 */
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        f32x16 a = rows[k], b = rows[4 + k], c = rows[8 + k], d = rows[12 + k];
        f32x16 ab_low = SHUFFLE_(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        f32x16 ab_high =
            SHUFFLE_(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
        f32x16 cd_low = SHUFFLE_(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        f32x16 cd_high =
            SHUFFLE_(c, d, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
        t[k] = SHUFFLE_(ab_low, cd_low, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
        t[4 + k] =
            SHUFFLE_(ab_low, cd_low, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
        t[8 + k] =
            SHUFFLE_(ab_high, cd_high, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
        t[12 + k] =
            SHUFFLE_(ab_high, cd_high, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        rows[i] = t[i];
}

#undef SHUFFLE_

#else

typedef float f32x4 __attribute__((vector_size(16), may_alias));

static inline void transpose_4x4(const f32x4 *from, f32x4 *to)
{
    f32x4 a = __builtin_shufflevector(from[0], from[4], 0, 4, 1, 5);
    f32x4 b = __builtin_shufflevector(from[0], from[4], 2, 6, 3, 7);
    f32x4 c = __builtin_shufflevector(from[8], from[12], 0, 4, 1, 5);
    f32x4 d = __builtin_shufflevector(from[8], from[12], 2, 6, 3, 7);
    to[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    to[4] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    to[8] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    to[12] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

/* Sixteen 4 x 4 blocks; a row is 4 short vectors. */
static inline void transpose_16x16(f32x16 rows[16])
{
    f32x4 from[64], *to = (f32x4 *)rows;
    __builtin_memcpy(from, rows, sizeof from);
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++)
            transpose_4x4(from + 16 * y + x, to + 16 * x + y);
}

#endif

#endif
