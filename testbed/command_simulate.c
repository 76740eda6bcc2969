/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed simulate CONFIG: one process, virtual clock; the result files are those of splitbed run. */
#include <stdlib.h>

#include "base/log.h"
#include "base/signal_fd.h"
#include "testbed/command.h"
#include "testbed/run_folder.h"
#include "testbed/simulate.h"

struct arguments {
    struct experiment_arguments experiment;
    const char *out_dir;
};

static const struct argp_option option_table[] = {
    {"out", 'o', "DIR", 0, "Result folder (default runs/NAME-DATE-TIME)", 0}, {0}};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->experiment;
        return 0;
    case 'o':
        a->out_dir = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int run(const struct experiment *e, const char *given_dir)
{
    struct err err = ERR_INIT;
    int stop_fd = -1, status = EXIT_SUCCESS;
    char *dir = run_folder_make(e, given_dir, &err);
    if (!dir || run_folder_write_config(e, dir, &err) ||
        (stop_fd = signal_fd_open_stop(&err)) < 0 || simulate_run(e, dir, stop_fd, &err)) {
        log_error("%s", err.text);
        status = EXIT_FAILURE;
    }
    free(dir);
    return status;
}

int command_simulate(int argc, char **argv)
{
    static const struct argp_child children[] = {{&experiment_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        option_table,
        parse,
        "CONFIG",
        "Simulates an experiment in one process on a virtual clock: the server and the devices do "
        "what "
        "they do in `splitbed run`, learning included, while computing and links take the time the "
        "model says. The results are repeatable bit for bit, and the losses are those of `splitbed "
        "run`. With --set training.learning=false only times are simulated, for thousands of "
        "devices. "
        "Ctrl-C ends it and keeps finished rounds.",
        children,
        NULL,
        NULL};
    struct arguments arguments = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    struct experiment e;
    int status = EXIT_USAGE;
    if (!command_load(&e, &arguments.experiment)) {
        status = run(&e, arguments.out_dir);
        experiment_release(&e);
    }
    experiment_arguments_release(&arguments.experiment);
    return status;
}
