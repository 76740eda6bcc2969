/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/calibration.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "edge-server/link_kind.h"
#include "edge-server/planning.h"
#include "testbed/calibration_jobs.h"
#include "testbed/helpers.h"

static int n_cores(void)
{
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) ? 1 : CPU_COUNT(&cores);
}

/* In n processes at once; the slowest's values. */
static int measure(helper_work *work, const struct calibration_job *job, int n, double *values,
                   struct err *err)
{
    double *all = mem_zero((size_t)n * HELPER_VALUES, sizeof *all);
    int status = helpers_run(work, job, n, all, err);
    for (int k = 0; k < HELPER_VALUES; k++)
        values[k] = 0;
    for (int i = 0; i < n * HELPER_VALUES && !status; i++)
        if (all[i] > values[i % HELPER_VALUES])
            values[i % HELPER_VALUES] = all[i];
    free(all);
    return status;
}

int calibration_measure(struct machine_speed *speed, const struct experiment *e,
                        const struct problem *problem, const struct plan *plan, struct err *err)
{
    struct calibration_job job = {.e = e, .problem = problem, .plan = plan};
    double front[HELPER_VALUES], server[HELPER_VALUES], messages[HELPER_VALUES];
    int n_at_once = problem->takes_turns ? 1 : problem->n_devices;
    speed->n_cores = n_cores();
    if (n_at_once > speed->n_cores)
        n_at_once = speed->n_cores;
    if (measure(calibration_front, &job, n_at_once, front, err) ||
        measure(calibration_server, &job, 1, server, err) ||
        measure(calibration_messages, &job, 1, messages, err))
        return err_prefix(err, "measuring this machine for testbed.time_scale: auto");
    speed->front_forward_s = front[0];
    speed->front_backward_s = front[1];
    speed->server_forward_s = server[0];
    speed->server_backward_s = server[1];
    speed->message_s = messages[0];
    speed->byte_s = messages[1];
    return 0;
}

int calibration_time_scale(struct time_scale *found, const struct experiment *e,
                           const struct problem *problem, const struct plan *plan, struct err *err)
{
    struct machine_speed speed;
    bool has_links = link_kind_find(e->testbed.link)->is_emulated;
    if (!e->testbed.models_compute || !has_links) {
        *found = (struct time_scale){.value = 1, .exact = 1};
        snprintf(found->text, sizeof found->text, "time_scale 1: %s native, in the wall's time",
                 has_links ? "compute is" : "links are");
        return 0;
    }
    if (calibration_measure(&speed, e, problem, plan, err))
        return -1;
    struct load load = load_of_plan(problem, plan);
    *found = load_time_scale(&load, &speed);
    return 0;
}

int calibration_of_experiment(struct time_scale *found, const struct experiment *e, struct err *err)
{
    struct problem problem;
    struct plan plan;
    if (planning_problem(&problem, e, err))
        return -1;
    int status = planning_solve(&plan, &problem, e, NULL, NULL, err);
    if (!status) {
        status = plan.status == PLAN_INFEASIBLE
                     ? err_set(err, "there is no plan: %s", plan.reason)
                     : calibration_time_scale(found, e, &problem, &plan, err);
        plan_release(&plan);
    }
    problem_release(&problem);
    return status;
}
