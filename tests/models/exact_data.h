/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests against PyTorch's numbers share: the generator that tests/data/models/make_exact.py draws weights and
 * inputs with, and reading of its files. Tests run at the root of the tree.
 */
#ifndef TESTS_MODELS_EXACT_DATA_H
#define TESTS_MODELS_EXACT_DATA_H

#include <math.h>

#include "models/safetensors.h"
#include "tests/models/spec_from_text.h"

struct draw {
    uint32_t x; /* the seed at first */
};

/* In [-1, 1), times scale. */
static MAYBE void draw_floats(struct draw *draw, float *to, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++) {
        draw->x = 1664525u * draw->x + 1013904223u;
        float u = (float)(draw->x >> 8) / 16777216.0f;
        to[i] = scale * (2 * u - 1);
    }
}

static MAYBE struct safetensors *exact_open(const char *path)
{
    struct err err = ERR_INIT;
    struct safetensors *file = safetensors_open(path, &err);
    if (!file)
        fail_msg("%s", err.text);
    return file;
}

/* A tensor's floats, to be freed; NULL when there is none. */
static MAYBE float *exact_read(struct safetensors *file, size_t *n, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static MAYBE float *exact_read(struct safetensors *file, size_t *n, const char *format, ...)
{
    char name[SAFETENSORS_MAX_NAME];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const struct safetensors_entry *entry = safetensors_find(file, name);
    if (!entry)
        return NULL;
    *n = (size_t)(entry->end - entry->begin) / sizeof(float);
    float *floats = malloc(*n * sizeof *floats + 1);
    assert_int_equal(safetensors_read(file, entry, floats, NULL), 0);
    return floats;
}

/* The largest |a - b| / (floor + |b|). */
static MAYBE double worst_of(const float *a, const float *b, size_t n, double floor)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = fabs((double)a[i] - (double)b[i]) / (floor + fabs((double)b[i]));
        worst = difference <= worst ? worst : difference; /* NaN wins */
    }
    return worst;
}

#endif
