/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/problem.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "scheduler/problem_keys.h"
#include "scheduler/problem_limits.h"

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

/* The value at `key`, or NULL with err when it is missing. */
static json_t *want(const json_t *object, const char *path, const char *key, struct err *err)
{
    json_t *value = json_object_get(object, key);
    if (!value)
        err_set(err, "%s%s: missing", path, key);
    return value;
}

static int read_number(const json_t *value, const char *path, const char *key, double *number,
                       struct err *err)
{
    if (!json_is_number(value))
        return err_set(err, "%s%s: is %s, must be a number", path, key, type_name(value));
    *number = json_number_value(value);
    return 0;
}

static int read_numbers(const json_t *object, const char *path, const struct number_keys *keys,
                        void *to, struct err *err)
{
    for (size_t i = 0; i < keys->n; i++) {
        json_t *value = json_object_get(object, keys->rows[i].key);
        if (!value && keys->rows[i].is_optional)
            continue;
        if (!(value = want(object, path, keys->rows[i].key, err)) ||
            read_number(value, path, keys->rows[i].key, number_at(to, &keys->rows[i]), err))
            return -1;
    }
    return 0;
}

static int read_integer(const json_t *object, const char *path, const char *key, int *number,
                        struct err *err)
{
    json_t *value = want(object, path, key, err);
    double wide = 0;

    if (!value || read_number(value, path, key, &wide, err))
        return -1;
    if (!(fabs(wide) <= INT_MAX) || wide != floor(wide))
        return err_set(err, "%s%s: %g: must be a whole number below 2^31", path, key, wide);
    *number = (int)wide;
    return 0;
}

static int read_name(const json_t *object, const char *path, char **name, struct err *err)
{
    json_t *value = want(object, path, "name", err);

    if (!value)
        return -1;
    if (!json_is_string(value))
        return err_set(err, "%sname: is %s, must be a string", path, type_name(value));
    *name = mem_string(json_string_value(value));
    return 0;
}

/* The array at `key` with 1 to max entries, or of exactly `n` when n > 0. */
static json_t *read_array(const json_t *object, const char *path, const char *key, size_t n,
                          int max, struct err *err)
{
    json_t *array = want(object, path, key, err);
    struct strbuf full = STRBUF_INIT;
    int failed = !array;

    if (failed)
        return NULL;
    strbuf_addf(&full, "%s%s", path, key);
    if (!json_is_array(array))
        failed = err_set(err, "%s: is %s, must be an array", full.text, type_name(array));
    else if (n > 0 && json_array_size(array) != n)
        failed = err_set(err, "%s: %zu entries: must be %zu, one per subchannel", full.text,
                         json_array_size(array), n);
    else if (n == 0)
        failed = problem_check_count(
            full.text, json_array_size(array) > INT_MAX ? INT_MAX : (int)json_array_size(array),
            max, err);
    strbuf_release(&full);
    return failed ? NULL : array;
}

/* Every key of `object` must be in one of the two lists; the error names those that are. */
static int refuse_unknown(json_t *object, const char *path, const struct number_keys *numbers,
                          const char *const *others, struct err *err)
{
    void *iterator = json_object_iter(object);

    for (; iterator; iterator = json_object_iter_next(object, iterator)) {
        const char *key = json_object_iter_key(iterator);
        struct strbuf allowed = STRBUF_INIT;
        bool is_known = false;

        for (size_t i = 0; i < numbers->n; i++) {
            is_known |= !strcmp(key, numbers->rows[i].key);
            strbuf_addf(&allowed, "%s%s", allowed.n ? ", " : "", numbers->rows[i].key);
        }
        for (size_t i = 0; others[i]; i++) {
            is_known |= !strcmp(key, others[i]);
            strbuf_addf(&allowed, ", %s", others[i]);
        }
        if (!is_known)
            err_set(err, "%s%.40s: unknown key: allowed are %s", path, key, allowed.text);
        strbuf_release(&allowed);
        if (!is_known)
            return -1;
    }
    return 0;
}

static int want_object(const json_t *value, const char *path, struct err *err)
{
    if (!json_is_object(value))
        return err_set(err, "%.*s: is %s, must be an object", (int)strlen(path) - 1, path,
                       type_name(value));
    return 0;
}

static int read_list(const json_t *array, const char *path, const char *key, double *to,
                     struct err *err)
{
    for (size_t k = 0; k < json_array_size(array); k++) {
        char element[64];
        snprintf(element, sizeof element, "%s[%zu]", key, k);
        if (read_number(json_array_get(array, k), path, element, &to[k], err))
            return -1;
    }
    return 0;
}

