/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernels of pools, norms, rectifiers and optimisers, on every instruction set here, against plain loops. */
#include "tests/models/spec_from_text.h"

#include <math.h>

#include "base/mem.h"
#include "models/kernels.h"
#include "models/kernels_norm.h"
#include "models/kernels_pointwise.h"
#include "models/kernels_pool.h"

enum { N = 4096 };

/* Few different values, so that there are ties; and what is no number. */
static void fill_hard(float *x, size_t n, uint64_t seed)
{
    static const float values[] = {0, -0.0f, 1, -1, 2, 2, 0.5f, -INFINITY, INFINITY, NAN};
    struct rng rng;
    rng_seed(&rng, seed, 1);
    for (size_t i = 0; i < n; i++)
        x[i] = values[rng_below(&rng, seed % 2 ? 10 : 8)];
}

static bool same(float a, float b)
{
    return a == b || (isnan(a) && isnan(b));
}

struct pool_case {
    int kernel, padding, height, width;
};

/* Where the first largest pixel of a window is, NaN being largest and the last of them taken. */
static int largest_of(const struct pool_case *c, const float *x, int oy, int ox)
{
    int best = -1;
    for (int iy = 2 * oy - c->padding; iy < 2 * oy - c->padding + c->kernel; iy++) {
        for (int ix = 2 * ox - c->padding; ix < 2 * ox - c->padding + c->kernel; ix++) {
            int at = iy * c->width + ix;
            if (iy >= 0 && iy < c->height && ix >= 0 && ix < c->width &&
                (best < 0 || x[at] > x[best] || isnan(x[at])))
                best = at;
        }
    }
    return best;
}

static void check_pool(const struct pool_kernels *pool, const struct pool_case *c, uint64_t seed)
{
    enum { PLANES = 3 };
    int out_height = (c->height + 2 * c->padding - c->kernel) / 2 + 1;
    int out_width = (c->width + 2 * c->padding - c->kernel) / 2 + 1, out = out_height * out_width;
    size_t pixels = (size_t)(c->height * c->width);
    float *x = mem_zero(PLANES * pixels, sizeof *x), *gx = mem_zero(PLANES * pixels, sizeof *gx);
    float *wanted = mem_zero(PLANES * pixels, sizeof *wanted);
    float *y = mem_zero((size_t)(PLANES * out), sizeof *y);
    float *gy = mem_zero((size_t)(PLANES * out), sizeof *gy);
    fill_hard(x, PLANES * pixels, seed);
    fill_normal(gy, (size_t)(PLANES * out), seed);
    if (c->kernel == 2) {
        fill_normal(gx, PLANES * pixels, 1); /* is overwritten */
        pool->max2(PLANES, c->height, c->width, x, y);
        pool->max2_gradient(PLANES, c->height, c->width, x, gy, gx);
    } else {
        pool->max3(PLANES, c->height, c->width, c->padding, x, y);
        pool->max3_gradient(PLANES, c->height, c->width, c->padding, x, gy, gx);
    }
    for (int i = 0; i < PLANES * out; i++) {
        size_t plane = (size_t)(i / out) * pixels;
        int at = largest_of(c, x + plane, i % out / out_width, i % out_width);
        assert_true(same(y[i], x[plane + (size_t)at]));
        wanted[plane + (size_t)at] += gy[i];
    }
    assert_memory_equal(gx, wanted, PLANES * pixels * sizeof *gx);
    free(x);
    free(gx);
    free(wanted);
    free(y);
    free(gy);
}

static void max_pools_find_the_first_largest(void **state)
{
    (void)state;
    const struct kernels *k;
    for (size_t isa = 0; (k = kernels_at(isa)); isa++) {
        for (uint64_t seed = 0; seed < 6; seed++) {
            for (int size = 3; size < 40; size++) {
                int other = 3 + (size * 7 + (int)seed) % 11;
                check_pool(k->pool, &(struct pool_case){2, 0, other, size}, seed);
                check_pool(k->pool, &(struct pool_case){3, 0, other, size}, seed);
                check_pool(k->pool, &(struct pool_case){3, 1, other, size}, seed);
            }
        }
        check_pool(k->pool, &(struct pool_case){3, 1, 3, POOL_MAX3_WIDTH}, 1);
        check_pool(k->pool, &(struct pool_case){2, 0, 2, 2}, 1);
    }
}

static void means_are_exact(void **state)
{
    (void)state;
    const struct kernels *k;
    float x[N], y[N];
    fill_normal(x, N, 3);
    for (size_t isa = 0; (k = kernels_at(isa)); isa++) {
        for (int pixels = 1; pixels < 60; pixels += 3) {
            k->pool->mean(N / 64, pixels, x, y);
            for (int i = 0; i < N / 64; i++) {
                double sum = 0;
                for (int p = 0; p < pixels; p++)
                    sum += (double)x[i * pixels + p];
                assert_true((double)fabsf(y[i] - (float)(sum / pixels)) <= 1e-7);
            }
        }
    }
}

/* The sums in long double, rows of `pixels` numbers with gaps. */
struct sums {
    long double mean, squares, sum, product;
};

static float line_at(struct norm_line line, float x)
{
    return line.gain * (x - line.mean) + line.bias;
}

