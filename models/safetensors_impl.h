/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the reader and the writer of safetensors files share. */
#ifndef MODELS_SAFETENSORS_IMPL_H
#define MODELS_SAFETENSORS_IMPL_H

#include "models/safetensors.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are read and written as they lie in memory: a little-endian machine is wanted"
#endif

struct safetensors_dtype {
    const char *name;
    int bytes;
};

/* NULL for one that is not known. */
const struct safetensors_dtype *safetensors_dtype(const char *name);

#endif
