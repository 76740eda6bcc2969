/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The experimenter's commands: `splitbed run`, `plan`, ... one file testbed/command_<name>.c, one row of the
 * table in splitbed_main.c each. A command gets its own argv (argv[0] is "splitbed run") and returns the exit
 * status: 0 done, 1 failed, 2 bad usage or bad config.
 */
#ifndef TESTBED_COMMAND_H
#define TESTBED_COMMAND_H

#include "experiment/arguments.h"

#define EXIT_USAGE 2

struct command {
    const char *name, *help;
    int (*run)(int argc, char **argv);
};

int command_run(int argc, char **argv);
int command_simulate(int argc, char **argv);
int command_plan(int argc, char **argv);
int command_profile(int argc, char **argv);
int command_check(int argc, char **argv);

/* The experiment of a command line; errors and warnings go to standard error. 0 or -1. */
int command_load(struct experiment *e, const struct experiment_arguments *arguments);

#endif
