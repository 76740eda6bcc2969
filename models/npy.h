/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NumPy's .npy arrays (numpy.lib.format, versions 1 and 2) as bytes in memory, and members of .npz, which is a ZIP file of
 * such arrays, stored or deflated. Inside models/.
 */
#ifndef MODELS_NPY_H
#define MODELS_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NPY_MAX_DIMS  8
#define NPY_MAX_BYTES ((UINT64_C(1) << 31) + 65536) /* of a file or member */

struct npy {
    char type;      /* 'u', 'i', 'f': unsigned, signed, float */
    int item_bytes; /* 1, 2, 4, 8 */
    int n_dims;
    uint64_t dim[NPY_MAX_DIMS];
    uint64_t n;          /* numbers */
    const uint8_t *data; /* n x item_bytes, in C order, little-endian; inside the bytes given */
};

/* Looks at the header; `bytes` must outlive the array. */
int npy_parse(struct npy *array, const uint8_t *bytes, size_t n, struct err *err);

/* Number i. A float loses precision beyond float's in npy_float(); NaN and fractions are -1 in npy_whole(). */
float npy_float(const struct npy *array, uint64_t i);
int64_t npy_whole(const struct npy *array, uint64_t i);

/* A whole file, *n bytes to be freed; NULL on failure. */
uint8_t *npy_read_file(const char *path, size_t *n, struct err *err);

/*
 * The member `name` of the ZIP file in zip[0..n_zip): *n bytes to be freed. NULL with *is_there false
 * when there is no such member (and no error), NULL, *is_there and an error when it cannot be had: encrypted,
 * packed by another method, damaged.
 */
uint8_t *zip_member(const uint8_t *zip, size_t n_zip, const char *name, size_t *n, bool *is_there,
                    struct err *err);

#endif
