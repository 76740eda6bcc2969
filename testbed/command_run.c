/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed run CONFIG: processes, sockets, wall clock; everything it learns goes into the result folder. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/signal_fd.h"
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

static char *default_out_dir(const struct experiment *e)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm local;
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r(&now, &local));
    return mem_format("runs/%s-%s", e->name, stamp);
}

/* The folder and those above it. */
static int make_folders(const char *path, struct err *err)
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
    if (!status && mkdir(path, 0777) && errno != EEXIST)
        status = err_set_errno(err, "cannot make the folder '%s'", path);
    free(partial);
    return status;
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

static int run(const struct experiment *e, const char *dir)
{
    struct err err = ERR_INIT;
    int stop_fd = -1;
    if (make_folders(dir, &err) || write_config(e, dir, &err) || open_log(dir, &err) ||
        (stop_fd = signal_fd_open_stop(&err)) < 0 || launch_run(e, dir, stop_fd, &err)) {
        log_error("%s", err.text);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
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
        char *dir = arguments.out_dir ? mem_string(arguments.out_dir) : default_out_dir(&e);
        status = run(&e, dir);
        free(dir);
        experiment_release(&e);
    }
    experiment_arguments_release(&arguments.experiment);
    return status;
}