static struct sums sums_of(struct norm_rows at, struct norm_line line, const float *x,
                           const float *gy)
{
    struct sums s = {0};
    long double m = (long double)at.rows * at.pixels;
    for (int pass = 0; pass < 2; pass++) {
        for (int row = 0; row < at.rows; row++) {
            for (int i = 0; i < at.pixels; i++) {
                size_t p = (size_t)row * at.stride + (size_t)i;
                if (pass == 0) {
                    s.mean += (long double)x[p] / m;
                    continue;
                }
                float g = !line.relu || line_at(line, x[p]) > 0 ? gy[p] : 0;
                s.squares += ((long double)x[p] - s.mean) * ((long double)x[p] - s.mean);
                s.sum += (long double)g;
                s.product += (long double)g * ((long double)x[p] - (long double)line.mean);
            }
        }
    }
    return s;
}

static void check_norm(const struct norm_kernels *norm, struct norm_rows at, float level, bool relu)
{
    float x[N], gy[N], y[N], gx[N], added[N];
    fill_normal(x, N, 4);
    fill_normal(gy, N, 5);
    fill_normal(gx, N, 6);
    memcpy(added, gx, sizeof added);
    for (int i = 0; i < N; i++)
        x[i] += level;
    double mean, squares, sum, product;
    norm->moments(at, x, &mean, &squares);
    struct norm_line line = {(float)mean, 0.7f, 0.1f, relu};
    struct norm_slope slope = {0.7f, 0.2f, -0.3f, true};
    struct sums wanted = sums_of(at, line, x, gy);
    assert_true(fabsl((long double)mean - wanted.mean) <= 1e-12L * fabsl(wanted.mean));
    assert_true(fabsl((long double)squares - wanted.squares) <= 1e-9L * wanted.squares);
    norm->sums(at, line, x, gy, &sum, &product);
    assert_true(fabsl((long double)sum - wanted.sum) <= 1e-10L);
    assert_true(fabsl((long double)product - wanted.product) <= 1e-9L);
    memset(y, 0, sizeof y);
    norm->apply(at, line, x, y);
    norm->gradient(at, line, slope, x, gy, added);
    slope.adds = false;
    norm->gradient(at, line, slope, x, gy, gy); /* in place */
    for (int row = 0; row < at.rows; row++) {
        for (int i = 0; i < at.pixels; i++) {
            size_t p = (size_t)row * at.stride + (size_t)i;
            float value = line_at(line, x[p]);
            assert_true(fabsf(y[p] - (relu && value < 0 ? 0 : value)) <= 1e-5f);
            assert_true(fabsf(added[p] - gx[p] - gy[p]) <= 1e-5f);
        }
    }
}

static void sums_of_norms_are_those_of_long_doubles(void **state)
{
    (void)state;
    const struct kernels *k;
    static const int pixels[] = {1, 2, 3, 7, 8, 9, 16, 17, 31, 32, 33, 49, 196, 400};
    for (size_t isa = 0; (k = kernels_at(isa)); isa++) {
        for (size_t i = 0; i < ARRAY_LEN(pixels); i++) {
            for (int relu = 0; relu < 2; relu++) {
                size_t stride = (size_t)pixels[i] + 5;
                check_norm(k->norm, (struct norm_rows){9, pixels[i], stride}, 0.3f, relu);
                check_norm(k->norm, (struct norm_rows){2, pixels[i], stride}, 1000, relu);
            }
        }
    }
}

static void equal_numbers_have_no_variance(void **state)
{
    (void)state;
    const struct kernels *k;
    float x[100];
    for (int i = 0; i < 100; i++)
        x[i] = 12345.678f;
    for (size_t isa = 0; (k = kernels_at(isa)); isa++) {
        double mean, squares;
        k->norm->moments((struct norm_rows){1, 100, 0}, x, &mean, &squares);
        assert_true(mean == (double)x[0] && squares == 0);
        x[57] = NAN;
        k->norm->moments((struct norm_rows){1, 100, 0}, x, &mean, &squares);
        assert_true(isnan(mean) && isnan(squares));
        x[57] = x[0];
    }
}

static void rectifiers_keep_what_is_no_number(void **state)
{
    (void)state;
    const struct kernels *k;
    static const float slopes[] = {0, 0.01f};
    float x[67], gy[67], y[67], gx[67], added[67];
    fill_hard(x, 67, 1);
    fill_normal(gy, 67, 2);
    for (size_t isa = 0; (k = kernels_at(isa)); isa++) {
        for (size_t s = 0; s < 2; s++) {
            float slope = slopes[s];
            k->pointwise->rectify(67, slope, x, y);
            k->pointwise->rectify_gradient(67, slope, x, gy, gx, false);
            memcpy(added, gy, sizeof added);
            k->pointwise->rectify_gradient(67, slope, y, gy, added, true);
            for (int i = 0; i < 67; i++) {
                float below = slope == 0 ? 0 : slope * x[i];
                assert_true(same(y[i], x[i] < 0 ? below : x[i]));
                assert_true(same(gx[i], x[i] > 0 ? gy[i] : slope * gy[i]));
                assert_true(fabsf(added[i] - (gy[i] + gx[i])) <= 1e-6f);
            }
            memcpy(y, x, sizeof y);
            k->pointwise->add(67, gy, y, slope == 0);
            for (int i = 0; i < 67; i++) {
                float sum = x[i] + gy[i];
                assert_true(same(y[i], slope == 0 && sum < 0 ? 0 : sum));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(max_pools_find_the_first_largest),
        cmocka_unit_test(means_are_exact),
        cmocka_unit_test(sums_of_norms_are_those_of_long_doubles),
        cmocka_unit_test(equal_numbers_have_no_variance),
        cmocka_unit_test(rectifiers_keep_what_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
