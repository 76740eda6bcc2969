/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Named tensors in one file, as PyTorch's ecosystem exchanges them (github.com/huggingface/safetensors): 8 bytes with
 * the header's length, little-endian; a JSON header {"name": {"dtype": "F32", "shape": [6, 1, 5, 5],
 * "data_offsets": [begin, end]}, ..., "__metadata__": {"key": "text"}}; then the tensors' bytes, which the
 * offsets count from 0, row-major and little-endian, without gaps or overlap.
 *
 * A file that is opened has been checked: every size against the file's length and the limits below, every tensor's
 * bytes against its dtype and shape. Errors name the file and the tensor. Used by models/weights.h and tests.
 */
#ifndef MODELS_SAFETENSORS_H
#define MODELS_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SAFETENSORS_MAX_HEADER  (UINT64_C(1) << 24) /* bytes */
#define SAFETENSORS_MAX_TENSORS 65536
#define SAFETENSORS_MAX_NAME    256 /* bytes, NUL included */
#define SAFETENSORS_MAX_DIMS    8

struct safetensors_entry {
    char name[SAFETENSORS_MAX_NAME];
    const char *dtype; /* "F32", "I64", ... */
    int n_dims;
    int64_t dim[SAFETENSORS_MAX_DIMS];
    uint64_t begin, end; /* bytes, from the first after the header */
};

struct safetensors;

/* NULL when the file cannot be read or is not in order. */
struct safetensors *safetensors_open(const char *path, struct err *err);
void safetensors_close(struct safetensors *file);

size_t safetensors_n(const struct safetensors *file);
const struct safetensors_entry *safetensors_at(const struct safetensors *file, size_t i);
const struct safetensors_entry *safetensors_find(const struct safetensors *file, const char *name);

/* NULL where there is none; good while the file is open. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);

/* The tensor's end - begin bytes. The error names the tensor alone. */
int safetensors_read(struct safetensors *file, const struct safetensors_entry *entry, void *to,
                     struct err *err);

/* A tensor to be written. */
struct safetensors_tensor {
    const char *name, *dtype;
    int n_dims;
    const int *dim;
    const void *data; /* little-endian */
};

/*
 * Writes a file beside and moves it to `path` once it is whole, so that no half-written one is ever found there.
 * Names must differ.
 */
int safetensors_write(const char *path, const struct safetensors_tensor *tensors, size_t n,
                      struct err *err);

#endif
