/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/kernels_pool.h"

#include <string.h>

#include "models/kernels.h"

typedef float f32x4 __attribute__((vector_size(16)));
typedef float f32x8 __attribute__((vector_size(32)));
typedef int i32x4 __attribute__((vector_size(16)));
typedef int i32x8 __attribute__((vector_size(32)));
typedef float f32x4_unaligned __attribute__((vector_size(16), aligned(4), may_alias));
typedef float f32x8_unaligned __attribute__((vector_size(32), aligned(4), may_alias));

/* Whether b, coming after m, takes its place. */
static inline int is_larger(float b, float m)
{
    return (b > m) | (b != b);
}

static inline float larger(float m, float b)
{
    return is_larger(b, m) ? b : m;
}

/*
 * 2x2 windows, N side by side: two rows of 2N pixels are sorted into the windows' four corners a b / c d, and back.
 * Rows that are no multiple of N end in a step that overlaps the one before: it writes the same again.
 */
#define DEFINE_MAX2(N, EVEN, ODD, LOW, HIGH)                                                       \
    static inline f32x##N load##N(const float *x)                                                  \
    {                                                                                              \
        return *(const f32x##N##_unaligned *)x;                                                    \
    }                                                                                              \
    static inline void store##N(float *x, f32x##N value)                                           \
    {                                                                                              \
        *(f32x##N##_unaligned *)x = value;                                                         \
    }                                                                                              \
    static inline i32x##N takes##N(f32x##N b, f32x##N m)                                           \
    {                                                                                              \
        return (b > m) | (b != b);                                                                 \
    }                                                                                              \
    static inline f32x##N pick##N(i32x##N takes, f32x##N b, f32x##N m)                             \
    {                                                                                              \
        return (f32x##N)(((i32x##N)b & takes) | ((i32x##N)m & ~takes));                            \
    }                                                                                              \
    static inline void split##N(const float *x, f32x##N *even, f32x##N *odd)                       \
    {                                                                                              \
        f32x##N low = load##N(x), high = load##N(x + (N));                                         \
        *even = __builtin_shufflevector(low, high, EVEN);                                          \
        *odd = __builtin_shufflevector(low, high, ODD);                                            \
    }                                                                                              \
    static inline void join##N(f32x##N even, f32x##N odd, float *x)                                \
    {                                                                                              \
        store##N(x, __builtin_shufflevector(even, odd, LOW));                                      \
        store##N(x + (N), __builtin_shufflevector(even, odd, HIGH));                               \
    }                                                                                              \
    static inline void max2_step##N(const float *upper, const float *lower, float *y)              \
    {                                                                                              \
        f32x##N m, b, c, d;                                                                        \
        split##N(upper, &m, &b);                                                                   \
        split##N(lower, &c, &d);                                                                   \
        m = pick##N(takes##N(b, m), b, m);                                                         \
        m = pick##N(takes##N(c, m), c, m);                                                         \
        store##N(y, pick##N(takes##N(d, m), d, m));                                                \
    }                                                                                              \
    static inline void max2_gradient_step##N(const float *upper, const float *lower,               \
                                             const float *gy, float *to_upper, float *to_lower)    \
    {                                                                                              \
        f32x##N m, b, c, d;                                                                        \
        split##N(upper, &m, &b);                                                                   \
        split##N(lower, &c, &d);                                                                   \
        i32x##N g = (i32x##N)load##N(gy), at_b = takes##N(b, m);                                   \
        m = pick##N(at_b, b, m);                                                                   \
        i32x##N at_c = takes##N(c, m);                                                             \
        m = pick##N(at_c, c, m);                                                                   \
        i32x##N at_d = takes##N(d, m);                                                             \
        join##N((f32x##N)(g & ~(at_b | at_c | at_d)), (f32x##N)(g & at_b & ~(at_c | at_d)),        \
                to_upper);                                                                         \
        join##N((f32x##N)(g & at_c & ~at_d), (f32x##N)(g & at_d), to_lower);                       \
    }                                                                                              \
    static inline void max2_row##N(int n, const float *upper, const float *lower, float *y)        \
    {                                                                                              \
        for (int i = 0; i < n; i += (N)) {                                                         \
            int at = i < n - (N) ? i : n - (N);                                                    \
            max2_step##N(upper + 2 * at, lower + 2 * at, y + at);                                  \
        }                                                                                          \
    }                                                                                              \
    static inline void max2_gradient_row##N(int n, const float *upper, const float *lower,         \
                                            const float *gy, float *to_upper, float *to_lower)     \
    {                                                                                              \
        for (int i = 0; i < n; i += (N)) {                                                         \
            int at = i < n - (N) ? i : n - (N);                                                    \
            max2_gradient_step##N(upper + 2 * at, lower + 2 * at, gy + at, to_upper + 2 * at,      \
                                  to_lower + 2 * at);                                              \
        }                                                                                          \
    }

