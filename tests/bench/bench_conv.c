/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_conv [THREADS [WORD]]: how fast each algorithm of a convolution is on the shapes of configs/models/, in GFLOP/s
 * of multiply-adds as written (what an algorithm saves counts for it); only shapes whose name has WORD in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/rng.h"
#include "models/conv.h"
#include "models/parallel.h"

#define TURNS  9 /* of which the best is taken */
#define TURN_S 0.01

#define HUGE_PAGE ((size_t)2 << 20) /* bytes; tensors lie on such pages, as in a tape */

static const struct shape_row {
    const char *name;
    int channels, size, out_channels, kernel, stride, padding, groups, height; /* 0: square */
} shapes[] = {
    {"lenet conv1", 1, 28, 6, 5, 1, 2, 1, 0},
    {"lenet conv2", 6, 14, 16, 5, 1, 0, 1, 0},
    {"vgg conv1 28", 1, 28, 32, 3, 1, 1, 1, 0},
    {"stem 3x3 28", 1, 28, 64, 3, 1, 1, 1, 0},
    {"stem 3x3 32", 3, 32, 64, 3, 1, 1, 1, 0},
    {"stem 7x7 64", 3, 64, 64, 7, 2, 3, 1, 0},
    {"64-128 s2 28", 64, 28, 128, 3, 2, 1, 1, 0},
    {"128-256 s2 14", 128, 14, 256, 3, 2, 1, 1, 0},
    {"256-512 s2 7", 256, 7, 512, 3, 2, 1, 1, 0},
    {"64-128 s2 16", 64, 16, 128, 3, 2, 1, 1, 0},
    {"1x1 64-128 s2", 64, 28, 128, 1, 2, 0, 1, 0},
    {"1x1 128-256 s2", 128, 14, 256, 1, 2, 0, 1, 0},
    {"1x1 256-512 s2", 256, 7, 512, 1, 2, 0, 1, 0},
    {"1x1 32-64 32", 32, 32, 64, 1, 1, 0, 1, 0},
    {"1x1 128-128 16", 128, 16, 128, 1, 1, 0, 1, 0},
    {"1x1 512-512 4", 512, 4, 512, 1, 1, 0, 1, 0},
    {"1x1 1024 2", 1024, 2, 1024, 1, 1, 0, 1, 0},
    {"depthwise 32 32", 32, 32, 32, 3, 1, 1, 32, 0},
    {"depthwise 64 s2", 64, 32, 64, 3, 2, 1, 64, 0},
    {"depthwise 256 8", 256, 8, 256, 3, 1, 1, 256, 0},
    {"depthwise 512 4", 512, 4, 512, 3, 1, 1, 512, 0},
    {"grouped 64 16", 64, 16, 64, 3, 1, 1, 8, 0},
    {"sensor conv1", 9, 128, 64, 5, 1, 2, 1, 1},
    {"sensor conv2", 64, 64, 64, 5, 1, 2, 1, 1},
    {"sensor conv3", 64, 32, 128, 5, 1, 2, 1, 1},
    {"3x3 64 28", 64, 28, 64, 3, 1, 1, 1, 0},
    {"3x3 512 4", 512, 4, 512, 3, 1, 1, 1, 0},
};

/* With one thread the time it had a processor: other programs then matter less. */
static double now_s(void)
{
    struct timespec t;
    clock_gettime(parallel_threads() > 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *numbers(size_t n)
{
    struct rng rng;
    rng_seed(&rng, 1, 2);
    size_t bytes = (n * sizeof(float) / HUGE_PAGE + 1) * HUGE_PAGE;
    float *v = aligned_alloc(HUGE_PAGE, bytes);
    madvise(v, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)rng_normal(&rng);
    return v;
}

static struct conv conv_of_row(const struct shape_row *row)
{
    struct window_axis x = {row->kernel, row->stride, row->padding, 1}, y = x;
    struct shape in = shape_image(row->channels, row->height ? row->height : row->size, row->size);
    if (row->height == 1)
        y = (struct window_axis){1, 1, 0, 1};
    return conv_of(window_of(&in, y, x), row->out_channels, row->groups, true);
}

/* Seconds of one run, the best of several turns. */
static double seconds(const struct conv_algorithm *algorithm, const struct conv *conv,
                      enum conv_task task, struct layer_pass *pass)
{
    double floats = 0, best = 0;
    for (int batch = 1; batch <= pass->batch; batch++) {
        double wanted = algorithm->scratch(conv, task, batch, parallel_threads());
        floats = wanted > floats ? wanted : floats;
    }
    pass->scratch = numbers((size_t)floats);
    for (int t = -1; t < TURNS; t++) {
        int n = 0;
        double start = now_s(), end;
        do {
            algorithm->run[task](conv, pass);
            n++;
        } while ((end = now_s()) - start < TURN_S);
        if (t < 0 || (end - start) / n < best)
            best = (end - start) / n;
    }
    free(pass->scratch);
    return best;
}

static void bench(const struct shape_row *row, int batch)
{
    struct conv conv = conv_of_row(row);
    size_t n_x = (size_t)batch * conv_in_features(&conv);
    size_t n_y = (size_t)batch * conv_out_features(&conv);
    size_t n_params = conv_n_weights(&conv) + (size_t)conv.out_channels;
    float *x = numbers(n_x), *y = numbers(n_y), *gx = numbers(n_x), *params = numbers(n_params);
    struct layer_pass pass = {.batch = batch,
                              .params = params,
                              .grads = numbers(n_params),
                              .x = x,
                              .y = y,
                              .gy = y,
                              .gx = gx};
    double gflop = 2e-9 * (double)conv_n_weights(&conv) * conv.pixels * batch;
    const struct conv_algorithm *algorithm;
    for (size_t i = 0; (algorithm = conv_algorithm_at(i)); i++) {
        if (!algorithm->fits(&conv))
            continue;
        printf("%-16s %3d  %-8s", row->name, batch, algorithm->name);
        for (enum conv_task task = 0; task < CONV_N_TASKS; task++) {
            double s = seconds(algorithm, &conv, task, &pass);
            bool is_taken = conv_algorithm_for(&conv, task, batch) == algorithm;
            printf(" | %6.1f%s %8.1f us", gflop / s, is_taken ? "*" : " ", 1e6 * s);
        }
        printf("\n");
        fflush(stdout);
    }
    free(x);
    free(y);
    free(gx);
    free(params);
    free(pass.grads);
}

int main(int argc, char **argv)
{
    static const int batches[] = {16, 64};
    int n_threads = argc > 1 ? atoi(argv[1]) : 1;
    net_set_threads(n_threads > 0 ? n_threads : 1);
    printf("%s, %d threads; GFLOP/s and time of forward | input gradient | weight gradient; * is "
           "what a layer takes\n",
           kernels()->isa, parallel_threads());
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
            if (argc < 3 || strstr(shapes[i].name, argv[2]))
                bench(&shapes[i], batches[b]);
        }
    }
    return 0;
}
