/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Labelled images on disk, one row a format (models/dataset.c); samples become normalised float32 as they
 * are put into a batch. A data set belongs to one thread.
 */
#ifndef MODELS_DATASET_H
#define MODELS_DATASET_H

#include <stdint.h>

#include "base/err.h"
#include "models/shape.h"

enum dataset_part { DATASET_TRAIN, DATASET_TEST };

struct dataset;

/*
 * `format`: a row of the table, which says what is looked for in `dir`:
 * idx: the MNIST family's train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-..., plain or .gz.
 *      Images stay on disk and are read as batches want them; large packed ones from an unpacked copy (unpacked.h).
 * cifar10: the binary version's data_batch_1.bin to data_batch_5.bin, test_batch.bin.
 * cifar100: the binary version's train.bin, test.bin; the label is the fine one.
 * npy: NumPy arrays train_images.npy, train_labels.npy, test_images.npy, test_labels.npy, or x_train.npy, y_train.npy,
 *      x_test.npy, y_test.npy. Images (n, height, width), (n, channels, height, width), (n, height, width,
 *      channels) where only the last dimension is 1, 3 or 4, or (n, features); of unsigned bytes, taken
 *      as x/255, or of floats, taken as they are. Labels (n) or (n, 1), whole numbers.
 * npz: the same arrays in one file, as np.savez and np.savez_compressed write them: `dir` itself when it is a
 *      file (MedMNIST's pathmnist.npz), else dir/data.npz.
 * synthetic: nothing; `dir` is a description, "3x32x32 classes=10 train=5000 test=1000 seed=1" with these
 *      values where a key is missing: images of blurred blobs by class, with noise and random shifts.
 * The error names the file and what is wrong with it. Every size in a file is checked against its
 * length and against limits before memory is taken.
 */
struct dataset *dataset_open(const char *format, const char *dir, enum dataset_part part,
                             struct err *err);
void dataset_free(struct dataset *data);

const char *dataset_formats(void); /* "idx" ...: the choices, for messages */

size_t dataset_n_samples(const struct dataset *data);
struct shape dataset_shape(const struct dataset *data);
int dataset_n_classes(const struct dataset *data); /* largest label + 1 */
const uint32_t *dataset_labels(const struct dataset *data);

/* x -> (x/255 - mean)/std for every channel alike, or (x - mean)/std for floats; at open 0 and 1. */
void dataset_normalize(struct dataset *data, double mean, double std);

/* The same with numbers for each channel (the first dimension of the shape). */
void dataset_normalize_channels(struct dataset *data, const double *mean, const double *std);

/*
 * Samples `index[0..n)` into x (n, shape) and labels (n; may be NULL). Indices must be in range. A sample that cannot
 * be read any more becomes zeros, which dataset_check() tells.
 */
void dataset_batch(const struct dataset *data, const uint32_t *index, int n, float *x,
                   uint32_t *labels);

/* As ferror(): -1 once a sample on disk could not be read. */
int dataset_check(const struct dataset *data, struct err *err);

/* Random changes of training images. A copy of each image is drawn anew for every (seed, step, place in batch). */
struct augment {
    int crop_padding; /* pixels of raw 0 put around before a crop of the old size is taken; 0: no crop */
    bool flips;       /* left and right changed over in half of the images */
    uint64_t seed;
};

/* dataset_batch() with them; for images only. `step` counts batches. */
void dataset_batch_augmented(const struct dataset *data, const struct augment *augment,
                             uint64_t step, const uint32_t *index, int n, float *x,
                             uint32_t *labels);

#endif
