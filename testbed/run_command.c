/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/run_command.h"

#include "testbed/command.h"

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

int run_command(int argc, char **argv, const char *doc,
                int (*run)(struct experiment *e, const char *given_dir))
{
    static const struct argp_child children[] = {{&experiment_argp, 0, NULL, 0}, {0}};
    const struct argp argp = {option_table, parse, "CONFIG", doc, children, NULL, NULL};
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
