/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `splitbed profile` found out about a model on this machine, as tables for a person. The same goes into a file by
 * models/profile_file.h.
 */
#ifndef TESTBED_PROFILE_REPORT_H
#define TESTBED_PROFILE_REPORT_H

#include "models/net_spec.h"
#include "models/profile_file.h"

/* A line a layer, what training the layers up to it takes, and sums; to standard output. */
void profile_print(const struct profile_file *file, const struct net_spec *spec);

#endif
