/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The folder that a run or a simulation leaves its results in. */
#ifndef TESTBED_RUN_FOLDER_H
#define TESTBED_RUN_FOLDER_H

#include "experiment/experiment.h"

/*
 * Makes `given`, or runs/NAME-DATE-TIME when it is NULL; the log goes to its log.txt from here on. A given folder may
 * exist, but not hold a run. The path, to be freed; NULL with err.
 */
char *run_folder_make(const struct experiment *e, const char *given, struct err *err);

/* The files that the experiment reads, copied into the folder (run_inputs.h). From here on `e` names the copies. */
int run_folder_keep_inputs(struct experiment *e, const char *dir, struct err *err);

/* The resolved experiment, as config.yaml, which names files in the folder relative to it. */
int run_folder_write_config(const struct experiment *e, const char *dir, struct err *err);

#endif
