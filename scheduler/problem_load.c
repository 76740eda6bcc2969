/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/problem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/json_read.h"
#include "scheduler/problem_limits.h"

static int read_times(struct problem_device *device, size_t n_cuts, const struct times_keys *keys,
                      const json_t *object, const char *path, struct err *err)
{
    device->n_times = (int)n_cuts;
    for (size_t r = 0; r < keys->n; r++) {
        const char *key = keys->rows[r].key;
        json_t *list = json_read_array_of(object, path, key, n_cuts, "cut", err);
        double *times;
        if (!list)
            return -1;
        times = *times_at(device, &keys->rows[r]) = mem_zero(n_cuts, sizeof(double));
        if (json_read_list(list, path, key, times, err))
            return -1;
    }
    return 0;
}

/* Exactly one of clock and cycles, and measured times. */
static int read_compute(struct problem_device *device, size_t n_cuts, const struct times_keys *keys,
                        const json_t *object, const char *path, struct err *err)
{
    static const char *const clock[] = {"clock_hz", "cycles_per_flop"};
    const char *measured = NULL;

    for (size_t r = 0; r < keys->n && !measured; r++)
        measured = json_object_get(object, keys->rows[r].key) ? keys->rows[r].key : NULL;
    for (size_t k = 0; k < ARRAY_LEN(clock); k++) {
        if (!measured && !json_want(object, path, clock[k], err))
            return -1;
        if (measured && json_object_get(object, clock[k]))
            return err_set(err, "%s%s: not together with %s: either or", path, clock[k], measured);
    }
    return measured ? read_times(device, n_cuts, keys, object, path, err) : 0;
}

static int read_u_device(struct problem_device *device, size_t n_cuts, json_t *object,
                         const char *path, struct err *err)
{
    static const char *const others[] = {"name",
                                         "forward_s_per_sample",
                                         "backward_s_per_sample",
                                         "tail_forward_s_per_sample",
                                         "tail_backward_s_per_sample",
                                         NULL};

    if (json_want_object(object, path, err) ||
        json_refuse_unknown(object, path, &u_device_number_keys, others, err) ||
        json_read_name(object, path, &device->name, err) ||
        json_read_numbers(object, path, &u_device_number_keys, device, err))
        return -1;
    return read_compute(device, n_cuts, &u_times_keys, object, path, err);
}

static int read_device(struct problem_device *device, const struct problem *problem, json_t *object,
                       const char *path, struct err *err)
{
    static const char *const others[] = {"name", "gain", "forward_s_per_sample",
                                         "backward_s_per_sample", NULL};
    size_t n_subchannels = (size_t)problem->n_subchannels, n_cuts = (size_t)problem->n_cuts;
    json_t *gain;

    if (json_want_object(object, path, err) ||
        json_refuse_unknown(object, path, &device_number_keys, others, err) ||
        json_read_name(object, path, &device->name, err) ||
        json_read_numbers(object, path, &device_number_keys, device, err) ||
        read_compute(device, n_cuts, &times_keys, object, path, err) ||
        !(gain = json_read_array_of(object, path, "gain", n_subchannels, "subchannel", err)))
        return -1;
    device->gain = mem_zero(n_subchannels, sizeof *device->gain);
    return json_read_list(gain, path, "gain", device->gain, err);
}

static int read_cut(struct problem_cut *cut, int index, json_t *object, const char *path,
                    struct err *err)
{
    static const char *const others[] = {"name", "layer", NULL};

    cut->layer = index + 1;
    cut->number = index;
    if (json_want_object(object, path, err) ||
        json_refuse_unknown(object, path, &cut_number_keys, others, err) ||
        json_read_name(object, path, &cut->name, err) ||
        json_read_numbers(object, path, &cut_number_keys, cut, err))
        return -1;
    if (json_object_get(object, "layer"))
        return json_read_integer(object, path, "layer", &cut->layer, err);
    return 0;
}

static int read_bandwidth(struct problem *problem, const json_t *root, struct err *err)
{
    json_t *bandwidth = json_read_array(root, "", "bandwidth_hz", PROBLEM_MAX_SUBCHANNELS, err);

    if (!bandwidth)
        return -1;
    problem->n_subchannels = (int)json_array_size(bandwidth);
    problem->bandwidth_hz = mem_zero(json_array_size(bandwidth), sizeof(double));
    return json_read_list(bandwidth, "", "bandwidth_hz", problem->bandwidth_hz, err);
}

