/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (channels, height, width) seen as (channels x height x width): the memory is the same. */
#include "models/layer.h"

static int setup(struct layer *layer, struct err *err)
{
    size_t features = shape_features(&layer->in);
    if (features > SHAPE_MAX_DIM)
        return err_set(err, "%zu numbers in one dimension: allowed are at most %d", features,
                       SHAPE_MAX_DIM);
    layer->out = shape_flat((int)features);
    return 0;
}

const struct layer_ops layer_flatten = {
    .name = "flatten",
    .help = "an image as one row of numbers",
    .shares_storage = true,
    .setup = setup,
};
