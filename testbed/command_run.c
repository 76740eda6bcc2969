/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed run CONFIG: processes, sockets, wall clock; everything it learns goes into the result folder. */
#include <stdlib.h>

#include "base/log.h"
#include "base/signal_fd.h"
#include "testbed/calibration.h"
#include "testbed/command.h"
#include "testbed/launch.h"
#include "testbed/run_command.h"
#include "testbed/run_folder.h"

/* testbed.time_scale: auto becomes a number, which config.yaml has and the log explains. */
static int settle_time_scale(struct experiment *e, const struct launch_options *options,
                             struct err *err)
{
    struct time_scale found;
    if (e->testbed.time_scale > 0)
        return 0;
    if (calibration_of_run(&found, e, options->out_dir, options->stop_fd, err))
        return -1;
    e->testbed.time_scale = found.value;
    log_info("%s", found.text);
    return 0;
}

static int run(struct experiment *e, const char *given_dir)
{
    struct err err = ERR_INIT;
    struct launch_options options = {.stop_fd = signal_fd_open_stop(&err)};
    int status = EXIT_SUCCESS;
    char *dir = options.stop_fd < 0 ? NULL : run_folder_make(e, given_dir, &err);
    options.out_dir = dir;
    if (!dir || run_folder_keep_inputs(e, dir, &err) || settle_time_scale(e, &options, &err) ||
        run_folder_write_config(e, dir, &err) || launch_run(e, &options, &err)) {
        log_error("%s", err.text);
        status = EXIT_FAILURE;
    }
    free(dir);
    return status;
}

int command_run(int argc, char **argv)
{
    return run_command(
        argc, argv,
        "Runs an experiment on this machine: a server and a process for every device, talking over "
        "ZeroMQ, with emulated computing speeds and links. Ctrl-C ends it and keeps finished "
        "rounds.",
        run);
}
