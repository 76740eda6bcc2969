/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/calibration.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "edge-server/schedule.h"
#include "testbed/calibration_jobs.h"
#include "testbed/helpers.h"
#include "testbed/rehearsal.h"

#define LESS 0.8 /* of a scale that was enough is worth another rehearsal */

static int n_cores(void)
{
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) ? 1 : CPU_COUNT(&cores);
}

/* In n processes at once; the slowest's values. */
static int measure(helper_work *work, const struct calibration_job *job, int n, double *values,
                   int stop_fd, struct err *err)
{
    double *all = mem_zero((size_t)n * HELPER_VALUES, sizeof *all);
    int status = helpers_run(work, job, n, all, stop_fd, err);
    for (int k = 0; k < HELPER_VALUES; k++)
        values[k] = 0;
    for (int i = 0; i < n * HELPER_VALUES && !status; i++)
        if (all[i] > values[i % HELPER_VALUES])
            values[i % HELPER_VALUES] = all[i];
    free(all);
    return status;
}

int calibration_measure(struct machine_speed *speed, const struct experiment *e,
                        const struct problem *problem, const struct plan *plan, int stop_fd,
                        struct err *err)
{
    struct calibration_job job = {.e = e, .problem = problem, .plan = plan};
    double front[HELPER_VALUES], server[HELPER_VALUES], messages[HELPER_VALUES];
    int n_at_once = problem->takes_turns ? 1 : problem->n_devices;
    speed->n_cores = n_cores();
    if (n_at_once > speed->n_cores)
        n_at_once = speed->n_cores;
    if (measure(calibration_front, &job, n_at_once, front, stop_fd, err) ||
        measure(calibration_server, &job, 1, server, stop_fd, err) ||
        measure(calibration_messages, &job, 1, messages, stop_fd, err))
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
                           const struct problem *problem, const struct plan *plan, int stop_fd,
                           struct err *err)
{
    struct machine_speed speed;
    if (calibration_measure(&speed, e, problem, plan, stop_fd, err))
        return -1;
    struct load load = load_of_plan(problem, plan);
    *found = load_time_scale(&load, &speed);
    return 0;
}

/* From what is measured to what is needed; the last rehearsal's word is taken, enough or not. */
static int find_by_rehearsal(struct time_scale *found, const struct rehearsal *rehearsal,
                             struct err *err)
{
    for (int k = 1; k <= CALIBRATION_REHEARSALS; k++) {
        struct time_scale at = *found;
        struct lateness lateness;
        log_info("rehearsing at time scale %g", at.value);
        if (rehearse(&lateness, rehearsal, at.value, err))
            return -1;
        *found = lateness_time_scale(&lateness, at.floor);
        if (found->value <= at.value && found->value >= LESS * at.value)
            break;
    }
    return 0;
}

static int find(struct time_scale *found, const struct schedule *schedule, const char *dir,
                int stop_fd, struct err *err)
{
    const struct problem *problem = &schedule->problem;
    const struct plan *plan = &schedule->plan;
    struct rehearsal rehearsal = {schedule->e, problem->cuts[plan->cut].name, schedule->latency_s,
                                  dir, stop_fd};
    if (calibration_time_scale(found, schedule->e, problem, plan, stop_fd, err))
        return -1;
    return find_by_rehearsal(found, &rehearsal, err);
}

int calibration_of_run(struct time_scale *found, const struct experiment *e, const char *dir,
                       int stop_fd, struct err *err)
{
    struct schedule schedule;
    int status = schedule_open(&schedule, e, err);
    if (!status)
        status = schedule_next(&schedule, 1, err);
    if (!status)
        status = find(found, &schedule, dir, stop_fd, err);
    schedule_release(&schedule);
    return status;
}
