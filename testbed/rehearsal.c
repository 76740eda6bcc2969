/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/rehearsal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/signal_fd.h"
#include "edge-server/phase.h"
#include "testbed/helpers.h"
#include "testbed/launch.h"
#include "testbed/run_folder.h"

#define BUDGET_WALL_S 2.5
#define MIN_ROUNDS    5
#define MAX_ROUNDS    20
#define PLAN_LIMIT_S  1.0

struct job {
    const struct experiment *e;
    const char *dir;
};

static int rounds_for(double round_wall_s)
{
    return (int)fmax(MIN_ROUNDS, fmin(MAX_ROUNDS, ceil(BUDGET_WALL_S / round_wall_s)));
}

static void keep_quiet(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    log_open("splitbed", LOG_SILENT);
}

/* In a process of its own: it may move to another network, and takes over signals. */
static int run(const void *data, struct helper *helper, double values[HELPER_VALUES],
               struct err *err)
{
    const struct job *job = data;
    (void)values;
    keep_quiet();
    helper_meet(helper);
    int stop_fd = signal_fd_open_stop(err);
    return stop_fd < 0 ? -1 : launch_run(job->e, job->dir, stop_fd, err);
}

static void read_times(const json_t *object, const char *name, struct lateness_times *times)
{
    snprintf(times->name, sizeof times->name, "%s", name);
    times->predicted_s = json_number_value(json_object_get(object, "predicted_s"));
    times->measured_s = json_number_value(json_object_get(object, "measured_s"));
}

/* The file is ours: the server has written it just now. */
static int read_lateness(struct lateness *lateness, const char *dir, struct err *err)
{
    json_error_t error;
    char *path = mem_format("%s/summary.json", dir);
    json_t *root = json_load_file(path, 0, &error);
    const json_t *of_phases = json_object_get(root, "phases");
    *lateness = (struct lateness){
        .time_scale = json_number_value(json_object_get(root, "time_scale")),
        .n_rounds = (int)json_integer_value(json_object_get(root, "rounds")),
        .n_overruns = (int)json_integer_value(json_object_get(root, "overruns")),
    };
    read_times(json_object_get(root, "latency"), "the round", &lateness->round);
    for (size_t i = 0; i < n_phases && lateness->n_phases < LATENESS_MAX_PHASES; i++) {
        const json_t *phase = json_object_get(of_phases, phases[i].key);
        if (phase)
            read_times(phase, phases[i].label, &lateness->phases[lateness->n_phases++]);
    }
    bool is_whole = json_is_true(json_object_get(root, "is_complete"));
    int status = is_whole ? 0 : err_set(err, "%s: it did not come to its end", path);
    json_decref(root);
    free(path);
    return status;
}

int rehearse(struct lateness *lateness, const struct rehearsal *rehearsal, double time_scale,
             const char *dir, struct err *err)
{
    struct experiment trial = *rehearsal->e; /* what it points to is borrowed */
    char never[] = "never", *cuts[] = {mem_string(rehearsal->cut)};
    double nothing[HELPER_VALUES];
    trial.testbed.time_scale = time_scale;
    trial.testbed.trace_rounds = 0;
    trial.training.rounds = rounds_for(rehearsal->latency_s * time_scale);
    trial.training.evaluate_every = 0;
    trial.data.test_samples = trial.n_devices; /* the last round evaluates: one each */
    trial.training.save_weights = never;
    trial.scheduler.time_limit_s = fmin(trial.scheduler.time_limit_s, PLAN_LIMIT_S);
    trial.scheduler.cuts = cuts;
    trial.scheduler.n_cuts = 1;
    struct job job = {&trial, dir};
    int status = mkdir(dir, 0777) && errno != EEXIST
                     ? err_set_errno(err, "cannot make the folder '%s'", dir)
                     : 0;
    if (status || run_folder_write_config(&trial, dir, err) ||
        helpers_run(run, &job, 1, nothing, err) || read_lateness(lateness, dir, err))
        status = err_prefix(err, "the rehearsal for testbed.time_scale: auto");
    free(cuts[0]);
    return status;
}
