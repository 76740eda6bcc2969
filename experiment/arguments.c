/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/arguments.h"

#include <stdlib.h>

#include "base/mem.h"

static const struct argp_option option_table[] = {
    {"set", 's', "KEY=VALUE", 0, "Override a key of CONFIG, as often as needed", 0}, {0}};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct experiment_arguments *a = state->input;
    switch (key) {
    case 's':
        a->overrides = mem_grow(a->overrides, a->n_overrides, &a->capacity, sizeof *a->overrides);
        a->overrides[a->n_overrides++].assignment = value;
        return 0;
    case ARGP_KEY_ARG:
        if (a->path)
            argp_error(state, "'%s': one CONFIG is wanted", value);
        a->path = value;
        return 0;
    case ARGP_KEY_END:
        if (!a->path && !a->is_optional)
            argp_error(state, "CONFIG is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp experiment_argp = {option_table, parse, NULL, NULL, NULL, NULL, NULL};

void experiment_arguments_release(struct experiment_arguments *arguments)
{
    free(arguments->overrides);
}

int experiment_load_arguments(struct experiment *e, const struct experiment_arguments *arguments,
                              const struct experiment_choices *choices, struct strbuf *errors)
{
    return experiment_load(e, arguments->path, arguments->overrides, arguments->n_overrides,
                           choices, errors);
}
