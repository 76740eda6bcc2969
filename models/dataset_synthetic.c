/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Made-up images, for runs without files: each class has a pattern, a coarse grid of random grey levels drawn smooth;
 * a sample is its class's pattern, shifted by a few pixels, darker or brighter, with noise on each pixel. Harder
 * than it looks to a linear model, because of the shifts, and easy for a small convolutional network. Sample i is of
 * class i modulo the number of classes; the test part has samples of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/dataset_format.h"

enum { GRID = 5, MAX_CLASSES = 1000 };

struct synthetic {
    struct shape shape;
    int classes, train, test;
    uint64_t seed;
};

static int set_number(const char *word, const char *key, unsigned long long most,
                      unsigned long long *value, struct err *err)
{
    char *end;
    size_t n = strlen(key);
    unsigned long long number = strtoull(word + n + 1, &end, 10);
    if (word[n + 1] < '0' || word[n + 1] > '9' || *end || number > most)
        return err_set(err, "'%s': allowed is a whole number up to %llu", word, most);
    *value = number;
    return 0;
}

static bool is_key(const char *word, const char *key)
{
    size_t n = strlen(key);
    return strncmp(word, key, n) == 0 && word[n] == '=';
}

static int set_word(struct synthetic *synthetic, const char *word, struct err *err)
{
    int c, h, w, used = 0;
    unsigned long long value = 0;
    if (sscanf(word, "%5dx%5dx%5d%n", &c, &h, &w, &used) == 3 && !word[used]) {
        synthetic->shape = shape_image(c, h, w);
        return shape_check(&synthetic->shape, err);
    }
    if (is_key(word, "classes")) {
        if (set_number(word, "classes", MAX_CLASSES, &value, err))
            return -1;
        synthetic->classes = (int)value;
    } else if (is_key(word, "train")) {
        if (set_number(word, "train", DATASET_MAX_SAMPLES, &value, err))
            return -1;
        synthetic->train = (int)value;
    } else if (is_key(word, "test")) {
        if (set_number(word, "test", DATASET_MAX_SAMPLES, &value, err))
            return -1;
        synthetic->test = (int)value;
    } else if (is_key(word, "seed")) {
        if (set_number(word, "seed", UINT64_MAX, &value, err))
            return -1;
        synthetic->seed = value;
    } else {
        return err_set(err,
                       "data.dir (of an agent: --data) is here a description, such as \"3x32x32 "
                       "classes=10 train=5000 test=1000 seed=1\": '%.64s' is no part of one",
                       word);
    }
    return 0;
}

static int parse(struct synthetic *synthetic, const char *text, struct err *err)
{
    char *copy = mem_string(text), *rest = copy, *word;
    int status = 0;
    *synthetic = (struct synthetic){shape_image(3, 32, 32), 10, 5000, 1000, 1};
    while (status == 0 && (word = strtok_r(rest, " ", &rest)))
        status = set_word(synthetic, word, err);
    free(copy);
    if (status)
        return -1;
    if (synthetic->classes < 2 || synthetic->train < 1 || synthetic->test < 1)
        return err_set(err, "%d classes, %d and %d samples: at least 2, 1 and 1 are wanted",
                       synthetic->classes, synthetic->train, synthetic->test);
    return 0;
}

/* Grey level at (y, x) in [0, 1) between the four nearest points of a plane's grid, which repeats at its edges. */
static double pattern_at(const double grid[GRID][GRID], double y, double x)
{
    int iy = (int)(y * GRID), ix = (int)(x * GRID);
    double fy = y * GRID - iy, fx = x * GRID - ix;
    int ny = (iy + 1) % GRID, nx = (ix + 1) % GRID;
    return (1 - fy) * ((1 - fx) * grid[iy][ix] + fx * grid[iy][nx]) +
           fy * ((1 - fx) * grid[ny][ix] + fx * grid[ny][nx]);
}

static void draw_grid(struct rng *rng, double grid[GRID][GRID])
{
    for (int i = 0; i < GRID; i++) {
        for (int k = 0; k < GRID; k++)
            grid[i][k] = rng_uniform(rng);
    }
}

/* One sample into pixels (shape). Its class's patterns are drawn again from the class's own stream. */
static void draw_sample(const struct synthetic *synthetic, uint64_t sample, int class,
                        uint8_t *pixels)
{
    struct rng of_class, of_sample;
    int height = synthetic->shape.dim[1], width = synthetic->shape.dim[2];
    rng_seed(&of_class, synthetic->seed, RNG_SYNTHETIC + (uint64_t) class);
    rng_seed(&of_sample, synthetic->seed, RNG_SYNTHETIC + MAX_CLASSES);
    rng_seed(&of_sample, rng_next(&of_sample), sample);
    double down = rng_uniform_in(&of_sample, 0, 0.15), right = rng_uniform_in(&of_sample, 0, 0.15);
    double gain = rng_uniform_in(&of_sample, 120, 220);
    for (int c = 0; c < synthetic->shape.dim[0]; c++) {
        double grid[GRID][GRID];
        draw_grid(&of_class, grid);
        for (int i = 0; i < height; i++) {
            for (int k = 0; k < width; k++) {
                double y = ((double)i / height + down) / 1.16,
                       x = ((double)k / width + right) / 1.16;
                double value = gain * pattern_at(grid, y, x) + rng_uniform_in(&of_sample, -40, 40);
                *pixels++ = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
        }
    }
}

static int synthetic_read(struct dataset *data, const char *dir, enum dataset_part part,
                          struct err *err)
{
    struct synthetic synthetic;
    if (parse(&synthetic, dir, err))
        return err_prefix(err, "synthetic data");
    int n = part == DATASET_TRAIN ? synthetic.train : synthetic.test;
    uint64_t first = part == DATASET_TRAIN ? 0 : (uint64_t)DATASET_MAX_SAMPLES;
    size_t features = shape_features(&synthetic.shape);
    if ((uint64_t)n * features > DATASET_MAX_BYTES)
        return err_set(err, "synthetic data: %d samples of %zu numbers: allowed are %llu in all", n,
                       features, (unsigned long long)DATASET_MAX_BYTES);
    data->shape = synthetic.shape;
    data->n_samples = (size_t)n;
    data->pixels = mem_resize(NULL, (size_t)n, features);
    data->labels = mem_zero((size_t)n, sizeof *data->labels);
    for (int i = 0; i < n; i++) {
        data->labels[i] = (uint32_t)(i % synthetic.classes);
        draw_sample(&synthetic, first + (uint64_t)i, i % synthetic.classes,
                    data->pixels + (size_t)i * features);
    }
    return 0;
}

const struct dataset_format dataset_synthetic = {"synthetic", synthetic_read};
