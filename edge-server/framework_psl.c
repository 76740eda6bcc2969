/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parallel split learning: all devices at once, every column its own, nothing aggregated. */
#include "edge-server/framework.h"

const struct framework framework_psl = {
    .name = "psl",
    .help = "parallel split learning: all devices at once, front parts never averaged",
    .takes_turns = false,
    .aggregation_ratio = framework_no_aggregation,
    .learn = framework_learn_plainly,
};