#define EVEN4 0, 2, 4, 6
#define ODD4  1, 3, 5, 7
#define LOW4  0, 4, 1, 5
#define HIGH4 2, 6, 3, 7
DEFINE_MAX2(4, EVEN4, ODD4, LOW4, HIGH4)

/* As wide as a register is. */
#ifdef __AVX__
#define EVEN8 0, 2, 4, 6, 8, 10, 12, 14
#define ODD8  1, 3, 5, 7, 9, 11, 13, 15
#define LOW8  0, 8, 1, 9, 2, 10, 3, 11
#define HIGH8 4, 12, 5, 13, 6, 14, 7, 15
DEFINE_MAX2(8, EVEN8, ODD8, LOW8, HIGH8)
#define WIDE(name) name##8
#define N_WIDE     8
#else
#define WIDE(name) name##4
#define N_WIDE     4
#endif
typedef WIDE(f32x) f32xw;
typedef WIDE(i32x) i32xw;

static void max2_row(int n, const float *upper, const float *lower, float *y)
{
    if (n >= N_WIDE) {
        WIDE(max2_row)(n, upper, lower, y);
    } else if (n >= 4) {
        max2_row4(n, upper, lower, y);
    } else {
        for (int i = 0; i < n; i++)
            y[i] = larger(larger(larger(upper[2 * i], upper[2 * i + 1]), lower[2 * i]),
                          lower[2 * i + 1]);
    }
}

static void max2(size_t n, int height, int width, const float *x, float *y)
{
    for (; n > 0; n--, x += height * width) {
        for (int oy = 0; oy < height / 2; oy++, y += width / 2)
            max2_row(width / 2, x + 2 * oy * width, x + (2 * oy + 1) * width, y);
    }
}

static void max2_gradient_row(int n, const float *upper, const float *lower, const float *gy,
                              float *to_upper, float *to_lower)
{
    if (n >= N_WIDE) {
        WIDE(max2_gradient_row)(n, upper, lower, gy, to_upper, to_lower);
        return;
    }
    if (n >= 4) {
        max2_gradient_row4(n, upper, lower, gy, to_upper, to_lower);
        return;
    }
    for (int i = 0; i < 2 * n; i += 2) {
        float ab = larger(upper[i], upper[i + 1]), abc = larger(ab, lower[i]);
        int at_b = is_larger(upper[i + 1], upper[i]), at_c = is_larger(lower[i], ab);
        int at_d = is_larger(lower[i + 1], abc);
        float g = gy[i / 2];
        to_upper[i] = at_b | at_c | at_d ? 0 : g;
        to_upper[i + 1] = at_b & ~at_c & ~at_d ? g : 0;
        to_lower[i] = at_c & ~at_d ? g : 0;
        to_lower[i + 1] = at_d ? g : 0;
    }
}

static void max2_gradient(size_t n, int height, int width, const float *x, const float *gy,
                          float *gx)
{
    for (; n > 0; n--, x += height * width, gx += height * width) {
        for (int oy = 0; oy < height / 2; oy++, gy += width / 2) {
            size_t upper = (size_t)(2 * oy * width), lower = upper + (size_t)width;
            max2_gradient_row(width / 2, x + upper, x + lower, gy, gx + upper, gx + lower);
            if (width % 2)
                gx[upper + (size_t)width - 1] = gx[lower + (size_t)width - 1] = 0;
        }
        if (height % 2)
            memset(gx + (height - 1) * width, 0, (size_t)width * sizeof *gx);
    }
}

/*
 * 3x3 windows, stride 2, N_WIDE of them side by side: three rows, each of whose pixels at either end stands beside it once
 * more, and a row above or below the plane is the one next to it. So what is outside is never larger than what is inside,
 * and where it comes first, the pixel it repeats is meant.
 */
