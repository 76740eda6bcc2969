/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Several layers as one entry of a list: a block that no cut divides. */
#include "models/layer.h"
#include "models/program.h"

static int expand(struct program *program, const struct layer_spec *spec, int input,
                  struct err *err)
{
    return program_add_list(program, &spec->branch[0], input, err);
}

const struct layer_ops layer_sequence = {
    .name = "sequence",
    .help = "layers one after another, as one entry",
    .branches = {"layers"},
    .expand = expand,
};
