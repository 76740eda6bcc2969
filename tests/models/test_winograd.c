/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Winograd convolution against a convolution in double precision, on every instruction set of this processor. The
 * error is in units of float rounding, 2^-24, of the mean over the array of the sums of the products' magnitudes: one
 * sum may cancel, and Winograd's error comes from all numbers of a tile.
 */
#include "models/winograd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/parallel.h"

struct geometry {
    int samples, in, out, height, width, padding;
};

static const struct geometry geometries[] = {
    {1, 16, 16, 4, 4, 1},   {3, 16, 32, 7, 7, 1},   {2, 32, 16, 28, 28, 1}, {2, 16, 16, 5, 9, 0},
    {2, 16, 48, 3, 3, 2},   {1, 80, 96, 14, 14, 1}, {5, 16, 16, 2, 2, 1},   {1, 16, 16, 1, 1, 1},
    {2, 16, 16, 33, 17, 2}, {1, 64, 80, 28, 28, 1}, {2, 256, 96, 7, 7, 1},  {17, 192, 128, 4, 4, 1},
    {2, 16, 16, 1, 40, 1},
};

/* Bounds of the error by tile size, two to three times what was measured. */
struct bounds {
    const char *what;
    double units[2];
};

struct arrays {
    struct winograd w;
    size_t n_x, n_y, n_w;
    float *x, *y, *weight, *bias, *got, *scratch;
    double *wanted, *size; /* sum of magnitudes */
};

static float *draw(size_t n, struct rng *rng)
{
    float *values = mem_zero(n, sizeof *values);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)rng_normal(rng);
    return values;
}

static void make(struct arrays *a, struct geometry g, const struct kernels *kernels, int tile)
{
    struct rng rng;
    rng_seed(&rng, 7, 1);
    a->w = (struct winograd){.kernels = kernels->winograd,
                             .tile = tile,
                             .samples = g.samples,
                             .in_channels = g.in,
                             .out_channels = g.out,
                             .height = g.height,
                             .width = g.width,
                             .padding = g.padding,
                             .out_height = g.height + 2 * g.padding - 2,
                             .out_width = g.width + 2 * g.padding - 2,
                             .threads = parallel_threads()};
    a->n_x = (size_t)(g.samples * g.in * g.height * g.width);
    a->n_y = (size_t)(g.samples * g.out * a->w.out_height * a->w.out_width);
    a->n_w = (size_t)(g.in * g.out * 9);
    a->x = draw(a->n_x, &rng);
    a->y = draw(a->n_y, &rng);
    a->weight = draw(a->n_w, &rng);
    a->bias = draw((size_t)g.out, &rng);
    size_t most = a->n_x > a->n_y ? a->n_x : a->n_y;
    most = most > a->n_w ? most : a->n_w;
    a->got = mem_zero(most, sizeof *a->got);
    a->wanted = mem_zero(most, sizeof *a->wanted);
    a->size = mem_zero(most, sizeof *a->size);
}

static void drop(struct arrays *a)
{
    free(a->x);
    free(a->y);
    free(a->weight);
    free(a->bias);
    free(a->got);
    free(a->wanted);
    free(a->size);
}

typedef void visit(struct arrays *a, size_t x, size_t y, size_t weight);

static void gives_y(struct arrays *a, size_t x, size_t y, size_t weight)
{
    double product = (double)a->x[x] * (double)a->weight[weight];
    a->wanted[y] += product;
    a->size[y] += fabs(product);
}

static void gives_x(struct arrays *a, size_t x, size_t y, size_t weight)
{
    double product = (double)a->y[y] * (double)a->weight[weight];
    a->wanted[x] += product;
    a->size[x] += fabs(product);
}

static void gives_weight(struct arrays *a, size_t x, size_t y, size_t weight)
{
    double product = (double)a->x[x] * (double)a->y[y];
    a->wanted[weight] += product;
    a->size[weight] += fabs(product);
}

/* One output channel of one sample: every product that a convolution is made of. */
static void visit_plane(struct arrays *a, int s, int o, visit *f)
{
    const struct winograd *w = &a->w;
    for (int i = 0; i < w->in_channels; i++)
        for (int y = 0; y < w->out_height; y++)
            for (int x = 0; x < w->out_width; x++)
                for (int tap = 0; tap < 9; tap++) {
                    int iy = y + tap / 3 - w->padding, ix = x + tap % 3 - w->padding;
                    if (iy < 0 || ix < 0 || iy >= w->height || ix >= w->width)
                        continue;
                    f(a, (size_t)(((s * w->in_channels + i) * w->height + iy) * w->width + ix),
                      (size_t)(((s * w->out_channels + o) * w->out_height + y) * w->out_width + x),
                      (size_t)((o * w->in_channels + i) * 9 + tap));
                }
}

static void convolve(struct arrays *a, visit *f)
{
    for (int s = 0; s < a->w.samples; s++)
        for (int o = 0; o < a->w.out_channels; o++)
            visit_plane(a, s, o, f);
}

