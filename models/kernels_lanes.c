/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/kernels_lanes.h"

#include <string.h>

#include "models/kernels_transpose.h"

#define LANES  KERNEL_LANES
#define WIDTH  KERNEL_WIDTH
#define PARTS  KERNEL_PARTS
#define INLINE KERNEL_INLINE
#define UNROLL KERNEL_UNROLL

/*
 * Blocks of channels x pixels whose sums stay in registers, PARTS for each, and of channels x taps of a correlation, one
 * for each. A single channel takes more pixels or taps: what hides the latency of an addition is the number of sums.
 * AVX-512 and NEON have 32 registers, AVX2 and SSE2 have 16.
 */
#if KERNEL_WIDTH == 16
enum { CHANNELS = 6, PIXELS = 4, SINGLE_PIXELS = 8, CORRELATED = 6, TAPS = 4, SINGLE_TAPS = 9 };
#elif defined(__aarch64__)
enum { CHANNELS = 6, PIXELS = 1, SINGLE_PIXELS = 3, CORRELATED = 6, TAPS = 4, SINGLE_TAPS = 9 };
#elif defined(__AVX2__)
enum { CHANNELS = 6, PIXELS = 1, SINGLE_PIXELS = 4, CORRELATED = 3, TAPS = 4, SINGLE_TAPS = 9 };
#else
enum { CHANNELS = 2, PIXELS = 1, SINGLE_PIXELS = 2, CORRELATED = 3, TAPS = 3, SINGLE_TAPS = 9 };
#endif

/* Registers of a block's pixels. */
enum { MOST_PARTS = SINGLE_PIXELS * PARTS };

/* The low and the high pairs of two quarters taken turn by turn, by floats and by pairs. */
#if KERNEL_WIDTH == 16
#define LOW(a, b)                                                                                  \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH(a, b)                                                                                 \
    __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW_PAIRS(a, b)                                                                            \
    __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH_PAIRS(a, b)                                                                           \
    __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#elif KERNEL_WIDTH == 8
#define LOW(a, b)        __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(a, b)       __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define LOW_PAIRS(a, b)  __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#else
#define LOW(a, b)        __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH(a, b)       __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define LOW_PAIRS(a, b)  __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#endif

/* Numbers [i, i + n) of each sample as rows of r; n is 16, or less. */
INLINE void load_samples(const struct lane_rows *rows, int i, int n, struct lanes r[LANES])
{
    const float *from = rows->from + i;
    if (rows->n_samples == LANES && n == LANES) {
        UNROLL for (int s = 0; s < LANES; s++) r[s] =
            lanes_load(from + (size_t)s * rows->sample_step);
        return;
    }
    memset(r, 0, LANES * sizeof *r);
    for (int s = 0; s < rows->n_samples; s++)
        memcpy(&r[s], from + (size_t)s * rows->sample_step, (size_t)n * sizeof(float));
}

/* The last block begins early, so that it is a whole one; what it has in common with the one before is not stored. */
static void pack(const struct lane_rows *rows)
{
    float *row = rows->lanes;
    int column = 0, n = rows->n < LANES ? rows->n : LANES;
    for (int done = 0; done < rows->n; done += LANES) {
        struct lanes r[LANES];
        int i = done + n <= rows->n ? done : rows->n - n;
        load_samples(rows, i, n, r);
        transpose_16x16(r);
        if (i == done && column + n <= rows->width && n == LANES) {
            UNROLL for (int k = 0; k < LANES; k++) lanes_store(row + (column + k) * LANES, r[k]);
            column += LANES;
            continue;
        }
        for (int k = done - i; k < n; k++, column++) {
            if (column == rows->width) {
                column = 0;
                row += rows->row_step;
            }
            lanes_store(row + column * LANES, r[k]);
        }
    }
}

INLINE void put(float *to, struct lanes v, bool adds)
{
    if (adds)
        lanes_add(to, v);
    else
        lanes_store(to, v);
}

static void store_samples(const struct lane_rows *rows, int i, int n, const struct lanes r[LANES],
                          bool adds)
{
    for (int s = 0; s < rows->n_samples; s++) {
        float *to = rows->to + (size_t)s * rows->sample_step + i, v[LANES];
        if (n == LANES) {
            put(to, r[s], adds);
            continue;
        }
        memcpy(v, &r[s], sizeof v);
        for (int k = 0; k < n; k++)
            to[k] = adds ? to[k] + v[k] : v[k];
    }
}

/* Likewise; where it adds, it adds zeros to what is done. */
static void unpack(const struct lane_rows *rows, bool adds)
{
    const struct lanes zeros = {{{0}}};
    int n = rows->n < LANES ? rows->n : LANES;
    for (int done = 0; done < rows->n; done += LANES) {
        struct lanes r[LANES];
        int i = done + n <= rows->n ? done : rows->n - n;
        const float *lanes = rows->lanes + (size_t)i * LANES;
        if (i == done && n == LANES) {
            UNROLL for (int k = 0; k < LANES; k++) r[k] = lanes_load(lanes + k * LANES);
        } else {
            for (int k = 0; k < LANES; k++)
                r[k] = k < n && (k >= done - i || !adds) ? lanes_load(lanes + k * LANES) : zeros;
        }
        transpose_16x16(r);
        if (n == LANES && rows->n_samples == LANES) {
            UNROLL for (int s = 0; s < LANES; s++)
                put(rows->to + (size_t)s * rows->sample_step + i, r[s], adds);
        } else {
            store_samples(rows, i, n, r, adds);
        }
    }
}

