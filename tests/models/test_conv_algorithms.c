/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every algorithm of a convolution, with each instruction set of this processor, against the sums written out in double
 * precision.
 */
#include "models/conv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

#include <cmocka.h>

#include "base/rng.h"
#include "models/parallel.h"

struct geometry {
    int channels, height, width, out_channels, groups;
    struct window_axis y, x; /* kernel, stride, padding, dilation */
};

static const struct geometry geometries[] = {
    {1, 28, 28, 6, 1, {5, 1, 2, 1}, {5, 1, 2, 1}}, {6, 14, 14, 16, 1, {5, 1, 0, 1}, {5, 1, 0, 1}},
    {3, 9, 7, 8, 1, {3, 1, 1, 1}, {3, 1, 1, 1}},   {16, 7, 7, 32, 1, {3, 1, 1, 1}, {3, 1, 1, 1}},
    {17, 5, 4, 19, 1, {3, 1, 1, 1}, {3, 1, 1, 1}}, {3, 17, 15, 9, 1, {7, 2, 3, 1}, {7, 2, 3, 1}},
    {20, 9, 9, 33, 1, {3, 2, 1, 1}, {3, 2, 1, 1}}, {65, 4, 4, 70, 1, {3, 2, 1, 1}, {3, 2, 1, 1}},
    {150, 3, 3, 5, 1, {3, 1, 1, 1}, {3, 1, 1, 1}}, {12, 8, 8, 24, 1, {1, 2, 0, 1}, {1, 2, 0, 1}},
    {18, 7, 5, 13, 1, {1, 1, 0, 1}, {1, 1, 0, 1}}, {8, 11, 11, 8, 8, {3, 1, 1, 1}, {3, 1, 1, 1}},
    {6, 9, 10, 6, 6, {3, 2, 1, 1}, {3, 2, 1, 1}},  {4, 2, 2, 4, 4, {3, 1, 1, 1}, {3, 1, 1, 1}},
    {3, 6, 6, 6, 3, {3, 1, 1, 1}, {3, 1, 1, 1}},   {8, 7, 9, 12, 2, {3, 2, 1, 1}, {3, 1, 0, 1}},
    {9, 1, 40, 10, 1, {1, 1, 0, 1}, {5, 1, 2, 1}}, {4, 12, 11, 5, 1, {3, 1, 2, 2}, {3, 1, 4, 3}},
    {2, 13, 14, 3, 1, {3, 3, 2, 2}, {4, 2, 1, 3}}, {2, 7, 7, 3, 1, {2, 5, 0, 1}, {2, 4, 0, 1}},
    {1, 2, 2, 2, 1, {4, 1, 3, 1}, {4, 1, 3, 1}},   {1, 1, 1, 1, 1, {1, 1, 32, 1}, {1, 7, 3, 1}},
};

static const int batches[] = {1, 3, 16, 17, 33};
#define MAX_BATCH 33

/* Values of one geometry, and what the sums are. */
struct sample {
    struct conv conv;
    int batch;
    size_t n_x, n_y, n_params;
    float *x, *gy, *params;
    double *y, *gx, *grads;
};

static float *normal(struct rng *rng, size_t n)
{
    float *v = malloc(n * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)rng_normal(rng);
    return v;
}

