/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/rehearsal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
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

#define PLAN_LIMIT_S 1.0

struct job {
    const struct experiment *e;
    const char *dir;
};

int rehearsal_n_rounds(double round_wall_s)
{
    double n = REHEARSAL_WALL_S / round_wall_s;
    n = fmax(n, fmin(REHEARSAL_MIN_ROUNDS, REHEARSAL_MAX_WALL_S / round_wall_s));
    return (int)fmax(1, fmin(REHEARSAL_MAX_ROUNDS, floor(n)));
}

/* What is printed, the plan and the progress, would be taken for that of the run. */
static void keep_quiet(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, STDOUT_FILENO);
    log_open("splitbed", LOG_ERROR);
}

/* In a process of its own: it may move to another network, and takes over signals. */
static int run(const void *data, struct helper *helper, double values[HELPER_VALUES],
               struct err *err)
{
    const struct job *job = data;
    (void)values;
    keep_quiet();
    helper_meet(helper);
    struct launch_options options = {job->dir, signal_fd_open_stop(err), true};
    return options.stop_fd < 0 ? -1 : launch_run(job->e, &options, err);
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

/* DIR/rehearsal or, where a run was stopped before, the next that is not there; made. NULL with err. */
static char *make_folder(const char *dir, struct err *err)
{
    char *folder = mem_format("%s/rehearsal", dir);
    for (int k = 2; mkdir(folder, 0777); k++) {
        bool is_there = errno == EEXIST;
        if (!is_there)
            err_set_errno(err, "cannot make the folder '%s'", folder);
        free(folder);
        if (!is_there)
            return NULL;
        folder = mem_format("%s/rehearsal-%d", dir, k);
    }
    return folder;
}

static int rehearse_in(struct lateness *lateness, const struct experiment *trial, const char *dir,
                       int stop_fd, struct err *err)
{
    struct job job = {trial, dir};
    double nothing[HELPER_VALUES];
    if (run_folder_write_config(trial, dir, err) ||
        helpers_run(run, &job, 1, nothing, stop_fd, err) || read_lateness(lateness, dir, err))
        return err_prefix(err, "the rehearsal for testbed.time_scale: auto");
    return 0;
}

int rehearse(struct lateness *lateness, const struct rehearsal *rehearsal, double time_scale,
             struct err *err)
{
    struct experiment trial = *rehearsal->e; /* what it points to is borrowed */
    char never[] = "never", *cuts[] = {mem_string(rehearsal->cut)};
    trial.testbed.time_scale = time_scale;
    trial.testbed.trace_rounds = 0;
    trial.training.rounds = rehearsal_n_rounds(rehearsal->latency_s * time_scale);
    trial.training.evaluate_every = 0;
    trial.data.test_samples = trial.n_devices; /* the last round evaluates: one each */
    trial.training.save_weights = never;
    trial.scheduler.time_limit_s = fmin(trial.scheduler.time_limit_s, PLAN_LIMIT_S);
    trial.scheduler.cuts = cuts;
    trial.scheduler.n_cuts = 1;
    char *folder = make_folder(rehearsal->dir, err);
    int status = folder ? rehearse_in(lateness, &trial, folder, rehearsal->stop_fd, err) : -1;
    free(folder);
    free(cuts[0]);
    return status;
}
