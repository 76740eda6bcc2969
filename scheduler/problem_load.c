/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/problem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/json_read.h"
#include "scheduler/problem_limits.h"

static int read_u_device(struct problem_device *device, json_t *object, const char *path,
                         struct err *err)
{
    static const char *const others[] = {"name", NULL};

    if (json_want_object(object, path, err) ||
        json_refuse_unknown(object, path, &u_device_number_keys, others, err) ||
        json_read_name(object, path, &device->name, err))
        return -1;
    return json_read_numbers(object, path, &u_device_number_keys, device, err);
}

static int read_device(struct problem_device *device, size_t n_subchannels, json_t *object,
                       const char *path, struct err *err)
{
    static const char *const others[] = {"name", "gain", NULL};
    json_t *gain;

    if (json_want_object(object, path, err) ||
        json_refuse_unknown(object, path, &device_number_keys, others, err) ||
        json_read_name(object, path, &device->name, err) ||
        json_read_numbers(object, path, &device_number_keys, device, err) ||
        !(gain = json_read_array(object, path, "gain", n_subchannels, 0, err)))
        return -1;
    device->gain = mem_zero(n_subchannels, sizeof *device->gain);
    return json_read_list(gain, path, "gain", device->gain, err);
}

static int read_cut(struct problem_cut *cut, int index, json_t *object, const char *path,
                    struct err *err)
{
    static const char *const others[] = {"name", "layer", NULL};

    cut->layer = index + 1;
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
    json_t *bandwidth = json_read_array(root, "", "bandwidth_hz", 0, PROBLEM_MAX_SUBCHANNELS, err);

    if (!bandwidth)
        return -1;
    problem->n_subchannels = (int)json_array_size(bandwidth);
    problem->bandwidth_hz = mem_zero(json_array_size(bandwidth), sizeof(double));
    return json_read_list(bandwidth, "", "bandwidth_hz", problem->bandwidth_hz, err);
}

static int read_devices(struct problem *problem, const json_t *root, struct err *err)
{
    json_t *devices = json_read_array(root, "", "devices", 0, PROBLEM_MAX_DEVICES, err);
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
                     ? read_u_device(device, object, path, err)
                     : read_device(device, (size_t)problem->n_subchannels, object, path, err);
    }
    return failed;
}

static int read_cuts(struct problem *problem, const json_t *root, struct err *err)
{
    json_t *cuts = json_read_array(root, "", "cuts", 0, PROBLEM_MAX_CUTS, err);
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
        read_devices(problem, root, err))
        return -1;
    return read_cuts(problem, root, err);
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