/* One output pixel: its sum, and its part in the gradients. */
static void work_out_pixel(struct sample *s, int i, int o, int oy, int ox)
{
    const struct window *w = &s->conv.window;
    int depth = w->channels / s->conv.groups, group = o / (s->conv.out_channels / s->conv.groups);
    size_t out = ((size_t)(i * s->conv.out_channels + o) * (size_t)w->out_height + (size_t)oy) *
                     (size_t)w->out_width +
                 (size_t)ox;
    for (int place = 0; place < depth * w->y.kernel * w->x.kernel; place++) {
        int kx = place % w->x.kernel, ky = place / w->x.kernel % w->y.kernel;
        int c = group * depth + place / w->x.kernel / w->y.kernel;
        int y = oy * w->y.stride - w->y.padding + ky * w->y.dilation;
        int x = ox * w->x.stride - w->x.padding + kx * w->x.dilation;
        if (y < 0 || y >= w->height || x < 0 || x >= w->width)
            continue;
        size_t in = (size_t)(((i * w->channels + c) * w->height + y) * w->width + x);
        size_t weight = (size_t)(o * depth * w->y.kernel * w->x.kernel + place);
        s->y[out] += (double)s->params[weight] * (double)s->x[in];
        s->gx[in] += (double)s->params[weight] * (double)s->gy[out];
        s->grads[weight] += (double)s->x[in] * (double)s->gy[out];
    }
    if (s->conv.has_bias) {
        s->y[out] += (double)conv_bias(&s->conv, &(struct layer_pass){.params = s->params})[o];
        s->grads[conv_n_weights(&s->conv) + (size_t)o] += (double)s->gy[out];
    }
}

static struct sample sample_of(const struct geometry *g, int batch, bool has_bias)
{
    struct shape in = shape_image(g->channels, g->height, g->width);
    struct sample s = {.batch = batch};
    struct rng rng;
    rng_seed(&rng, 3, (uint64_t)batch);
    s.conv = conv_of(window_of(&in, g->y, g->x), g->out_channels, g->groups, has_bias);
    s.n_x = (size_t)batch * conv_in_features(&s.conv);
    s.n_y = (size_t)batch * conv_out_features(&s.conv);
    s.n_params = conv_n_weights(&s.conv) + (has_bias ? (size_t)g->out_channels : 0);
    s.x = normal(&rng, s.n_x);
    s.gy = normal(&rng, s.n_y);
    s.params = normal(&rng, s.n_params);
    s.y = calloc(s.n_y, sizeof *s.y);
    s.gx = calloc(s.n_x, sizeof *s.gx);
    s.grads = calloc(s.n_params, sizeof *s.grads);
    const struct window *w = &s.conv.window;
    for (int i = 0; i < batch; i++) {
        for (int o = 0; o < g->out_channels; o++) {
            for (int p = 0; p < s.conv.pixels; p++)
                work_out_pixel(&s, i, o, p / w->out_width, p % w->out_width);
        }
    }
    return s;
}

static void sample_release(struct sample *s)
{
    free(s->x);
    free(s->gy);
    free(s->params);
    free(s->y);
    free(s->gx);
    free(s->grads);
}

/* Off by at most a share of the largest number, `before` having been there. */
static void check(const char *what, const float *got, const double *wanted, double before, size_t n)
{
    double largest = 1;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(wanted[i]));
    for (size_t i = 0; i < n; i++) {
        double off = fabs((double)got[i] - wanted[i] - before);
        if (!(off < 1e-5 * largest))
            fail_msg("%s: number %zu of %zu is %g, not %g", what, i, n, (double)got[i],
                     wanted[i] + before);
    }
}

