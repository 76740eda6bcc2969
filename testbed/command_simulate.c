/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed simulate CONFIG: one process, virtual clock; the result files are those of splitbed run. */
#include <stdlib.h>

#include "base/log.h"
#include "base/signal_fd.h"
#include "testbed/command.h"
#include "testbed/run_command.h"
#include "testbed/run_folder.h"
#include "testbed/simulate.h"

static int run(struct experiment *e, const char *given_dir)
{
    struct err err = ERR_INIT;
    int stop_fd = -1, status = EXIT_SUCCESS;
    char *dir = run_folder_make(e, given_dir, &err);
    if (!dir || run_folder_keep_inputs(e, dir, &err) || run_folder_write_config(e, dir, &err) ||
        (stop_fd = signal_fd_open_stop(&err)) < 0 || simulate_run(e, dir, stop_fd, &err)) {
        log_error("%s", err.text);
        status = EXIT_FAILURE;
    }
    free(dir);
    return status;
}

int command_simulate(int argc, char **argv)
{
    return run_command(
        argc, argv,
        "Simulates an experiment in one process on a virtual clock: the server and the devices do "
        "what "
        "they do in `splitbed run`, learning included, while computing and links take the time the "
        "model says. The results are repeatable bit for bit, and the losses are those of `splitbed "
        "run`. With --set training.learning=false only times are simulated, for thousands of "
        "devices. "
        "Ctrl-C ends it and keeps finished rounds.",
        run);
}
