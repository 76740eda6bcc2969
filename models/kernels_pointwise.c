/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/kernels_pointwise.h"

#include <math.h>

#include "models/kernels.h"

static void rectify(size_t n, float slope, const float *x, float *y)
{
    if (slope == 0) { /* no product: 0 times -infinity is NaN */
        KERNEL_INDEPENDENT
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] < 0 ? 0 : x[i];
        return;
    }
    KERNEL_INDEPENDENT
    for (size_t i = 0; i < n; i++) {
        float below = slope * x[i];
        y[i] = x[i] < 0 ? below : x[i];
    }
}

/* Both sides are loaded before one is chosen, so that the choice is no branch. */
static inline float gate(float x, float g, float slope, bool is_leaky)
{
    float below = is_leaky ? slope * g : 0;
    return x > 0 ? g : below;
}

static inline void gate_all(size_t n, float slope, bool is_leaky, const float *x, const float *gy,
                            float *gx, bool adds)
{
    if (adds) {
        KERNEL_INDEPENDENT
        for (size_t i = 0; i < n; i++)
            gx[i] += gate(x[i], gy[i], slope, is_leaky);
    } else {
        KERNEL_INDEPENDENT
        for (size_t i = 0; i < n; i++) {
            float g = gy[i];
            gx[i] = gate(x[i], g, slope, is_leaky);
        }
    }
}

static void rectify_gradient(size_t n, float slope, const float *x, const float *gy, float *gx,
                             bool adds)
{
    if (slope == 0)
        gate_all(n, 0, false, x, gy, gx, adds);
    else
        gate_all(n, slope, true, x, gy, gx, adds);
}

static void add(size_t n, const float *x, float *y, bool relu)
{
    if (!relu) {
        KERNEL_INDEPENDENT
        for (size_t i = 0; i < n; i++)
            y[i] += x[i];
        return;
    }
    KERNEL_INDEPENDENT
    for (size_t i = 0; i < n; i++) {
        float sum = y[i] + x[i];
        y[i] = sum < 0 ? 0 : sum;
    }
}

static void sgd(size_t n, float rate, float momentum, float decay, const float *g, float *w,
                float *v)
{
    if (!v) {
        KERNEL_INDEPENDENT
        for (size_t i = 0; i < n; i++)
            w[i] -= rate * (g[i] + decay * w[i]);
        return;
    }
    KERNEL_INDEPENDENT
    for (size_t i = 0; i < n; i++) {
        v[i] = momentum * v[i] + (g[i] + decay * w[i]);
        w[i] -= rate * v[i];
    }
}

static void adamw(size_t n, struct adamw_rates r, const float *g, float *w, float *m, float *v)
{
    KERNEL_INDEPENDENT
    for (size_t i = 0; i < n; i++) {
        m[i] = r.keep1 * m[i] + r.take1 * g[i];
        v[i] = r.keep2 * v[i] + r.take2 * g[i] * g[i];
        w[i] = r.shrink * w[i] - r.size * m[i] / (sqrtf(v[i]) * r.correction + r.eps);
    }
}

extern const struct pointwise_kernels KERNEL(pointwise_kernels);
const struct pointwise_kernels KERNEL(pointwise_kernels) = {
    .rectify = rectify,
    .rectify_gradient = rectify_gradient,
    .add = add,
    .sgd = sgd,
    .adamw = adamw,
};
