/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Launches the processes of a run on this machine, one server and an agent for every device, and watches
 * over them until all have ended.
 */
#ifndef TESTBED_LAUNCH_H
#define TESTBED_LAUNCH_H

#include <stdbool.h>

#include "base/err.h"
#include "experiment/experiment.h"

struct launch_options {
    const char *out_dir; /* the result folder */
    int stop_fd;         /* readable: end in order */
    bool is_quiet; /* on standard error errors alone; standard output is the server's, as ever */
};

/*
 * The result folder holds config.yaml, which the server reads. 0 when the server has done all rounds. -1 when
 * it has not, or a signal came: the reason names the process that failed first; whatever the server could
 * still write is written, and no process is left.
 */
int launch_run(const struct experiment *e, const struct launch_options *options, struct err *err);

#endif