/* Results in memory of their exact size, so that a sanitizer sees what is written past it. */
static float *filled(size_t n, float value)
{
    float *v = malloc(n * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = value;
    return v;
}

static float *scratch_for(const struct conv_algorithm *algorithm, const struct sample *s,
                          enum conv_task task)
{
    double floats = 0;
    for (int batch = 1; batch <= s->batch; batch++)
        floats = fmax(floats, algorithm->scratch(&s->conv, task, batch, parallel_threads()));
    size_t bytes = ((size_t)floats * sizeof(float) + 63) / 64 * 64;
    float *scratch = aligned_alloc(64, bytes ? bytes : 64);
    memset(scratch, 0xff, bytes); /* not numbers: nothing may count on zeros */
    return scratch;
}

static float *run(const struct conv_algorithm *algorithm, const struct sample *s,
                  enum conv_task task, float before, bool adds)
{
    size_t n = task == CONV_FORWARD ? s->n_y : task == CONV_INPUT_GRADIENT ? s->n_x : s->n_params;
    float *result = filled(n, before), *scratch = scratch_for(algorithm, s, task);
    struct layer_pass pass = {.batch = s->batch,
                              .params = s->params,
                              .x = s->x,
                              .gy = s->gy,
                              .y = result,
                              .gx = result,
                              .grads = result,
                              .adds_gx = adds,
                              .adds_grads = adds,
                              .scratch = scratch};
    if (task != CONV_FORWARD)
        pass.y = NULL;
    algorithm->run[task](&s->conv, &pass);
    free(scratch);
    return result;
}

static void check_tasks(const struct conv_algorithm *algorithm, const struct sample *s,
                        const char *what)
{
    float *y = run(algorithm, s, CONV_FORWARD, 77, false);
    check(what, y, s->y, 0, s->n_y);
    free(y);
    float *gx = run(algorithm, s, CONV_INPUT_GRADIENT, 77, false);
    check(what, gx, s->gx, 0, s->n_x);
    free(gx);
    float *added = run(algorithm, s, CONV_INPUT_GRADIENT, 2, true);
    check(what, added, s->gx, 2, s->n_x);
    free(added);
    float *written =
        run(algorithm, s, CONV_WEIGHT_GRADIENT, algorithm->writes_grads ? 77 : 0, false);
    check(what, written, s->grads, 0, s->n_params);
    free(written);
    float *grads = run(algorithm, s, CONV_WEIGHT_GRADIENT, 3, true);
    check(what, grads, s->grads, 3, s->n_params);
    free(grads);
}

static void check_sample(struct sample *s, size_t row)
{
    const struct conv_algorithm *algorithm;
    const struct kernels *kernels_of_isa;
    for (size_t i = 0; (algorithm = conv_algorithm_at(i)); i++) {
        for (size_t k = 0; (kernels_of_isa = kernels_at(k)); k++) {
            char what[128];
            s->conv.kernels = kernels_of_isa;
            snprintf(what, sizeof what, "geometry %zu, batch %d, %s with %s", row, s->batch,
                     algorithm->name, kernels_of_isa->isa);
            if (algorithm->fits(&s->conv))
                check_tasks(algorithm, s, what);
        }
    }
}

static void check_all(int n_threads)
{
    parallel_set_threads(n_threads);
    for (size_t row = 0; row < sizeof geometries / sizeof *geometries; row++) {
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
            struct sample s = sample_of(&geometries[row], batches[b], (row + b) % 2 == 0);
            check_sample(&s, row);
            sample_release(&s);
        }
    }
    parallel_set_threads(1);
}

static void all_algorithms_give_the_sums(void **state)
{
    (void)state;
    check_all(1);
}

static void all_algorithms_give_the_sums_on_three_threads(void **state)
{
    (void)state;
    check_all(3);
}

static void check_threads(const struct sample *s, enum conv_task task)
{
    size_t n[] = {s->n_y, s->n_x, s->n_params};
    float *one = run(&conv_lanes, s, task, 0, true);
    parallel_set_threads(5);
    float *five = run(&conv_lanes, s, task, 0, true);
    parallel_set_threads(1);
    assert_memory_equal(one, five, n[task] * sizeof *one);
    free(one);
    free(five);
}

/* Bit for bit, for the lanes, whose sums no thread divides. */
static void lanes_do_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof geometries / sizeof *geometries; row++) {
        struct sample s = sample_of(&geometries[row], MAX_BATCH, true);
        for (size_t k = 0; (s.conv.kernels = kernels_at(k)); k++) {
            for (enum conv_task task = 0; task < CONV_N_TASKS; task++)
                check_threads(&s, task);
        }
        sample_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_algorithms_give_the_sums),
        cmocka_unit_test(all_algorithms_give_the_sums_on_three_threads),
        cmocka_unit_test(lanes_do_not_depend_on_the_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
