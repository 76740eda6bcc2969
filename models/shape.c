/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/shape.h"

#include <assert.h>
#include <stdio.h>

struct shape shape_flat(int features)
{
    return (struct shape){1, {features, 0, 0}};
}

struct shape shape_image(int channels, int height, int width)
{
    return (struct shape){3, {channels, height, width}};
}

size_t shape_features(const struct shape *shape)
{
    size_t n = 1;
    for (int i = 0; i < shape->n_dims; i++)
        n *= (size_t)shape->dim[i];
    return n;
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
    if (a->n_dims != b->n_dims)
        return false;
    for (int i = 0; i < a->n_dims; i++) {
        if (a->dim[i] != b->dim[i])
            return false;
    }
    return true;
}

int shape_check(const struct shape *shape, struct err *err)
{
    if (shape->n_dims != 1 && shape->n_dims != 3)
        return err_set(err,
                       "a shape of %d dimensions: allowed are 1 (features) and 3 (channels, "
                       "height, width)",
                       shape->n_dims);
    uint64_t features = 1;
    for (int i = 0; i < shape->n_dims; i++) {
        if (shape->dim[i] < 1 || shape->dim[i] > SHAPE_MAX_DIM)
            return err_set(err, "dimension %d is %d: allowed is 1 to %d", i, shape->dim[i],
                           SHAPE_MAX_DIM);
        features *= (uint64_t)shape->dim[i];
    }
    if (features > SHAPE_MAX_FEATURES) {
        char text[SHAPE_TEXT_BYTES];
        return err_set(err, "shape %s has more than %u numbers per sample",
                       shape_format(shape, text), SHAPE_MAX_FEATURES);
    }
    return 0;
}

char *shape_format(const struct shape *shape, char buf[SHAPE_TEXT_BYTES])
{
    if (shape->n_dims == 1)
        snprintf(buf, SHAPE_TEXT_BYTES, "%d", shape->dim[0]);
    else
        snprintf(buf, SHAPE_TEXT_BYTES, "%dx%dx%d", shape->dim[0], shape->dim[1], shape->dim[2]);
    return buf;
}
