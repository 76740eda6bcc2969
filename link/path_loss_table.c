/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gains as they were measured or computed elsewhere: link/gain_table.h reads them. */
#include "link/path_loss_models.h"

const struct path_loss path_loss_table = {
    .name = "table",
    .help = "gains from a file, antennas included",
    .correlation_m = {10, 10},
};