/* Registers [0, n) of pixels that are `step` floats apart. */
INLINE void load_pixels(int n, const float *from, size_t step, vec *to)
{
    UNROLL for (int q = 0; q < n; q++)
    {
        to[q] = vec_load(from + q % PARTS * WIDTH);
        from += q % PARTS == PARTS - 1 ? step : 0;
    }
}

INLINE void store_pixels(int n, const vec *from, size_t step, float *to)
{
    UNROLL for (int q = 0; q < n; q++)
    {
        vec_store(to + q % PARTS * WIDTH, from[q]);
        to += q % PARTS == PARTS - 1 ? step : 0;
    }
}

/* Channels from o, pixels from p; n_o and n_p are constants where this is called. */
INLINE void product_block(const struct lane_product *a, int o, int p, int n_o, int n_p)
{
    vec sum[CHANNELS][MOST_PARTS];
    const int n_q = n_p * PARTS;
    const struct lane_tap *tap = a->taps, *end = tap + a->n_taps;
    const float *x = a->x + (size_t)p * a->x_step, *w = a->w + (size_t)o * a->w_step;
    float *y = a->y + (size_t)o * a->y_channel + (size_t)p * a->y_step;
    size_t x_step = a->x_step, w_step = a->w_step, y_step = a->y_step;
    UNROLL for (int i = 0; i < n_o; i++)
    {
        float bias = a->bias ? a->bias[o + i] : 0;
        if (a->adds)
            load_pixels(n_q, y + (size_t)i * a->y_channel, y_step, sum[i]);
        else
            UNROLL for (int q = 0; q < n_q; q++) sum[i][q] = bias + (vec){0};
    }
    for (; tap < end; tap++) {
        const float *wt = w + tap->w;
        vec v[MOST_PARTS];
        load_pixels(n_q, x + tap->x, x_step, v);
        UNROLL for (int i = 0; i < n_o; i++)
        {
            float weight = wt[(size_t)i * w_step];
            UNROLL for (int q = 0; q < n_q; q++) sum[i][q] += weight * v[q];
        }
    }
    UNROLL for (int i = 0; i < n_o; i++)
        store_pixels(n_q, sum[i], y_step, y + (size_t)i * a->y_channel);
}

#define BLOCK(n_o, n_p)                                                                            \
    case (n_o)*16 + (n_p):                                                                         \
        product_block(a, o, p, n_o, n_p);                                                          \
        return;

static void product_of(const struct lane_product *a, int o, int p, int n_o, int n_p)
{
    switch (n_o * 16 + n_p) {
        BLOCK(1, 1)
        BLOCK(1, 2)
        BLOCK(2, 1)
#if defined(__AVX2__) || defined(__aarch64__)
        BLOCK(1, 3)
        BLOCK(1, 4)
        BLOCK(3, 1)
        BLOCK(4, 1)
        BLOCK(5, 1)
        BLOCK(6, 1)
#endif
#if KERNEL_WIDTH == 16
        BLOCK(1, 5)
        BLOCK(1, 6)
        BLOCK(1, 7)
        BLOCK(1, 8)
        BLOCK(2, 2)
        BLOCK(2, 3)
        BLOCK(2, 4)
        BLOCK(3, 2)
        BLOCK(3, 3)
        BLOCK(3, 4)
        BLOCK(4, 2)
        BLOCK(4, 3)
        BLOCK(4, 4)
        BLOCK(5, 2)
        BLOCK(5, 3)
        BLOCK(5, 4)
        BLOCK(6, 2)
        BLOCK(6, 3)
        BLOCK(6, 4)
#endif
    }
}

/* The size of the next of equal blocks, or nearly so, that `left` things take when at most `most` make one. */
INLINE int next_block(int left, int most)
{
    int n = (left + most - 1) / most;
    return (left + n - 1) / n;
}

static void product(const struct lane_product *a)
{
    int most = a->n_channels == 1 ? SINGLE_PIXELS : PIXELS, n_p, n_o;
    for (int p = 0; p < a->n_pixels; p += n_p) {
        n_p = next_block(a->n_pixels - p, most);
        for (int o = 0; o < a->n_channels; o += n_o) {
            n_o = next_block(a->n_channels - o, CHANNELS);
            product_of(a, o, p, n_o, n_p);
        }
    }
}

