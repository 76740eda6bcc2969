/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random crops and flips of images that are in a batch already: each row moves within its own plane. */
#include <assert.h>
#include <string.h>

#include "base/rng.h"
#include "models/dataset_format.h"

struct move {
    int down, right; /* the image is seen this much further down and right: [-padding, padding] */
    bool is_flipped;
};

static struct move draw_move(const struct augment *augment, uint64_t step, int column)
{
    struct rng rng;
    struct move move = {0, 0, false};
    rng_seed(&rng, augment->seed, RNG_AUGMENT);
    rng_seed(&rng, rng_next(&rng) + step, (uint64_t)column);
    if (augment->crop_padding > 0) {
        uint64_t places = 2 * (uint64_t)augment->crop_padding + 1;
        move.down = (int)rng_below(&rng, places) - augment->crop_padding;
        move.right = (int)rng_below(&rng, places) - augment->crop_padding;
    }
    move.is_flipped = augment->flips && rng_below(&rng, 2) == 1;
    return move;
}

/* to[i] = from[i + right], `empty` where that is outside. */
static void move_row(float *to, const float *from, int width, int right, float empty)
{
    int keep = width - (right < 0 ? -right : right);
    if (keep > 0)
        memmove(to + (right < 0 ? -right : 0), from + (right > 0 ? right : 0),
                (size_t)keep * sizeof *to);
    for (int i = 0; i < width; i++) {
        if (i + right < 0 || i + right >= width)
            to[i] = empty;
    }
}

static void flip_row(float *row, int width)
{
    for (int i = 0, k = width - 1; i < k; i++, k--) {
        float kept = row[i];
        row[i] = row[k];
        row[k] = kept;
    }
}

/* Rows in the order in which each is read before it is overwritten. */
static void move_plane(float *plane, int height, int width, struct move move, float empty)
{
    for (int i = 0; i < height; i++) {
        int row = move.down < 0 ? height - 1 - i : i, from = row + move.down;
        float *to = plane + (size_t)row * (size_t)width;
        if (from < 0 || from >= height) {
            for (int p = 0; p < width; p++)
                to[p] = empty;
            continue;
        }
        move_row(to, plane + (size_t)from * (size_t)width, width, move.right, empty);
        if (move.is_flipped)
            flip_row(to, width);
    }
}

void dataset_batch_augmented(const struct dataset *data, const struct augment *augment,
                             uint64_t step, const uint32_t *index, int n, float *x,
                             uint32_t *labels)
{
    assert(data->shape.n_dims == 3);
    int channels = data->shape.dim[0], height = data->shape.dim[1], width = data->shape.dim[2];
    dataset_batch(data, index, n, x, labels);
    for (int i = 0; i < n; i++) {
        struct move move = draw_move(augment, step, i);
        for (int c = 0; c < channels; c++) {
            const struct dataset_norm *norm = &data->norms[data->n_norms > 1 ? c : 0];
            move_plane(x, height, width, move, (0 - norm->mean) / norm->std);
            x += (size_t)height * (size_t)width;
        }
    }
}