static int read_devices(struct problem *problem, const json_t *root, struct err *err)
{
    json_t *devices = json_read_array(root, "", "devices", PROBLEM_MAX_DEVICES, err);
    int failed = !devices;

    if (failed)
        return -1;
    problem->n_devices = (int)json_array_size(devices);
    problem->devices = mem_zero(json_array_size(devices), sizeof *problem->devices);
    for (int i = 0; !failed && i < problem->n_devices; i++) {
        json_t *object = json_array_get(devices, (size_t)i);
        struct problem_device *device = &problem->devices[i];
        char path[32];
        snprintf(path, sizeof path, "devices[%d].", i);
        failed = problem->is_u_shaped
                     ? read_u_device(device, (size_t)problem->n_cuts, object, path, err)
                     : read_device(device, problem, object, path, err);
    }
    return failed;
}

static int read_cuts(struct problem *problem, const json_t *root, struct err *err)
{
    json_t *cuts = json_read_array(root, "", "cuts", PROBLEM_MAX_CUTS, err);
    int failed = !cuts;

    if (failed)
        return -1;
    problem->n_cuts = (int)json_array_size(cuts);
    problem->cuts = mem_zero(json_array_size(cuts), sizeof *problem->cuts);
    for (int j = 0; !failed && j < problem->n_cuts; j++) {
        char path[32];
        snprintf(path, sizeof path, "cuts[%d].", j);
        failed = read_cut(&problem->cuts[j], j, json_array_get(cuts, (size_t)j), path, err);
    }
    return failed;
}

/* Decides which keys are expected of all the rest. */
static int read_shape(struct problem *problem, const json_t *root, struct err *err)
{
    json_t *shape = json_object_get(root, "shape");
    const char *name = json_string_value(shape);

    if (shape && (!name || (strcmp(name, "front") && strcmp(name, "u"))))
        return err_set(err, "shape: '%.40s': must be 'front' or 'u'",
                       name ? name : json_type_name(shape));
    problem->is_u_shaped = shape && !strcmp(name, "u");
    return 0;
}

static int read_server(struct problem *problem, const json_t *root, struct err *err)
{
    static const char *const none[] = {NULL};
    json_t *server = json_want(root, "", "server", err);

    if (!server || json_want_object(server, "server.", err) ||
        json_refuse_unknown(server, "server.", &server_number_keys, none, err))
        return -1;
    return json_read_numbers(server, "server.", &server_number_keys, problem, err);
}

static int read_turns(struct problem *problem, const json_t *root, struct err *err)
{
    json_t *turns = json_object_get(root, "turns");

    if (turns && !json_is_boolean(turns))
        return err_set(err, "turns: is %s, must be true or false", json_type_name(turns));
    problem->takes_turns = json_is_true(turns);
    return 0;
}

static int read_problem(struct problem *problem, json_t *root, struct err *err)
{
    static const char *const others[] = {"shape",  "batch_size", "turns", "bandwidth_hz",
                                         "server", "devices",    "cuts",  NULL};
    static const char *const u_others[] = {"shape",   "batch_size", "server",
                                           "devices", "cuts",       NULL};

    if (!json_is_object(root))
        return err_set(err, "is %s, must be an object", json_type_name(root));
    if (read_shape(problem, root, err) ||
        (problem->is_u_shaped ? json_refuse_unknown(root, "", &no_number_keys, u_others, err)
                              : json_refuse_unknown(root, "", &problem_number_keys, others, err)) ||
        json_read_integer(root, "", "batch_size", &problem->batch_size, err) ||
        (!problem->is_u_shaped &&
         json_read_numbers(root, "", &problem_number_keys, problem, err)) ||
        read_server(problem, root, err) || read_turns(problem, root, err) ||
        (!problem->is_u_shaped && read_bandwidth(problem, root, err)) ||
        read_cuts(problem, root, err))
        return -1;
    return read_devices(problem, root, err); /* they may have a time for each cut */
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