/* In the order of add_four_sums(): which of the two sums up a weight can depend on the number of threads. */
INLINE float sum_of(vec v)
{
    f32x4 q[4] = {{0}};
    float sum[4];
    memcpy(q, &v, sizeof v);
    UNROLL for (int i = 0; i < 4; i++) sum[i] = (q[i][0] + q[i][2]) + (q[i][1] + q[i][3]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* w[0..4) += the sums of each of v. */
INLINE void add_four_sums(float *w, const vec v[4])
{
    vec a = LOW(v[0], v[1]) + HIGH(v[0], v[1]), b = LOW(v[2], v[3]) + HIGH(v[2], v[3]);
    vec c = LOW_PAIRS(a, b) + HIGH_PAIRS(a, b);
    f32x4 q[4] = {{0}};
    memcpy(q, &c, sizeof c);
    *(f32x4_unaligned *)w += (q[0] + q[1]) + (q[2] + q[3]);
}

/* The parts of a pixel are added to the same sums: all lanes end in one number. */
INLINE void correlate_block(const struct lane_correlation *a, int o, int t, int n_o, int n_t)
{
    vec sum[CORRELATED][SINGLE_TAPS];
    const float *y = a->y + (size_t)o * a->y_channel, *x[SINGLE_TAPS];
    UNROLL for (int i = 0; i < n_o; i++)
    {
        UNROLL for (int k = 0; k < n_t; k++) sum[i][k] = (vec){0};
    }
    UNROLL for (int k = 0; k < n_t; k++) x[k] = a->x + a->taps[t + k];
    size_t y_channel = a->y_channel, x_step = a->x_step;
    for (int row = 0; row < a->n_rows; row++) {
        const float *yr = y + (size_t)row * a->y_row;
        const float *end = yr + (size_t)a->n_columns * LANES;
        size_t at = (size_t)row * a->x_row;
        for (; yr < end; yr += LANES, at += x_step) {
            KERNEL_ROLLED for (int q = 0; q < LANES; q += WIDTH)
            {
                vec v[SINGLE_TAPS];
                UNROLL for (int k = 0; k < n_t; k++) v[k] = vec_load(x[k] + at + q);
                UNROLL for (int i = 0; i < n_o; i++)
                {
                    vec g = vec_load(yr + (size_t)i * y_channel + q);
                    UNROLL for (int k = 0; k < n_t; k++) sum[i][k] += g * v[k];
                }
            }
        }
    }
    float *w = a->w + (size_t)o * a->w_step + t;
    UNROLL for (int i = 0; i < n_o; i++)
    {
        float *row = w + (size_t)i * a->w_step;
        int whole = n_t / 4 * 4;
        UNROLL for (int k = 0; k < whole; k += 4) add_four_sums(row + k, &sum[i][k]);
        UNROLL for (int k = whole; k < n_t; k++) row[k] += sum_of(sum[i][k]);
    }
}

#undef BLOCK
#define BLOCK(n_o, n_t)                                                                            \
    case (n_o)*16 + (n_t):                                                                         \
        correlate_block(a, o, t, n_o, n_t);                                                        \
        return;

static void correlate_of(const struct lane_correlation *a, int o, int t, int n_o, int n_t)
{
    switch (n_o * 16 + n_t) {
        BLOCK(1, 1)
        BLOCK(1, 2)
        BLOCK(1, 3)
        BLOCK(1, 4)
        BLOCK(1, 5)
        BLOCK(1, 6)
        BLOCK(1, 7)
        BLOCK(1, 8)
        BLOCK(1, 9)
        BLOCK(2, 1)
        BLOCK(2, 2)
        BLOCK(2, 3)
        BLOCK(3, 1)
        BLOCK(3, 2)
        BLOCK(3, 3)
#if defined(__AVX2__) || defined(__aarch64__)
        BLOCK(2, 4)
        BLOCK(3, 4)
#endif
#if KERNEL_WIDTH == 16 || defined(__aarch64__)
        BLOCK(4, 1)
        BLOCK(4, 2)
        BLOCK(4, 3)
        BLOCK(4, 4)
        BLOCK(5, 1)
        BLOCK(5, 2)
        BLOCK(5, 3)
        BLOCK(5, 4)
        BLOCK(6, 1)
        BLOCK(6, 2)
        BLOCK(6, 3)
        BLOCK(6, 4)
#endif
    }
}

static void correlate(const struct lane_correlation *a)
{
    int n_o, n_t;
    for (int o = 0; o < a->n_channels; o += n_o) {
        n_o = next_block(a->n_channels - o, CORRELATED);
        for (int t = 0; t < a->n_taps; t += n_t) {
            int left = a->n_taps - t;
            n_t = a->n_channels == 1 ? next_block(left, SINGLE_TAPS) : left < TAPS ? left : TAPS;
            correlate_of(a, o, t, n_o, n_t);
        }
    }
}

static float sum(const float *lanes, int n)
{
    vec part[PARTS] = {{0}};
    for (int i = 0; i < n; i++)
        UNROLL for (int q = 0; q < PARTS; q++) part[q] +=
            vec_load(lanes + (size_t)i * LANES + q * WIDTH);
    UNROLL for (int q = 1; q < PARTS; q++) part[0] += part[q];
    return sum_of(part[0]);
}

extern const struct lane_kernels KERNEL(lane_kernels);
const struct lane_kernels KERNEL(lane_kernels) = {
    .pack = pack,
    .unpack = unpack,
    .product = product,
    .correlate = correlate,
    .sum = sum,
};
