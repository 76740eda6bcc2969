/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Vanilla split learning (Gupta and Raskar, 2018): one device after the other, the front part handed from
 * each to the next. A round is one batch of every device; the server steps after each.
 */
#include "edge-server/framework.h"

const struct framework framework_sl = {
    .name = "sl",
    .help = "vanilla split learning: devices take turns and hand the front part on",
    .takes_turns = true,
    .aggregation_ratio = framework_no_aggregation,
    .learn = framework_learn_plainly,
};
