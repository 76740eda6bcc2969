/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A data set's insides and what a format of files fills in; inside models/. One file and one row a format. */
#ifndef MODELS_DATASET_FORMAT_H
#define MODELS_DATASET_FORMAT_H

#include "models/dataset.h"

#define DATASET_MAX_SAMPLES (1u << 24)
#define DATASET_MAX_BYTES   (UINT64_C(1) << 31) /* of pixels */
#define DATASET_MAX_LABEL   65535

struct dataset {
    uint8_t *pixels;         /* (n_samples, shape), as in the file, or NULL */
    float *values;           /* instead of pixels, likewise */
    struct pixel_file *file; /* instead of both: pixels are read when they are wanted */
    uint32_t *labels;        /* n_samples */
    size_t n_samples;
    struct shape shape;
    int n_classes;
    int n_norms; /* 1: all channels alike; else the channels */
    struct dataset_norm *norms;
};

struct pixel_file {
    int fd;
    uint64_t first; /* byte of sample 0 */
    uint8_t *row;   /* room for one sample */
    int failure;    /* errno of a sample that could not be read; 0: none */
};

/* Pixels to be read from fd, which the data set closes; after n_samples and shape are set. */
void dataset_read_from(struct dataset *data, int fd, uint64_t first);

/* x -> (x - mean)/std of one channel, x a value or a pixel/255. */
struct dataset_norm {
    float mean, std;
    float of_byte[256]; /* of a pixel */
};

/* Sample `index` into x (shape), normalised. */
void dataset_sample(const struct dataset *data, uint32_t index, float *x);

struct dataset_format {
    const char *name;
    /*
     * Reads one part found in `dir` into pixels or values, labels, n_samples and shape. What it allocated before it
     * failed is freed by the caller.
     */
    int (*read)(struct dataset *data, const char *dir, enum dataset_part part, struct err *err);
};

extern const struct dataset_format dataset_idx, dataset_cifar10, dataset_cifar100, dataset_npy,
    dataset_npz, dataset_synthetic;

#endif
