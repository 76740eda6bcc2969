/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "edge-server/planning.h"
#include "testbed/command.h"

int command_load(struct experiment *e, const struct experiment_arguments *arguments)
{
    struct experiment_choices choices = planning_choices();
    struct strbuf errors = STRBUF_INIT;
    int status = experiment_load_arguments(e, arguments, &choices, &errors);
    if (status)
        fputs(errors.text, stderr);
    else if (e->warnings)
        fputs(e->warnings, stderr);
    strbuf_release(&errors);
    return status;
}