#define MAX3_ROW (POOL_MAX3_WIDTH + 2 + 2 * N_WIDE)

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

static void take_rows(int height, int width, int first, const float *x, float (*rows)[MAX3_ROW])
{
    for (int ky = 0; ky < 3; ky++) {
        const float *from = x + clamp(first + ky, height) * width;
        memcpy(rows[ky] + 1, from, (size_t)width * sizeof *from);
        rows[ky][0] = from[0];
        rows[ky][width + 1] = from[width - 1];
    }
}

/* The largest of each window's three pixels in one row, and which it is, counted from `first`. */
static inline f32xw row_largest(const float *row, i32xw first, i32xw *at)
{
    f32xw m, middle, right, unused;
    WIDE(split)(row, &m, &middle);
    WIDE(split)(row + 2, &right, &unused);
    i32xw at_middle = WIDE(takes)(middle, m);
    m = WIDE(pick)(at_middle, middle, m);
    i32xw at_right = WIDE(takes)(right, m);
    *at = first + (((at_middle & 1) & ~at_right) | (at_right & 2));
    return WIDE(pick)(at_right, right, m);
}

static inline f32xw window_largest(float (*rows)[MAX3_ROW], int first, i32xw *largest)
{
    i32xw zero = {0}, at;
    f32xw m = row_largest(rows[0] + first, zero, largest);
    for (int ky = 1; ky < 3; ky++) {
        f32xw b = row_largest(rows[ky] + first, zero + 3 * ky, &at);
        i32xw takes = WIDE(takes)(b, m);
        m = WIDE(pick)(takes, b, m);
        *largest = (at & takes) | (*largest & ~takes);
    }
    return m;
}

static void max3(size_t n, int height, int width, int padding, const float *x, float *y)
{
    float rows[3][MAX3_ROW] = {{0}}, row[MAX3_ROW];
    int out_height = (height + 2 * padding - 3) / 2 + 1;
    int out_width = (width + 2 * padding - 3) / 2 + 1;
    for (; n > 0; n--, x += height * width) {
        for (int oy = 0; oy < out_height; oy++, y += out_width) {
            i32xw unused;
            take_rows(height, width, 2 * oy - padding, x, rows);
            for (int ox = 0; ox < out_width; ox += N_WIDE)
                WIDE(store)(row + ox, window_largest(rows, 1 - padding + 2 * ox, &unused));
            memcpy(y, row, (size_t)out_width * sizeof *y);
        }
    }
}

static void max3_gradient(size_t n, int height, int width, int padding, const float *x,
                          const float *gy, float *gx)
{
    float rows[3][MAX3_ROW] = {{0}};
    int largest[MAX3_ROW];
    int out_height = (height + 2 * padding - 3) / 2 + 1;
    int out_width = (width + 2 * padding - 3) / 2 + 1;
    for (; n > 0; n--, x += height * width, gx += height * width) {
        for (int oy = 0; oy < out_height; oy++, gy += out_width) {
            take_rows(height, width, 2 * oy - padding, x, rows);
            for (int ox = 0; ox < out_width; ox += N_WIDE) {
                i32xw at;
                window_largest(rows, 1 - padding + 2 * ox, &at);
                memcpy(largest + ox, &at, sizeof at);
            }
            float *to[3];
            for (int ky = 0; ky < 3; ky++)
                to[ky] = gx + clamp(2 * oy - padding + ky, height) * width;
            for (int ox = 0; ox < out_width; ox++) {
                int ky = largest[ox] / 3, kx = largest[ox] % 3;
                to[ky][clamp(2 * ox - padding + kx, width)] += gy[ox];
            }
        }
    }
}

static void mean(size_t n, int pixels, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++, x += pixels) {
        double lane[8] = {0}, sum = 0;
        int p = 0;
        for (; p + 8 <= pixels; p += 8) {
            for (int l = 0; l < 8; l++)
                lane[l] += (double)x[p + l];
        }
        for (; p < pixels; p++)
            sum += (double)x[p];
        for (int l = 0; l < 8; l++)
            sum += lane[l];
        y[i] = (float)(sum / pixels);
    }
}

extern const struct pool_kernels KERNEL(pool_kernels);
const struct pool_kernels KERNEL(pool_kernels) = {
    .max2 = max2,
    .max2_gradient = max2_gradient,
    .max3 = max3,
    .max3_gradient = max3_gradient,
    .mean = mean,
};
