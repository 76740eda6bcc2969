/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed plan: solves an experiment's scheduling problem, or a bare one from a file. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "edge-server/planning.h"
#include "testbed/command.h"

#define DEFAULT_POLICY       "exact"
#define DEFAULT_GAP          0.005
#define DEFAULT_TIME_LIMIT_S 10.0

struct arguments {
    struct experiment_arguments experiment;
    const char *problem_path, *policy, *json_path, *dump_path;
};

static const struct argp_option option_table[] = {
    {"problem", 'p', "FILE", 0, "Solve this problem.json instead of an experiment's", 0},
    {"policy", 'P', "NAME", 0, "Scheduling policy (default: the experiment's, or exact)", 0},
    {"json", 'j', "FILE", 0, "Write the plan to FILE", 0},
    {"dump-problem", 'd', "FILE", 0, "Write the problem to FILE", 0},
    {0}};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        a->experiment.is_optional = true;
        state->child_inputs[0] = &a->experiment;
        return 0;
    case 'p':
        a->problem_path = value;
        return 0;
    case 'P':
        if (!policy_find(value))
            argp_error(state, "--policy: there is no policy '%s'", value);
        a->policy = value;
        return 0;
    case 'j':
        a->json_path = value;
        return 0;
    case 'd':
        a->dump_path = value;
        return 0;
    case ARGP_KEY_END:
        if (!a->experiment.path == !a->problem_path)
            argp_error(state, "either CONFIG or --problem FILE is wanted");
        if (a->problem_path && a->experiment.n_overrides)
            argp_error(state, "--set changes an experiment, not a --problem");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Writes what was asked for and shows the plan. */
static int finish(const struct arguments *a, const struct problem *problem, const struct plan *plan,
                  struct err *err)
{
    if (a->json_path && plan_save(plan, problem, a->json_path, err))
        return -1;
    struct strbuf text = STRBUF_INIT;
    plan_print(plan, problem, &text);
    fputs(text.text, stdout);
    strbuf_release(&text);
    return plan->status == PLAN_INFEASIBLE ? err_set(err, "there is no plan: %s", plan->reason) : 0;
}

/* Dumps, solves and shows a problem; `e` is the experiment it comes from, or NULL. */
static int solve(const struct arguments *a, const struct problem *problem,
                 const struct experiment *e, struct err *err)
{
    struct plan plan;
    struct plan_options bare = {.gap = DEFAULT_GAP, .time_limit_s = DEFAULT_TIME_LIMIT_S};
    if (a->dump_path && problem_save(problem, a->dump_path, err))
        return -1;
    if (e ? planning_solve(&plan, problem, e, a->policy, err)
          : plan_make(&plan, problem, a->policy ? a->policy : DEFAULT_POLICY, &bare, err))
        return -1;
    int status = finish(a, problem, &plan, err);
    plan_release(&plan);
    return status;
}

static int plan_for(const struct arguments *a, const struct experiment *e, struct err *err)
{
    struct problem problem;
    if (e ? planning_problem(&problem, e, err) : problem_load(&problem, a->problem_path, err))
        return -1;
    int status = solve(a, &problem, e, err);
    problem_release(&problem);
    return status;
}

static int plan_command(const struct arguments *a)
{
    struct err err = ERR_INIT;
    struct experiment e;
    bool has_experiment = a->experiment.path != NULL;
    if (has_experiment && command_load(&e, &a->experiment))
        return EXIT_USAGE;
    int status = plan_for(a, has_experiment ? &e : NULL, &err);
    if (has_experiment)
        experiment_release(&e);
    if (status)
        log_error("%s", err.text);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}

int command_plan(int argc, char **argv)
{
    static const struct argp_child children[] = {{&experiment_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        option_table,
        parse,
        "[CONFIG]",
        "Chooses cut layer, subchannels and power for an experiment or a "
        "problem file. Exit status 1 when there is no plan.",
        children,
        NULL,
        NULL};
    struct arguments arguments = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    int status = plan_command(&arguments);
    experiment_arguments_release(&arguments.experiment);
    return status;
}
