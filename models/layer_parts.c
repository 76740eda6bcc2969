/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/layer.h"

#include "models/parallel.h"

struct parts {
    const struct layer *layer;
    const struct layer_pass *pass;
    layer_part *part;
};

static void run_range(void *context, size_t first, size_t end)
{
    const struct parts *parts = context;
    parts->part(parts->layer, parts->pass, first, end);
}

void layer_in_parts(const struct layer *layer, const struct layer_pass *pass, size_t n,
                    layer_part *part)
{
    struct parts parts = {layer, pass, part};
    parallel_ranges(n, (size_t)pass->batch * shape_features(&layer->in), run_range, &parts);
}
