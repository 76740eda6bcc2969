/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed run CONFIG: processes, sockets, wall clock; everything it learns goes into the result folder. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/signal_fd.h"
#include "testbed/calibration.h"
#include "testbed/command.h"
#include "testbed/launch.h"

struct arguments {
    struct experiment_arguments experiment;
    const char *out_dir;
};

static const struct argp_option option_table[] = {
    {"out", 'o', "DIR", 0, "Result folder (default runs/NAME-DATE-TIME)", 0}, {0}};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &a->experiment;
        return 0;
    case 'o':
        a->out_dir = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Every folder above the last name of `path`. */
static int make_folders_above(const char *path, struct err *err)
{
    char *partial = mem_string(path);
    int status = 0;
    for (char *c = partial + 1; !status && *c; c++) {
        if (*c != '/')
            continue;
        *c = '\0';
        if (mkdir(partial, 0777) && errno != EEXIST)
            status = err_set_errno(err, "cannot make the folder '%s'", partial);
        *c = '/';
    }
    free(partial);
    return status;
}

/* runs/NAME-DATE-TIME, made; with -2, -3, ... when another run began in the same second. NULL with err. */
static char *make_default_dir(const struct experiment *e, struct err *err)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm local;
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &local));
    char *first = mem_format("runs/%s-%s", e->name, stamp), *dir = mem_string(first);
    int status = make_folders_above(dir, err);
    for (int k = 2; !status && mkdir(dir, 0777); k++) {
        if (errno != EEXIST)
            status = err_set_errno(err, "cannot make the folder '%s'", dir);
        free(dir);
        dir = mem_format("%s-%d", first, k);
    }
    free(first);
    if (status) {
        free(dir);
        return NULL;
    }
    return dir;
}

/* --out DIR: may exist, but not hold a run. NULL with err. */
static char *make_given_dir(const char *given, struct err *err)
{
    char *dir = mem_string(given), *rounds = mem_format("%s/rounds.csv", dir);
    int status = make_folders_above(dir, err);
    if (!status && mkdir(dir, 0777) && errno != EEXIST)
        status = err_set_errno(err, "cannot make the folder '%s'", dir);
    if (!status && access(rounds, F_OK) == 0)
        status = err_set(err, "'%s' holds a run already", dir);
    free(rounds);
    if (status) {
        free(dir);
        return NULL;
    }
    return dir;
}

static int write_config(const struct experiment *e, const char *dir, struct err *err)
{
    char *path = mem_format("%s/config.yaml", dir);
    struct strbuf text = STRBUF_INIT;
    experiment_print(e, &text);
    FILE *file = fopen(path, "we");
    int status = 0;
    if (!file || fputs(text.text, file) < 0)
        status = err_set_errno(err, "cannot write '%s'", path);
    if (file && fclose(file) && !status)
        status = err_set_errno(err, "cannot write '%s'", path);
    strbuf_release(&text);
    free(path);
    return status;
}

static int open_log(const char *dir, struct err *err)
{
    char *path = mem_format("%s/log.txt", dir);
    int status = log_to_file(path, err);
    free(path);
    return status;
}

/* testbed.time_scale: auto becomes a number, which config.yaml has and the log explains. */
static int settle_time_scale(struct experiment *e, struct err *err)
{
    struct time_scale found;
    if (e->testbed.time_scale > 0)
        return 0;
    if (calibration_of_experiment(&found, e, err))
        return -1;
    e->testbed.time_scale = found.value;
    log_info("%s", found.text);
    return 0;
}

static int run(struct experiment *e, const char *given_dir)
{
    struct err err = ERR_INIT;
    int stop_fd = -1, status = EXIT_SUCCESS;
    char *dir = given_dir ? make_given_dir(given_dir, &err) : make_default_dir(e, &err);
    if (!dir || open_log(dir, &err) || settle_time_scale(e, &err) || write_config(e, dir, &err) ||
        (stop_fd = signal_fd_open_stop(&err)) < 0 || launch_run(e, dir, stop_fd, &err)) {
        log_error("%s", err.text);
        status = EXIT_FAILURE;
    }
    free(dir);
    return status;
}

int command_run(int argc, char **argv)
{
    static const struct argp_child children[] = {{&experiment_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        option_table,
        parse,
        "CONFIG",
        "Runs an experiment on this machine: a server and a process for every device, talking over "
        "ZeroMQ, with emulated computing speeds and links. Ctrl-C ends it and keeps finished "
        "rounds.",
        children,
        NULL,
        NULL};
    struct arguments arguments = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    struct experiment e;
    int status = EXIT_USAGE;
    if (!command_load(&e, &arguments.experiment)) {
        status = run(&e, arguments.out_dir);
        experiment_release(&e);
    }
    experiment_arguments_release(&arguments.experiment);
    return status;
}
