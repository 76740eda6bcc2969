/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/kernels_norm.h"

#include "models/kernels.h"

/* A register of doubles, and the floats that fill it. CHUNKS of them hide the latency of additions. */
#if defined(__AVX512F__)
#define LANES  8
#define CHUNKS 2
#elif defined(__AVX__)
#define LANES  4
#define CHUNKS 4
#else
#define LANES  2
#define CHUNKS 4
#endif
#define STEP (LANES * CHUNKS)

typedef float floats_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int ints __attribute__((vector_size(4 * LANES)));
typedef double doubles __attribute__((vector_size(8 * LANES)));

static inline floats load(const float *x)
{
    return *(const floats_unaligned *)x;
}

static inline doubles widen(floats x)
{
    return __builtin_convertvector(x, doubles);
}

static inline double total(const doubles lanes[CHUNKS])
{
    double sum = 0;
    for (int c = 0; c < CHUNKS; c++) {
        for (int l = 0; l < LANES; l++)
            sum += lanes[c][l];
    }
    return sum;
}

/* Numbers are taken less the first one: what is alike everywhere has variance 0 and not what rounding left of it. */
static void moments(struct norm_rows at, const float *x, double *mean, double *squares)
{
    double shift = (double)x[0], rest = 0, rest_squares = 0;
    doubles sum[CHUNKS] = {{0}}, square[CHUNKS] = {{0}};
    for (int row = 0; row < at.rows; row++, x += at.stride) {
        int i = 0;
        for (; i + STEP <= at.pixels; i += STEP) {
            for (int c = 0; c < CHUNKS; c++) {
                doubles d = widen(load(x + i + c * LANES)) - shift;
                sum[c] += d;
                square[c] += d * d;
            }
        }
        for (; i < at.pixels; i++) {
            double d = (double)x[i] - shift;
            rest += d;
            rest_squares += d * d;
        }
    }
    double m = (double)at.rows * at.pixels, d = (total(sum) + rest) / m;
    double spread = total(square) + rest_squares - m * d * d;
    *mean = shift + d;
    *squares = spread > 0 ? spread : 0 * spread; /* NaN stays NaN */
}

static inline float on_line(float x, struct norm_line line)
{
    return line.gain * (x - line.mean) + line.bias;
}

static inline void apply_row(int n, struct norm_line line, bool relu, const float *x, float *y)
{
    KERNEL_INDEPENDENT
    for (int i = 0; i < n; i++) {
        float value = on_line(x[i], line);
        y[i] = relu && value < 0 ? 0 : value;
    }
}

static void apply(struct norm_rows at, struct norm_line line, const float *x, float *y)
{
    for (int row = 0; row < at.rows; row++, x += at.stride, y += at.stride) {
        if (line.relu)
            apply_row(at.pixels, line, true, x, y);
        else
            apply_row(at.pixels, line, false, x, y);
    }
}

static inline float gated(float x, float g, struct norm_line line, bool relu)
{
    float y = on_line(x, line);
    return !relu || y > 0 ? g : 0;
}

static inline floats gated_floats(floats x, floats g, struct norm_line line, bool relu)
{
    if (!relu)
        return g;
    floats y = line.gain * (x - line.mean) + line.bias;
    ints is_open = y > 0;
    return (floats)((ints)g & is_open);
}

static inline void sum_up(struct norm_rows at, struct norm_line line, bool relu, const float *x,
                          const float *gy, double *sum, double *product)
{
    double mean = (double)line.mean, rest = 0, rest_product = 0;
    doubles s[CHUNKS] = {{0}}, p[CHUNKS] = {{0}};
    for (int row = 0; row < at.rows; row++, x += at.stride, gy += at.stride) {
        int i = 0;
        for (; i + STEP <= at.pixels; i += STEP) {
            for (int c = 0; c < CHUNKS; c++) {
                floats xi = load(x + i + c * LANES);
                doubles g = widen(gated_floats(xi, load(gy + i + c * LANES), line, relu));
                s[c] += g;
                p[c] += g * (widen(xi) - mean);
            }
        }
        for (; i < at.pixels; i++) {
            double g = (double)gated(x[i], gy[i], line, relu);
            rest += g;
            rest_product += g * ((double)x[i] - mean);
        }
    }
    *sum = total(s) + rest;
    *product = total(p) + rest_product;
}

static void sums(struct norm_rows at, struct norm_line line, const float *x, const float *gy,
                 double *sum, double *product)
{
    if (line.relu)
        sum_up(at, line, true, x, gy, sum, product);
    else
        sum_up(at, line, false, x, gy, sum, product);
}

static inline void gradient_row(int n, struct norm_line line, struct norm_slope s, bool relu,
                                bool adds, const float *x, const float *gy, float *gx)
{
    KERNEL_INDEPENDENT
    for (int i = 0; i < n; i++) {
        float g = gated(x[i], gy[i], line, relu);
        g = s.gain * g - (s.level + s.slope * (x[i] - line.mean));
        gx[i] = adds ? gx[i] + g : g;
    }
}

static void gradient(struct norm_rows at, struct norm_line line, struct norm_slope s,
                     const float *x, const float *gy, float *gx)
{
    for (int row = 0; row < at.rows; row++, x += at.stride, gy += at.stride, gx += at.stride) {
        if (s.adds)
            gradient_row(at.pixels, line, s, line.relu, true, x, gy, gx);
        else if (line.relu)
            gradient_row(at.pixels, line, s, true, false, x, gy, gx);
        else
            gradient_row(at.pixels, line, s, false, false, x, gy, gx);
    }
}

extern const struct norm_kernels KERNEL(norm_kernels);
const struct norm_kernels KERNEL(norm_kernels) = {
    .moments = moments,
    .apply = apply,
    .sums = sums,
    .gradient = gradient,
};
