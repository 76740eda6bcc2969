/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The part of a command line that every program with an experiment shares: CONFIG and --set KEY=VALUE. An
 * argp child; its input is a struct experiment_arguments, zeroed before.
 */
#ifndef EXPERIMENT_ARGUMENTS_H
#define EXPERIMENT_ARGUMENTS_H

#include <argp.h>

#include "experiment/experiment.h"

struct experiment_arguments {
    const char *path; /* CONFIG; NULL: not given */
    struct experiment_override *overrides;
    size_t n_overrides, capacity;
    bool is_optional; /* set by the caller: CONFIG may be missing */
};

extern const struct argp experiment_argp;

void experiment_arguments_release(struct experiment_arguments *arguments);

/* experiment_load() of what the command line names. */
int experiment_load_arguments(struct experiment *e, const struct experiment_arguments *arguments,
                              const struct experiment_choices *choices, struct strbuf *errors);

#endif
