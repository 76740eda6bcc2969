/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/kernels_lanes.h"

#include <string.h>

#include "models/kernels.h"

#define LANES  KERNEL_LANES
#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/*
 * Blocks of channels x pixels whose sums stay in registers, and of channels x taps of a correlation. A single channel
 * takes more pixels: what hides the latency of an addition is the number of sums.
 */
#if defined(__AVX512F__)
enum { CHANNELS = 6, PIXELS = 4, SINGLE_PIXELS = 8, CORRELATED = 6, TAPS = 4, SINGLE_TAPS = 9 };
#elif defined(__AVX2__)
enum { CHANNELS = 6, PIXELS = 1, SINGLE_PIXELS = 4, CORRELATED = 2, TAPS = 2, SINGLE_TAPS = 4 };
#elif defined(__aarch64__)
enum { CHANNELS = 6, PIXELS = 1, SINGLE_PIXELS = 4, CORRELATED = 2, TAPS = 2, SINGLE_TAPS = 4 };
#else
enum { CHANNELS = 2, PIXELS = 1, SINGLE_PIXELS = 2, CORRELATED = 2, TAPS = 1, SINGLE_TAPS = 2 };
#endif

typedef float f32x4 __attribute__((vector_size(16)));
typedef float f32x4_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

INLINE f32x16 load(const float *at)
{
    return *(const f32x16 *)at;
}

INLINE void store(float *at, f32x16 v)
{
    *(f32x16 *)at = v;
}

#define LOW(a, b)                                                                                  \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH(a, b)                                                                                 \
    __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW_PAIRS(a, b)                                                                            \
    __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH_PAIRS(a, b)                                                                           \
    __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)

#ifdef __AVX512F__

#define EVEN_QUARTERS(a, b)                                                                        \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define ODD_QUARTERS(a, b)                                                                         \
    __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)

/* Transposes each 4 x 4 within quarters, then quarters: the numbers of column i end in r[i]. */
INLINE void transpose(f32x16 r[LANES])
{
    f32x16 t[LANES];
    UNROLL for (int i = 0; i < LANES; i += 4)
    {
        f32x16 a = LOW(r[i], r[i + 1]), b = HIGH(r[i], r[i + 1]);
        f32x16 c = LOW(r[i + 2], r[i + 3]), d = HIGH(r[i + 2], r[i + 3]);
        t[i] = LOW_PAIRS(a, c);
        t[i + 1] = HIGH_PAIRS(a, c);
        t[i + 2] = LOW_PAIRS(b, d);
        t[i + 3] = HIGH_PAIRS(b, d);
    }
    UNROLL for (int i = 0; i < 4; i++)
    {
        f32x16 a = EVEN_QUARTERS(t[i], t[i + 4]), b = ODD_QUARTERS(t[i], t[i + 4]);
        f32x16 c = EVEN_QUARTERS(t[i + 8], t[i + 12]), d = ODD_QUARTERS(t[i + 8], t[i + 12]);
        r[i] = EVEN_QUARTERS(a, c);
        r[i + 4] = EVEN_QUARTERS(b, d);
        r[i + 8] = ODD_QUARTERS(a, c);
        r[i + 12] = ODD_QUARTERS(b, d);
    }
}

#else
/* By blocks of 4 x 4 through memory. */
INLINE void transpose(f32x16 r[LANES])
{
    f32x16 t[LANES];
    const f32x4 *from = (const f32x4 *)r;
    f32x4 *to = (f32x4 *)t;
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            f32x4 a = from[16 * i + j], b = from[16 * i + 4 + j];
            f32x4 c = from[16 * i + 8 + j], d = from[16 * i + 12 + j];
            f32x4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
            f32x4 cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
            to[16 * j + i] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
            to[16 * j + 4 + i] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
            ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
            cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
            to[16 * j + 8 + i] = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
            to[16 * j + 12 + i] = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
        }
    }
    for (int i = 0; i < LANES; i++)
        r[i] = t[i];
}

#endif

