/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small labelled data set on disk for tests of whatever reads one: 600 training and 200 test images. */
#ifndef TESTS_DATA_TINY_IDX_H
#define TESTS_DATA_TINY_IDX_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

#define TINY_IDX_N_TRAIN 600
#define TINY_IDX_N_TEST  200

/* A folder of small IDX files, 28x28 noise that depends on the label, for as long as the program runs. */
static inline const char *tiny_idx_dir(void)
{
    static char dir[] = "/tmp/splitbed-idx-XXXXXX";
    static bool is_made;
    static const struct {
        const char *images, *labels;
        uint32_t n;
    } parts[] = {{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", TINY_IDX_N_TRAIN},
                 {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", TINY_IDX_N_TEST}};
    if (is_made)
        return dir;
    assert_non_null(mkdtemp(dir));
    struct rng rng;
    rng_seed(&rng, 1, 0);
    for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
        const uint8_t n[] = {(uint8_t)(parts[k].n >> 8), (uint8_t)parts[k].n};
        const uint8_t images_head[] = {0, 0, 8, 3, 0, 0, n[0], n[1], 0, 0, 0, 28, 0, 0, 0, 28};
        const uint8_t labels_head[] = {0, 0, 8, 1, 0, 0, n[0], n[1]};
        char path[96];
        snprintf(path, sizeof path, "%s/%s", dir, parts[k].images);
        FILE *images = fopen(path, "w");
        snprintf(path, sizeof path, "%s/%s", dir, parts[k].labels);
        FILE *labels = fopen(path, "w");
        assert_true(images && labels);
        fwrite(images_head, 1, sizeof images_head, images);
        fwrite(labels_head, 1, sizeof labels_head, labels);
        for (uint32_t i = 0; i < parts[k].n; i++) {
            uint32_t label = (uint32_t)rng_below(&rng, 10);
            fputc((int)label, labels);
            for (uint32_t pixel = 0; pixel < 28 * 28; pixel++)
                fputc((int)(rng_below(&rng, 128) + (pixel / 78 == label ? 127 : 0)), images);
        }
        assert_int_equal(fclose(images) | fclose(labels), 0);
    }
    is_made = true;
    return dir;
}

static inline void tiny_idx_remove(void)
{
    char *command = mem_format("rm -r '%s'", tiny_idx_dir());
    assert_int_equal(system(command), 0);
    free(command);
}

#endif
