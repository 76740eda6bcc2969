/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gains from a file, for path loss `table`: columns device,gain_db (one for all subchannels) or
 * device,subchannel,gain_db with subchannels from 0; gain in place of gain_db for linear ratios.
 * Antennas are included. Every device needs every subchannel once.
 */
#ifndef LINK_GAIN_TABLE_H
#define LINK_GAIN_TABLE_H

#include "base/err.h"
#include "link/name_index.h"

/* gain[n_devices][n_subchannels], linear. -1 with "path:line: what". */
int gain_table_load(double *gain, const struct name_index *devices, int n_subchannels,
                    const char *path, struct err *err);

#endif
