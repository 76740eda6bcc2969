/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/problem.h"

#include <jansson.h>

#include "scheduler/problem_keys.h"

static void write_numbers(json_t *object, const struct number_keys *keys, const void *from)
{
    for (size_t i = 0; i < keys->n; i++) {
        double number = number_of(from, &keys->rows[i]);
        if (number != 0 || !keys->rows[i].is_optional)
            json_object_set_new(object, keys->rows[i].key, json_real(number));
    }
}

static json_t *number_list(const double *values, int n)
{
    json_t *array = json_array();

    for (int i = 0; i < n; i++)
        json_array_append_new(array, json_real(values[i]));
    return array;
}

static json_t *gain_list(const struct problem_device *device, int n)
{
    json_t *array = json_array();

    for (int k = 0; k < n; k++)
        json_array_append_new(array, json_real(problem_gain(device, k)));
    return array;
}

static json_t *device_to_json(const struct problem_device *device, int n_subchannels)
{
    const struct times_keys *keys = n_subchannels ? &times_keys : &u_times_keys;
    json_t *object = json_object();

    json_object_set_new(object, "name", json_string(device->name));
    write_numbers(object, n_subchannels ? &device_number_keys : &u_device_number_keys, device);
    for (size_t r = 0; problem_device_is_measured(device) && r < keys->n; r++)
        json_object_set_new(object, keys->rows[r].key,
                            number_list(times_of(device, &keys->rows[r]), device->n_times));
    if (n_subchannels)
        json_object_set_new(object, "gain", gain_list(device, n_subchannels));
    return object;
}

static json_t *cut_to_json(const struct problem_cut *cut)
{
    json_t *object = json_object();

    json_object_set_new(object, "name", json_string(cut->name));
    json_object_set_new(object, "layer", json_integer(cut->layer));
    write_numbers(object, &cut_number_keys, cut);
    return object;
}

static json_t *problem_to_json(const struct problem *problem)
{
    json_t *root = json_object(), *server = json_object(), *list;

    json_object_set_new(root, "shape", json_string(problem->is_u_shaped ? "u" : "front"));
    json_object_set_new(root, "batch_size", json_integer(problem->batch_size));
    if (!problem->is_u_shaped) {
        write_numbers(root, &problem_number_keys, problem);
        json_object_set_new(root, "turns", json_boolean(problem->takes_turns));
        json_object_set_new(root, "bandwidth_hz",
                            number_list(problem->bandwidth_hz, problem->n_subchannels));
    }
    write_numbers(server, &server_number_keys, problem);
    json_object_set_new(root, "server", server);
    json_object_set_new(root, "devices", list = json_array());
    for (int i = 0; i < problem->n_devices; i++)
        json_array_append_new(list, device_to_json(&problem->devices[i], problem->n_subchannels));
    json_object_set_new(root, "cuts", list = json_array());
    for (int j = 0; j < problem->n_cuts; j++)
        json_array_append_new(list, cut_to_json(&problem->cuts[j]));
    return root;
}

int problem_save(const struct problem *problem, const char *path, struct err *err)
{
    if (problem_pairs(problem) > PROBLEM_MAX_PAIRS)
        return err_set(err,
                       "%s: %d devices times %d subchannels are too many for a file: at most %d",
                       path, problem->n_devices, problem->n_subchannels, PROBLEM_MAX_PAIRS);
    json_t *root = problem_to_json(problem);
    int failed = json_dump_file(root, path, JSON_INDENT(2) | JSON_REAL_PRECISION(17));

    json_decref(root);
    return failed ? err_set_errno(err, "%s: cannot be written", path) : 0;
}
