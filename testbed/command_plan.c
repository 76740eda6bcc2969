/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed plan: solves an experiment's scheduling problem, or a bare one from a file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "edge-server/planning.h"
#include "edge-server/round_radio.h"
#include "scheduler/rates.h"
#include "testbed/calibration.h"
#include "testbed/command.h"

#define DEFAULT_POLICY       "auto"
#define DEFAULT_GAP          0.005
#define DEFAULT_TIME_LIMIT_S 10.0

struct arguments {
    struct experiment_arguments experiment;
    const char *problem_path, *policy, *json_path, *dump_path;
};

static const struct argp_option option_table[] = {
    {"problem", 'p', "FILE", 0, "Solve this problem.json instead of an experiment's", 0},
    {"policy", 'P', "NAME", 0,
     "Scheduling policy (default: the experiment's, or auto); all: every one, side by side", 0},
    {"json", 'j', "FILE", 0, "Write the plan to FILE", 0},
    {"dump-problem", 'd', "FILE", 0, "Write the problem to FILE", 0},
    {0}};

static bool is_all(const char *policy)
{
    return !strcmp(policy, "all");
}

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
        if (!policy_find(value) && !is_all(value))
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
        if (a->policy && is_all(a->policy) && a->json_path)
            argp_error(state, "--json holds one plan, --policy all makes several");
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

/* What its links make of the first round, where they do more than carry bits at the plan's rates. */
static int show_links(const struct experiment *e, const struct problem *problem,
                      const struct plan *plan, struct err *err)
{
    struct latency_terms terms;
    struct rates rates;
    if (plan->status == PLAN_INFEASIBLE)
        return 0;
    struct round_radio *radio = round_radio_new(e, err);
    if (!radio)
        return -1;
    rates_init(&rates, problem->n_devices);
    latency_terms_init(&terms, problem->n_devices);
    double latency_s = round_radio_evaluate(radio, 1, problem, plan, &rates, &terms);
    if (latency_s != plan->latency_s)
        printf(
            "Round 1 over links as they are (recordings, outages, delay, jitter, loss): %.6g s\n",
            latency_s);
    rates_release(&rates);
    latency_terms_release(&terms);
    round_radio_free(radio);
    return latency_s < HUGE_VAL ? 0 : err_set(err, "some device's link carries nothing in round 1");
}

/* What testbed.time_scale: auto would be on this machine. */
static int show_time_scale(const struct experiment *e, const struct problem *problem,
                           const struct plan *plan, struct err *err)
{
    struct time_scale found;
    if (e->testbed.time_scale > 0 || plan->status == PLAN_INFEASIBLE)
        return 0;
    if (calibration_time_scale(&found, e, problem, plan, -1, err))
        return -1;
    printf("On this machine now, %s\n", found.text);
    return 0;
}

/* `policy` NULL: the experiment's, or the default. */
static int make_plan(struct plan *plan, const struct problem *problem, const struct experiment *e,
                     const char *policy, struct err *err)
{
    struct plan_options bare = {.gap = DEFAULT_GAP, .time_limit_s = DEFAULT_TIME_LIMIT_S};
    if (e)
        return planning_solve(plan, problem, e, policy, NULL, err);
    return plan_make(plan, problem, policy ? policy : DEFAULT_POLICY, &bare, err);
}

/* A line a plan; the gap is to the best bound that any policy proved. */
static void print_all(const struct plan *plans, int n, const struct problem *problem)
{
    double bound_s = 0;
    for (int i = 0; i < n; i++)
        if (plans[i].policy && plans[i].status != PLAN_INFEASIBLE)
            bound_s = fmax(bound_s, plans[i].lower_bound_s);
    printf("%-24s %14s %9s %10s  %s\n", "policy", "latency, s", "gap, %", "solved, s", "cut after");
    for (int i = 0; i < n; i++) {
        const struct plan *p = &plans[i];
        if (!p->policy)
            printf("%-24s does not apply to this problem\n", policy_at(i)->name);
        else if (p->status == PLAN_INFEASIBLE)
            printf("%-24s no plan: %s\n", policy_at(i)->name, p->reason);
        else
            printf("%-24s %14.6g %9.2f %10.3f  %s\n", policy_at(i)->name, p->latency_s,
                   100 * (1 - bound_s / p->latency_s), p->solve_s,
                   p->u ? "(two a device)" : problem->cuts[p->cut].name);
    }
    printf("Best proven lower bound: %.6g s\n", bound_s);
}

/* One plan of the comparison; left all zero where the policy does not apply. */
static int make_if_it_applies(struct plan *plan, const struct problem *problem,
                              const struct experiment *e, const struct policy *policy,
                              struct err *err)
{
    if (policy_check_applies(policy, problem, NULL))
        return 0;
    return make_plan(plan, problem, e, policy->name, err);
}

/* Every policy in the table; -1 when one fails, or when none has a plan. */
static int compare(const struct problem *problem, const struct experiment *e, struct err *err)
{
    struct plan *plans;
    int n = 0, n_made = 0, n_valid = 0;
    while (policy_at(n))
        n++;
    plans = mem_zero((size_t)n, sizeof *plans);
    while (n_made < n && !make_if_it_applies(&plans[n_made], problem, e, policy_at(n_made), err)) {
        n_valid += plans[n_made].policy && plans[n_made].status != PLAN_INFEASIBLE;
        n_made++;
    }
    if (n_made == n) {
        print_all(plans, n, problem);
        if (n_valid == 0)
            err_set(err, "there is no plan: %s", plans[0].reason);
    }
    for (int i = 0; i < n_made; i++)
        plan_release(&plans[i]);
    free(plans);
    return n_made == n && n_valid > 0 ? 0 : -1;
}

/* Dumps, solves and shows a problem; `e` is the experiment it comes from, or NULL. */
static int solve(const struct arguments *a, const struct problem *problem,
                 const struct experiment *e, struct err *err)
{
    struct plan plan;
    if (a->dump_path && problem_save(problem, a->dump_path, err))
        return -1;
    if (a->policy && is_all(a->policy))
        return compare(problem, e, err);
    if (make_plan(&plan, problem, e, a->policy, err))
        return -1;
    int status = finish(a, problem, &plan, err);
    if (!status && e)
        status = show_links(e, problem, &plan, err);
    if (!status && e)
        status = show_time_scale(e, problem, &plan, err);
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
