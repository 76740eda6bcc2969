/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/kernels_norm.h"

#include "models/kernels.h"

enum { LANES = 8 };

typedef float f32x8_unaligned __attribute__((vector_size(32), aligned(4), may_alias));
typedef float f32x8 __attribute__((vector_size(32)));
typedef int i32x8 __attribute__((vector_size(32)));
typedef double f64x8 __attribute__((vector_size(64)));

static inline f32x8 load(const float *x)
{
    return *(const f32x8_unaligned *)x;
}

static inline f64x8 widen(f32x8 x)
{
    return __builtin_convertvector(x, f64x8);
}

static inline double total(f64x8 lanes)
{
    double sum = 0;
    for (int l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}

/* Numbers are taken less the first one: what is alike everywhere has variance 0 and not what rounding left of it. */
static void moments(struct norm_rows at, const float *x, double *mean, double *squares)
{
    double shift = (double)x[0], rest = 0, rest_squares = 0;
    f64x8 sum = {0}, square = {0}, sum2 = {0}, square2 = {0};
    for (int row = 0; row < at.rows; row++, x += at.stride) {
        int i = 0;
        for (; i + 2 * LANES <= at.pixels; i += 2 * LANES) {
            f64x8 d = widen(load(x + i)) - shift, d2 = widen(load(x + i + LANES)) - shift;
            sum += d;
            square += d * d;
            sum2 += d2;
            square2 += d2 * d2;
        }
        for (; i < at.pixels; i++) {
            double d = (double)x[i] - shift;
            rest += d;
            rest_squares += d * d;
        }
    }
    double m = (double)at.rows * at.pixels, d = (total(sum + sum2) + rest) / m;
    double spread = total(square + square2) + rest_squares - m * d * d;
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

static inline f32x8 gated8(f32x8 x, f32x8 g, struct norm_line line, bool relu)
{
    if (!relu)
        return g;
    f32x8 y = line.gain * (x - line.mean) + line.bias;
    i32x8 is_open = y > 0;
    return (f32x8)((i32x8)g & is_open);
}

static inline void sum_up(struct norm_rows at, struct norm_line line, bool relu, const float *x,
                          const float *gy, double *sum, double *product)
{
    double mean = (double)line.mean, rest = 0, rest_product = 0;
    f64x8 s = {0}, p = {0}, s2 = {0}, p2 = {0};
    for (int row = 0; row < at.rows; row++, x += at.stride, gy += at.stride) {
        int i = 0;
        for (; i + 2 * LANES <= at.pixels; i += 2 * LANES) {
            f32x8 xi = load(x + i), xi2 = load(x + i + LANES);
            f64x8 g = widen(gated8(xi, load(gy + i), line, relu));
            f64x8 g2 = widen(gated8(xi2, load(gy + i + LANES), line, relu));
            s += g;
            p += g * (widen(xi) - mean);
            s2 += g2;
            p2 += g2 * (widen(xi2) - mean);
        }
        for (; i < at.pixels; i++) {
            double g = (double)gated(x[i], gy[i], line, relu);
            rest += g;
            rest_product += g * ((double)x[i] - mean);
        }
    }
    *sum = total(s + s2) + rest;
    *product = total(p + p2) + rest_product;
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
