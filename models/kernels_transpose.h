/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A 16 x 16 transpose in registers, for kernels that bring channels or samples side by side. Inside models/kernels_*. */
#ifndef MODELS_KERNELS_TRANSPOSE_H
#define MODELS_KERNELS_TRANSPOSE_H

#include "models/kernels_vector.h"

#if KERNEL_WIDTH == 16

#define SHUFFLE_(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

/* Pairs of floats, then pairs of pairs, are exchanged within each quarter of the vectors; then the quarters. */
KERNEL_INLINE void transpose_16x16(struct lanes lanes[16])
{
    vec rows[16], t[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++)
        rows[i] = lanes[i].part[0];
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
            vec a = t[i + k], b = t[i + 2 + k];
            rows[i + 2 * k] =
                SHUFFLE_(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
            rows[i + 2 * k + 1] =
                SHUFFLE_(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
        }
    }
    /* rows[4 g + k], quarter q: column 4 q + k of rows 4 g to 4 g + 3 */
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        vec a = rows[k], b = rows[4 + k], c = rows[8 + k], d = rows[12 + k];
        vec ab_low = SHUFFLE_(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        vec ab_high = SHUFFLE_(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
        vec cd_low = SHUFFLE_(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        vec cd_high = SHUFFLE_(c, d, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
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
        lanes[i].part[0] = t[i];
}

#undef SHUFFLE_

#else

/* The four floats from 4 * i on. */
KERNEL_INLINE f32x4_unaligned *quarter(struct lanes *row, int i)
{
    return (f32x4_unaligned *)row + i;
}

KERNEL_INLINE void transpose_4x4(f32x4 r[4])
{
    f32x4 a = __builtin_shufflevector(r[0], r[2], 0, 4, 1, 5);
    f32x4 b = __builtin_shufflevector(r[0], r[2], 2, 6, 3, 7);
    f32x4 c = __builtin_shufflevector(r[1], r[3], 0, 4, 1, 5);
    f32x4 d = __builtin_shufflevector(r[1], r[3], 2, 6, 3, 7);
    r[0] = __builtin_shufflevector(a, c, 0, 4, 1, 5);
    r[1] = __builtin_shufflevector(a, c, 2, 6, 3, 7);
    r[2] = __builtin_shufflevector(b, d, 0, 4, 1, 5);
    r[3] = __builtin_shufflevector(b, d, 2, 6, 3, 7);
}

/* Block (y, x) of 4 x 4 changes places with block (x, y). */
KERNEL_INLINE void exchange_blocks(struct lanes rows[16], int y, int x)
{
    f32x4 a[4], b[4];
    KERNEL_UNROLL for (int i = 0; i < 4; i++)
    {
        a[i] = *quarter(&rows[4 * y + i], x);
        b[i] = *quarter(&rows[4 * x + i], y);
    }
    transpose_4x4(a);
    transpose_4x4(b);
    KERNEL_UNROLL for (int i = 0; i < 4; i++)
    {
        *quarter(&rows[4 * x + i], y) = a[i];
        *quarter(&rows[4 * y + i], x) = b[i];
    }
}

KERNEL_INLINE void transpose_16x16(struct lanes rows[16])
{
    KERNEL_UNROLL for (int y = 0; y < 4; y++)
    {
        KERNEL_UNROLL for (int x = y; x < 4; x++) exchange_blocks(rows, y, x);
    }
}

#endif

#endif
