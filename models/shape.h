/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shape of one sample at some place in a network: (channels, height, width), or (features) with one
 * dimension. A batch of n samples is n such blocks of float32 in a row, the last dimension fastest (NCHW).
 */
#ifndef MODELS_SHAPE_H
#define MODELS_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SHAPE_MAX_DIMS 3

struct shape {
    int n_dims; /* 1 or 3 */
    int dim[SHAPE_MAX_DIMS];
};

/* Limits on what comes from outside; far above any model meant here, far below overflow. */
#define SHAPE_MAX_DIM      65536
#define SHAPE_MAX_FEATURES (1u << 26)

struct shape shape_flat(int features);
struct shape shape_image(int channels, int height, int width);

size_t shape_features(const struct shape *shape); /* floats per sample */

/* For shapes from outside: dimension count, each dimension, their product within the limits above. */
int shape_check(const struct shape *shape, struct err *err);

bool shape_equal(const struct shape *a, const struct shape *b);

/* "64x28x28" or "512" into buf; returns buf. */
#define SHAPE_TEXT_BYTES 48
char *shape_format(const struct shape *shape, char buf[SHAPE_TEXT_BYTES]);

#endif