/* Numbers [i, i + n) of each sample as rows of r; n is 16, or less. */
INLINE void load_samples(const struct lane_rows *rows, int i, int n, f32x16 r[LANES])
{
    const float *from = rows->from + i;
    if (rows->n_samples == LANES && n == LANES) {
        UNROLL for (int s = 0; s < LANES; s++) r[s] =
            *(const f32x16_unaligned *)(from + (size_t)s * rows->sample_step);
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
        f32x16 r[LANES];
        int i = done + n <= rows->n ? done : rows->n - n;
        load_samples(rows, i, n, r);
        transpose(r);
        if (i == done && column + n <= rows->width && n == LANES) {
            UNROLL for (int k = 0; k < LANES; k++) store(row + (column + k) * LANES, r[k]);
            column += LANES;
            continue;
        }
        for (int k = done - i; k < n; k++, column++) {
            if (column == rows->width) {
                column = 0;
                row += rows->row_step;
            }
            store(row + column * LANES, r[k]);
        }
    }
}

INLINE void put(float *to, f32x16 v, bool adds)
{
    f32x16_unaligned *at = (f32x16_unaligned *)to;
    if (adds)
        v += *at;
    *at = v;
}

static void store_samples(const struct lane_rows *rows, int i, int n, const f32x16 r[LANES],
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
    int n = rows->n < LANES ? rows->n : LANES;
    for (int done = 0; done < rows->n; done += LANES) {
        f32x16 r[LANES];
        int i = done + n <= rows->n ? done : rows->n - n;
        const float *lanes = rows->lanes + (size_t)i * LANES;
        if (i == done && n == LANES) {
            UNROLL for (int k = 0; k < LANES; k++) r[k] = load(lanes + k * LANES);
        } else {
            for (int k = 0; k < LANES; k++)
                r[k] = k < n && (k >= done - i || !adds) ? load(lanes + k * LANES) : (f32x16){0};
        }
        transpose(r);
        if (n == LANES && rows->n_samples == LANES) {
            UNROLL for (int s = 0; s < LANES; s++)
                put(rows->to + (size_t)s * rows->sample_step + i, r[s], adds);
        } else {
            store_samples(rows, i, n, r, adds);
        }
    }
}

