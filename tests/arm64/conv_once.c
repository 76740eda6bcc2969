/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conv_once CHANNELS SIZE OUT KERNEL STRIDE PADDING GROUPS ALGORITHM TASK RUNS: a convolution of 16 images, RUNS times.
 * Prints its multiply-adds, and * if a layer takes this algorithm for it; nothing if the algorithm cannot do it. What
 * two runs execute more than one is what tests/arm64/count counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/conv.h"

enum { CHANNELS, SIZE, OUT, KERNEL, STRIDE, PADDING, GROUPS, N_NUMBERS };

#define BATCH 16

static float *zeros(double n)
{
    size_t bytes = ((size_t)n / 16 + 1) * 64;
    void *floats = aligned_alloc(64, bytes);
    if (!floats)
        exit(1);
    return memset(floats, 0, bytes);
}

static const struct conv_algorithm *algorithm_of(const char *name)
{
    size_t i = 0;
    while (conv_algorithm_at(i) && strcmp(conv_algorithm_at(i)->name, name) != 0)
        i++;
    return conv_algorithm_at(i);
}

static struct conv conv_of_numbers(char **argv)
{
    int a[N_NUMBERS];
    for (int i = 0; i < N_NUMBERS; i++)
        a[i] = atoi(argv[i]);
    struct shape in = shape_image(a[CHANNELS], a[SIZE], a[SIZE]);
    struct window_axis axis = {a[KERNEL], a[STRIDE], a[PADDING], 1};
    return conv_of(window_of(&in, axis, axis), a[OUT], a[GROUPS], false);
}

int main(int argc, char **argv)
{
    if (argc != N_NUMBERS + 4)
        return 2;
    struct conv conv = conv_of_numbers(argv + 1);
    const struct conv_algorithm *algorithm = algorithm_of(argv[N_NUMBERS + 1]);
    enum conv_task task = (enum conv_task)atoi(argv[N_NUMBERS + 2]);
    if (!algorithm || task >= CONV_N_TASKS || !algorithm->fits(&conv))
        return 0;
    float *x = zeros(BATCH * (double)conv_in_features(&conv));
    float *y = zeros(BATCH * (double)conv_out_features(&conv));
    float *params = zeros((double)conv_n_weights(&conv));
    struct layer_pass pass = {.batch = BATCH,
                              .params = params,
                              .grads = zeros((double)conv_n_weights(&conv)),
                              .x = x,
                              .y = y,
                              .gy = y,
                              .gx = x,
                              .scratch = zeros(algorithm->scratch(&conv, task, BATCH, 1))};
    for (int i = atoi(argv[N_NUMBERS + 3]); i > 0; i--)
        algorithm->run[task](&conv, &pass);
    printf("%.0f %s\n", (double)conv_n_weights(&conv) * conv.pixels * BATCH,
           conv_algorithm_for(&conv, task, BATCH) == algorithm ? "*" : "-");
    return 0;
}
