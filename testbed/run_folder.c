/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/run_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "testbed/run_inputs.h"

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

/* To be freed; NULL with err. */
static char *absolute(const char *dir, struct err *err)
{
    char *path = realpath(dir, NULL);
    if (!path)
        err_set_errno(err, "cannot find the folder '%s'", dir);
    return path;
}

int run_folder_keep_inputs(struct experiment *e, const char *dir, struct err *err)
{
    char *folder = absolute(dir, err);
    int status = folder ? run_inputs_copy(e, folder, err) : -1;
    free(folder);
    return status;
}

static int write_text(const char *dir, const char *name, const struct strbuf *text, struct err *err)
{
    char *path = mem_format("%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    int status = 0;
    if (!file || fputs(text->text, file) < 0)
        status = err_set_errno(err, "cannot write '%s'", path);
    if (file && fclose(file) && !status)
        status = err_set_errno(err, "cannot write '%s'", path);
    free(path);
    return status;
}

int run_folder_write_config(const struct experiment *e, const char *dir, struct err *err)
{
    char *folder = absolute(dir, err);
    struct strbuf text = STRBUF_INIT;
    if (!folder)
        return -1;
    experiment_print_for(e, folder, &text);
    int status = write_text(folder, "config.yaml", &text, err);
    strbuf_release(&text);
    free(folder);
    return status;
}

static int open_log(const char *dir, struct err *err)
{
    char *path = mem_format("%s/log.txt", dir);
    int status = log_to_file(path, err);
    free(path);
    return status;
}

char *run_folder_make(const struct experiment *e, const char *given, struct err *err)
{
    char *dir = given ? make_given_dir(given, err) : make_default_dir(e, err);
    if (dir && open_log(dir, err)) {
        free(dir);
        return NULL;
    }
    return dir;
}
