/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed check CONFIG: every error at once, or the resolved experiment on standard output. */
#include <stdio.h>
#include <stdlib.h>

#include "testbed/command.h"

struct arguments {
    struct experiment_arguments experiment;
    bool wants_keys;
};

static const struct argp_option option_table[] = {
    {"keys", 'k', NULL, 0, "List every key with its unit, range and default instead", 0}, {0}};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *a = state->input;
    (void)value;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->experiment;
        return 0;
    case 'k':
        a->wants_keys = a->experiment.is_optional = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int command_check(int argc, char **argv)
{
    static const struct argp_child children[] = {{&experiment_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        option_table,
        parse,
        "CONFIG",
        "Validates an experiment file and prints the resolved experiment, itself a valid file.",
        children,
        NULL,
        NULL};
    struct arguments arguments = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);

    struct strbuf text = STRBUF_INIT;
    int status = EXIT_SUCCESS;
    struct experiment e;
    if (arguments.wants_keys) {
        experiment_print_keys(&text);
    } else if (command_load(&e, &arguments.experiment)) {
        status = EXIT_USAGE;
    } else {
        experiment_print(&e, &text);
        experiment_release(&e);
    }
    if (text.text)
        fputs(text.text, stdout);
    strbuf_release(&text);
    experiment_arguments_release(&arguments.experiment);
    return status;
}