static int read_device(struct problem_device *device, size_t n_subchannels, json_t *object,
                       const char *path, struct err *err)
{
    static const char *const others[] = {"name", "gain", NULL};
    json_t *gain;

    if (want_object(object, path, err) ||
        refuse_unknown(object, path, &device_number_keys, others, err) ||
        read_name(object, path, &device->name, err) ||
        read_numbers(object, path, &device_number_keys, device, err) ||
        !(gain = read_array(object, path, "gain", n_subchannels, 0, err)))
        return -1;
    device->gain = mem_zero(n_subchannels, sizeof *device->gain);
    return read_list(gain, path, "gain", device->gain, err);
}

static int read_cut(struct problem_cut *cut, int index, json_t *object, const char *path,
                    struct err *err)
{
    static const char *const others[] = {"name", "layer", NULL};

    cut->layer = index + 1;
    if (want_object(object, path, err) ||
        refuse_unknown(object, path, &cut_number_keys, others, err) ||
        read_name(object, path, &cut->name, err) ||
        read_numbers(object, path, &cut_number_keys, cut, err))
        return -1;
    if (json_object_get(object, "layer"))
        return read_integer(object, path, "layer", &cut->layer, err);
    return 0;
}

static int read_lists(struct problem *problem, const json_t *root, struct err *err)
{
    json_t *bandwidth = read_array(root, "", "bandwidth_hz", 0, PROBLEM_MAX_SUBCHANNELS, err);
    json_t *devices, *cuts;
    char path[32];

    if (!bandwidth || !(devices = read_array(root, "", "devices", 0, PROBLEM_MAX_DEVICES, err)) ||
        !(cuts = read_array(root, "", "cuts", 0, PROBLEM_MAX_CUTS, err)))
        return -1;
    problem->n_subchannels = (int)json_array_size(bandwidth);
    problem->bandwidth_hz = mem_zero(json_array_size(bandwidth), sizeof(double));
    problem->n_devices = (int)json_array_size(devices);
    problem->devices = mem_zero(json_array_size(devices), sizeof *problem->devices);
    problem->n_cuts = (int)json_array_size(cuts);
    problem->cuts = mem_zero(json_array_size(cuts), sizeof *problem->cuts);
    if (read_list(bandwidth, "", "bandwidth_hz", problem->bandwidth_hz, err))
        return -1;
    for (int i = 0; i < problem->n_devices; i++) {
        snprintf(path, sizeof path, "devices[%d].", i);
        if (read_device(&problem->devices[i], (size_t)problem->n_subchannels,
                        json_array_get(devices, (size_t)i), path, err))
            return -1;
    }
    for (int j = 0; j < problem->n_cuts; j++) {
        snprintf(path, sizeof path, "cuts[%d].", j);
        if (read_cut(&problem->cuts[j], j, json_array_get(cuts, (size_t)j), path, err))
            return -1;
    }
    return 0;
}

static int read_problem(struct problem *problem, json_t *root, struct err *err)
{
    static const char *const others[] = {"batch_size", "turns", "bandwidth_hz", "server", "devices",
                                         "cuts",       NULL};
    static const char *const none[] = {NULL};
    json_t *server, *turns;

    if (!json_is_object(root))
        return err_set(err, "is %s, must be an object", type_name(root));
    if (refuse_unknown(root, "", &problem_number_keys, others, err) ||
        read_integer(root, "", "batch_size", &problem->batch_size, err) ||
        read_numbers(root, "", &problem_number_keys, problem, err) ||
        !(server = want(root, "", "server", err)) || want_object(server, "server.", err) ||
        refuse_unknown(server, "server.", &server_number_keys, none, err) ||
        read_numbers(server, "server.", &server_number_keys, problem, err))
        return -1;
    if ((turns = json_object_get(root, "turns"))) {
        if (!json_is_boolean(turns))
            return err_set(err, "turns: is %s, must be true or false", type_name(turns));
        problem->takes_turns = json_is_true(turns);
    }
    return read_lists(problem, root, err);
}

int problem_load(struct problem *problem, const char *path, struct err *err)
{
    json_error_t where;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    int failed;

    memset(problem, 0, sizeof *problem);
    if (!root && where.line > 0)
        return err_set(err, "%s:%d:%d: %s", path, where.line, where.column, where.text);
    if (!root)
        return err_set(err, "%s", where.text); /* "unable to open PATH: ..." */
    failed = read_problem(problem, root, err) || problem_check(problem, err);
    json_decref(root);
    if (!failed)
        return 0;
    problem_release(problem);
    return err_prefix(err, "%s", path);
}
