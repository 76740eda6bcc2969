/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Labelled images on disk, one row a format (models/dataset.c); samples become normalised float32 as they
 * are put into a batch.
 */
#ifndef MODELS_DATASET_H
#define MODELS_DATASET_H

#include <stdint.h>

#include "base/err.h"
#include "models/shape.h"

enum dataset_part { DATASET_TRAIN, DATASET_TEST };

struct dataset;

/*
 * `format`: a row of the table ("idx": the MNIST family's train-images-idx3-ubyte, ..., plain or .gz, in
 * `dir`). The error names the file and what is wrong with it. Every size in a file is checked against its
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

/* x -> (x/255 - mean)/std for every channel alike; at open 0 and 1. */
void dataset_normalize(struct dataset *data, double mean, double std);

/* Samples `index[0..n)` into x (n, shape) and labels (n; may be NULL). Indices must be in range. */
void dataset_batch(const struct dataset *data, const uint32_t *index, int n, float *x,
                   uint32_t *labels);

#endif