/* Channels from o, pixels from p; n_o and n_p are constants where this is called. */
INLINE void product_block(const struct lane_product *a, int o, int p, int n_o, int n_p)
{
    f32x16 sum[CHANNELS][SINGLE_PIXELS];
    const struct lane_tap *tap = a->taps, *end = tap + a->n_taps;
    const float *x = a->x + (size_t)p * a->x_step, *w = a->w + (size_t)o * a->w_step;
    float *y = a->y + (size_t)o * a->y_channel + (size_t)p * a->y_step;
    size_t x_step = a->x_step, w_step = a->w_step;
    UNROLL for (int i = 0; i < n_o; i++)
    {
        float bias = a->bias ? a->bias[o + i] : 0;
        UNROLL for (int k = 0; k < n_p; k++) sum[i][k] =
            a->adds ? load(y + (size_t)i * a->y_channel + (size_t)k * a->y_step)
                    : bias + (f32x16){0};
    }
    for (; tap < end; tap++) {
        const float *xt = x + tap->x, *wt = w + tap->w;
        f32x16 v[SINGLE_PIXELS];
        UNROLL for (int k = 0; k < n_p; k++) v[k] = load(xt + (size_t)k * x_step);
        UNROLL for (int i = 0; i < n_o; i++)
        {
            float weight = wt[(size_t)i * w_step];
            UNROLL for (int k = 0; k < n_p; k++) sum[i][k] += weight * v[k];
        }
    }
    UNROLL for (int i = 0; i < n_o; i++)
    {
        UNROLL for (int k = 0; k < n_p; k++)
            store(y + (size_t)i * a->y_channel + (size_t)k * a->y_step, sum[i][k]);
    }
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
#if defined(__AVX512F__) || defined(__AVX2__) || defined(__aarch64__)
        BLOCK(1, 3)
        BLOCK(1, 4)
        BLOCK(3, 1)
        BLOCK(4, 1)
        BLOCK(5, 1)
        BLOCK(6, 1)
#endif
#ifdef __AVX512F__
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

INLINE float sum_lanes(f32x16 v)
{
    float lane[LANES], sum = 0;
    memcpy(lane, &v, sizeof lane);
    for (int i = 0; i < 8; i++)
        lane[i] += lane[i + 8];
    for (int i = 0; i < 4; i++)
        lane[i] += lane[i + 4];
    for (int i = 0; i < 4; i++)
        sum += lane[i];
    return sum;
}

/* w[0..4) += the sums of the lanes of each of v. */
INLINE void add_four_sums(float *w, const f32x16 v[4])
{
    f32x16 a = LOW(v[0], v[1]) + HIGH(v[0], v[1]), b = LOW(v[2], v[3]) + HIGH(v[2], v[3]);
    f32x16 c = LOW_PAIRS(a, b) + HIGH_PAIRS(a, b);
    f32x4 quarter[4];
    memcpy(quarter, &c, sizeof c);
    *(f32x4_unaligned *)w += (quarter[0] + quarter[1]) + (quarter[2] + quarter[3]);
}

INLINE void correlate_block(const struct lane_correlation *a, int o, int t, int n_o, int n_t)
{
    f32x16 sum[CORRELATED][SINGLE_TAPS];
    const float *y = a->y + (size_t)o * a->y_channel, *x[SINGLE_TAPS];
    UNROLL for (int i = 0; i < n_o; i++)
    {
        UNROLL for (int k = 0; k < n_t; k++) sum[i][k] = (f32x16){0};
    }
    UNROLL for (int k = 0; k < n_t; k++) x[k] = a->x + a->taps[t + k];
    size_t y_channel = a->y_channel, x_step = a->x_step;
    for (int row = 0; row < a->n_rows; row++) {
        const float *yr = y + (size_t)row * a->y_row;
        const float *end = yr + (size_t)a->n_columns * LANES;
        size_t at = (size_t)row * a->x_row;
        for (; yr < end; yr += LANES, at += x_step) {
            f32x16 v[SINGLE_TAPS];
            UNROLL for (int k = 0; k < n_t; k++) v[k] = load(x[k] + at);
            UNROLL for (int i = 0; i < n_o; i++)
            {
                f32x16 g = load(yr + (size_t)i * y_channel);
                UNROLL for (int k = 0; k < n_t; k++) sum[i][k] += g * v[k];
            }
        }
    }
    float *w = a->w + (size_t)o * a->w_step + t;
    UNROLL for (int i = 0; i < n_o; i++)
    {
        float *row = w + (size_t)i * a->w_step;
        int whole = n_t / 4 * 4;
        UNROLL for (int k = 0; k < whole; k += 4) add_four_sums(row + k, &sum[i][k]);
        UNROLL for (int k = whole; k < n_t; k++) row[k] += sum_lanes(sum[i][k]);
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
        BLOCK(2, 1)
#if defined(__AVX512F__) || defined(__AVX2__) || defined(__aarch64__)
        BLOCK(1, 3)
        BLOCK(1, 4)
        BLOCK(2, 2)
#endif
#ifdef __AVX512F__
        BLOCK(1, 5)
        BLOCK(1, 6)
        BLOCK(1, 7)
        BLOCK(1, 8)
        BLOCK(1, 9)
        BLOCK(2, 3)
        BLOCK(2, 4)
        BLOCK(3, 1)
        BLOCK(3, 2)
        BLOCK(3, 3)
        BLOCK(3, 4)
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
    f32x16 total = {0};
    for (int i = 0; i < n; i++)
        total += load(lanes + (size_t)i * LANES);
    return sum_lanes(total);
}

extern const struct lane_kernels KERNEL(lane_kernels);
const struct lane_kernels KERNEL(lane_kernels) = {
    .pack = pack,
    .unpack = unpack,
    .product = product,
    .correlate = correlate,
    .sum = sum,
};
