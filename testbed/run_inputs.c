/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/run_inputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file_copy.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge-server/run_weights.h"
#include "experiment/schema.h"
#include "link/csv.h"
#include "link/links.h"

/* From an earlier run that has kept its inputs here. */
static bool is_there(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

static int make_folder(const char *path, struct err *err)
{
    if (mkdir(path, 0777) && errno != EEXIST)
        return err_set_errno(err, "cannot make the folder '%s'", path);
    return 0;
}

/* Takes `to`, which becomes the file's path. */
static int copy_to(char **path, char *to, struct err *err)
{
    if (file_copy(*path, to, err)) {
        free(to);
        return -1;
    }
    free(*path);
    *path = to;
    return 0;
}

/* The recordings of a list, by the paths they have been copied from. */
struct recordings {
    const char *folder;
    char *from[LINKS_MAX_TRACES];
    int n;
};

/* What tells the formats apart is kept. */
static char *recording_name(const char *from, int number)
{
    const char *dot = strrchr(from, '.');
    bool is_csv = dot && strcmp(dot, ".csv") == 0;
    return mem_format("radio.trace-%d.%s", number, is_csv ? "csv" : "trace");
}

/* Takes `from`; the copy's name, to be freed, or NULL. */
static char *take_recording(struct recordings *r, char *from, struct err *err)
{
    int i = 0;
    while (i < r->n && strcmp(r->from[i], from) != 0)
        i++;
    char *name = recording_name(from, i + 1), *to = mem_format("%s/%s", r->folder, name);
    bool is_new = i == r->n;
    int status = 0;
    if (is_new && r->n == LINKS_MAX_TRACES)
        status = err_set(err, "more than %d recordings", LINKS_MAX_TRACES);
    else if (is_new)
        status = file_copy(from, to, err);
    if (is_new && !status)
        r->from[r->n++] = from;
    else
        free(from);
    free(to);
    if (!status)
        return name;
    free(name);
    return NULL;
}

static int copy_rows(struct csv *csv, struct recordings *r, FILE *out, struct err *err)
{
    int status;
    fprintf(out, LINKS_TRACE_COLUMNS "\n");
    while ((status = csv_next(csv, err)) > 0) {
        char *name = take_recording(r, links_recording_path(csv->path, csv->field[2]), err);
        if (!name)
            return -1;
        fprintf(out, "%s,%s,%s\n", csv->field[0], csv->field[1], name);
        free(name);
    }
    return status;
}

/* The list anew, naming the copies. */
static int copy_list(const char *from, const char *to, struct recordings *r, struct err *err)
{
    struct csv csv;
    if (csv_open(&csv, from, err))
        return -1;
    FILE *out = fopen(to, "we");
    int status = out ? copy_rows(&csv, r, out, err) : err_set_errno(err, "cannot write '%s'", to);
    bool is_cut_short = out && ferror(out);
    if (out && (fclose(out) || is_cut_short) && !status)
        status = err_set_errno(err, "cannot write '%s'", to);
    csv_close(&csv);
    return status;
}

static int take_traces(char **path, const char *folder, struct err *err)
{
    struct recordings r = {.folder = folder};
    char *to = mem_format("%s/radio.trace.csv", folder);
    int status = copy_list(*path, to, &r, err);
    for (int i = 0; i < r.n; i++)
        free(r.from[i]);
    if (status) {
        free(to);
        return -1;
    }
    free(*path);
    *path = to;
    return 0;
}

static double weights_bytes(const struct experiment *e)
{
    struct stat status;
    double bytes = 0;
    char *file;
    for (int i = 0; (file = run_weights_file(e, i)); i++) {
        bytes += stat(file, &status) ? 0 : (double)status.st_size;
        free(file);
    }
    return bytes;
}

static int take_weights_folder(struct experiment *e, const char *folder, struct err *err)
{
    char *to = mem_format("%s/model.weights", folder), *file;
    int status = make_folder(to, err);
    for (int i = 0; !status && (file = run_weights_file(e, i)); i++) {
        status = copy_to(&file, mem_format("%s%s", to, strrchr(file, '/')), err);
        free(file);
    }
    free(status ? to : e->weights);
    if (!status)
        e->weights = to;
    return status;
}

static int take_weights(struct experiment *e, const char *folder, struct err *err)
{
    struct stat status;
    if (!e->weights || is_there(e->weights, folder))
        return 0;
    if (run_weights_check(e, err))
        return -1;
    if (weights_bytes(e) > RUN_INPUTS_MAX_WEIGHTS_BYTES) {
        log_warn("model.weights: '%s' is more than %d MiB and not copied into the result folder: "
                 "whoever repeats the run needs it",
                 e->weights, RUN_INPUTS_MAX_WEIGHTS_BYTES >> 20);
        return 0;
    }
    if (make_folder(folder, err))
        return -1;
    if (stat(e->weights, &status) == 0 && S_ISDIR(status.st_mode))
        return take_weights_folder(e, folder, err);
    const char *ending = schema_find("model", "weights")->copy;
    return copy_to(&e->weights, mem_format("%s/model.weights%s", folder, ending), err);
}

/* The file of a key, if there is one; `owner` is the section, or the device. */
static int take(char **path, const struct key_row *row, const char *owner, const char *folder,
                struct err *err)
{
    if (!*path || is_there(*path, folder) || (row->fallback && strcmp(*path, row->fallback) == 0))
        return 0;
    if (make_folder(folder, err))
        return -1;
    if (strcmp(row->section, "radio") == 0 && strcmp(row->key, "trace") == 0)
        return take_traces(path, folder, err);
    return copy_to(path, mem_format("%s/%s.%s%s", folder, owner, row->key, row->copy), err);
}

/* Like devices stand together: a file that the device before named too is copied once. */
static int take_device_files(struct experiment *e, const struct key_row *row, const char *folder,
                             struct err *err)
{
    char *source = NULL, *copy = NULL; /* of the device before */
    int status = 0;
    for (int i = 0; !status && i < e->n_devices; i++) {
        char **path = (char **)(void *)((char *)&e->devices[i] + row->offset);
        if (*path && source && strcmp(*path, source) == 0) {
            free(*path);
            *path = mem_string(copy);
            continue;
        }
        free(source);
        source = *path ? mem_string(*path) : NULL;
        status = take(path, row, e->devices[i].name, folder, err);
        copy = *path;
    }
    free(source);
    return status;
}

static int take_files(struct experiment *e, const char *folder, struct err *err)
{
    int status = 0;
    const struct key_row *row;
    for (size_t i = 0; !status && (row = schema_at(i)); i++) {
        if (row->type != KEY_FILE)
            continue;
        enum section_kind kind = section_find(row->section)->kind;
        if (kind == SECTION_DEVICES)
            status = take_device_files(e, row, folder, err);
        else if (kind == SECTION_MAPPING)
            status =
                take((char **)(void *)((char *)e + row->offset), row, row->section, folder, err);
    }
    return status || take_weights(e, folder, err) ? -1 : 0;
}

/* Data stay where they are; the folder is named so that it is found from anywhere on this machine. */
static void settle_data(struct experiment *e)
{
    char *dir = realpath(e->data.dir, NULL);
    if (!dir)
        return;
    free(e->data.dir);
    e->data.dir = dir;
}

int run_inputs_copy(struct experiment *e, const char *dir, struct err *err)
{
    char *folder = mem_format("%s/inputs", dir);
    settle_data(e);
    int status = take_files(e, folder, err);
    free(folder);
    return status ? err_prefix(err, "the result folder's inputs") : 0;
}