static double worst_units(const struct arrays *a, size_t n)
{
    double worst = 0, size = 0;
    for (size_t i = 0; i < n; i++)
        size += a->size[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        double error = fabs((double)a->got[i] - a->wanted[i]) / (size * 0x1p-24);
        worst = error > worst || isnan(error) ? error : worst;
    }
    return worst;
}

static float *scratch_for(const struct winograd *w)
{
    size_t n = winograd_scratch(w);
    float *scratch = mem_zero(n, sizeof *scratch);
    for (size_t i = 0; i < n; i++)
        scratch[i] = NAN; /* contents are not relied upon */
    return scratch;
}

static double forward_error(struct arrays *a)
{
    float *scratch = scratch_for(&a->w);
    size_t plane = (size_t)(a->w.out_height * a->w.out_width);
    for (size_t i = 0; i < a->n_y; i++)
        a->wanted[i] = (double)a->bias[i / plane % (size_t)a->w.out_channels];
    convolve(a, gives_y);
    winograd_forward(&a->w, a->x, a->weight, false, a->bias, a->got, false, scratch);
    free(scratch);
    return worst_units(a, a->n_y);
}

static double input_gradient_error(struct arrays *a)
{
    struct winograd turned = a->w;
    turned.in_channels = a->w.out_channels;
    turned.out_channels = a->w.in_channels;
    turned.height = a->w.out_height;
    turned.width = a->w.out_width;
    turned.out_height = a->w.height;
    turned.out_width = a->w.width;
    turned.padding = 2 - a->w.padding;
    float *scratch = scratch_for(&turned);
    for (size_t i = 0; i < a->n_x; i++)
        a->wanted[i] = (double)(a->got[i] = 1); /* added to */
    convolve(a, gives_x);
    winograd_forward(&turned, a->y, a->weight, true, NULL, a->got, true, scratch);
    free(scratch);
    return worst_units(a, a->n_x);
}

static double weight_gradient_error(struct arrays *a)
{
    float *scratch = scratch_for(&a->w);
    for (size_t i = 0; i < a->n_w; i++)
        a->wanted[i] = (double)(a->got[i] = 1);
    convolve(a, gives_weight);
    winograd_weight_gradient(&a->w, a->x, a->y, a->got, true, scratch);
    double units = worst_units(a, a->n_w);
    float *written = mem_zero(a->n_w, sizeof *written);
    memset(written, 0xff, a->n_w * sizeof *written); /* NaNs: not to be read */
    winograd_weight_gradient(&a->w, a->x, a->y, written, false, scratch);
    memset(a->got, 0, a->n_w * sizeof *a->got);
    winograd_weight_gradient(&a->w, a->x, a->y, a->got, true, scratch);
    assert_memory_equal(written, a->got, a->n_w * sizeof *written);
    free(written);
    free(scratch);
    return units;
}

static void check_all(double (*error_of)(struct arrays *a), struct bounds most)
{
    /* Threads have nothing to do with the instruction set: with several, the best one is enough. */
    for (size_t k = 0; kernels_at(k); k++) {
        if (parallel_threads() > 1 && kernels_at(k + 1))
            continue;
        for (int tile = 2; tile <= 4; tile += 2)
            for (size_t g = 0; g < sizeof geometries / sizeof *geometries; g++) {
                struct arrays a;
                make(&a, geometries[g], kernels_at(k), tile);
                double units = error_of(&a);
                if (!(units <= most.units[tile / 4]))
                    fail_msg("%s, %s, tile %d, geometry %zu: error of %g units", most.what,
                             kernels_at(k)->isa, tile, g, units);
                drop(&a);
            }
    }
}

static const struct bounds forward_bounds = {"forward", {10, 100}};
static const struct bounds input_bounds = {"input gradient", {10, 100}};
static const struct bounds weight_bounds = {"weight gradient", {100, 250}};

static void forward_is_near_the_exact_sum(void **state)
{
    (void)state;
    check_all(forward_error, forward_bounds);
}

static void input_gradient_is_near_the_exact_sum(void **state)
{
    (void)state;
    check_all(input_gradient_error, input_bounds);
}

static void weight_gradient_is_near_the_exact_sum(void **state)
{
    (void)state;
    check_all(weight_gradient_error, weight_bounds);
}

static void threads_share_the_work(void **state)
{
    (void)state;
    parallel_set_threads(3);
    check_all(forward_error, forward_bounds);
    check_all(input_gradient_error, input_bounds);
    check_all(weight_gradient_error, weight_bounds);
    parallel_set_threads(1);
}

static void only_channels_in_sixteens_fit(void **state)
{
    (void)state;
    assert_true(winograd_fits(16, 48));
    assert_false(winograd_fits(8, 16));
    assert_false(winograd_fits(16, 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_near_the_exact_sum),
        cmocka_unit_test(input_gradient_is_near_the_exact_sum),
        cmocka_unit_test(weight_gradient_is_near_the_exact_sum),
        cmocka_unit_test(threads_share_the_work),
        cmocka_unit_test(only_channels_in_sixteens_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
