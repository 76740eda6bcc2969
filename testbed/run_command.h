/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line that `splitbed run` and `splitbed simulate` share: CONFIG, --set, --out. */
#ifndef TESTBED_RUN_COMMAND_H
#define TESTBED_RUN_COMMAND_H

#include "experiment/experiment.h"

/*
 * Reads the command line and the experiment and calls run(), which gives the exit status and may change the
 * experiment; given_dir is --out, NULL without. EXIT_USAGE, all complaints printed, when the experiment is wrong.
 * `doc` is argp's.
 */
int run_command(int argc, char **argv, const char *doc,
                int (*run)(struct experiment *e, const char *given_dir));

#endif
