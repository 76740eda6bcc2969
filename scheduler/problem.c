/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/problem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/problem_limits.h"

int problem_aggregated_slots(const struct problem *problem)
{
    double slots = problem->aggregation_ratio * problem->batch_size;

    /* 0.7 x 10 is 7.000000000000001 in binary and must not become 8. */
    return (int)ceil(slots - 1e-9 * (1 + slots));
}

bool problem_device_is_measured(const struct problem_device *device)
{
    return device->n_times > 0;
}

bool problem_is_flat(const struct problem *problem)
{
    for (int i = 0; i < problem->n_devices; i++)
        if (!problem->devices[i].is_flat)
            return false;
    return true;
}

double problem_pairs(const struct problem *problem)
{
    return (double)problem->n_devices * problem->n_subchannels;
}

void problem_release(struct problem *problem)
{
    for (int i = 0; i < problem->n_devices; i++) {
        struct problem_device *device = &problem->devices[i];
        free(device->name);
        free(device->gain);
        free(device->forward_s_per_sample);
        free(device->backward_s_per_sample);
        free(device->tail_forward_s_per_sample);
        free(device->tail_backward_s_per_sample);
    }
    for (int j = 0; j < problem->n_cuts; j++)
        free(problem->cuts[j].name);
    free(problem->devices);
    free(problem->cuts);
    free(problem->bandwidth_hz);
    memset(problem, 0, sizeof *problem);
}

static int check_positive(double value, const char *path, struct err *err)
{
    if (!(value > 0))
        return err_set(err, "%s: %g: must be > 0", path, value);
    if (!(value >= PROBLEM_MIN_POSITIVE && value <= PROBLEM_MAX_NUMBER))
        return err_set(err, "%s: %g: must be between %g and %g", path, value, PROBLEM_MIN_POSITIVE,
                       PROBLEM_MAX_NUMBER);
    return 0;
}

static int check_not_negative(double value, const char *path, struct err *err)
{
    if (!(value >= 0))
        return err_set(err, "%s: %g: must be >= 0", path, value);
    if (!(value <= PROBLEM_MAX_NUMBER))
        return err_set(err, "%s: %g: must be at most %g", path, value, PROBLEM_MAX_NUMBER);
    return 0;
}

int problem_check_count(const char *path, int n, int max, struct err *err)
{
    if (n < 1 || n > max)
        return err_set(err, "%s: %d entries: must be 1 to %d", path, n, max);
    return 0;
}

static int check_name(const char *name, const char *path, struct err *err)
{
    if (!name || !name[0])
        return err_set(err, "%s: '': must not be empty", path);
    if (strlen(name) > PROBLEM_MAX_NAME)
        return err_set(err, "%s: '%.20s...': must have at most %d bytes", path, name,
                       PROBLEM_MAX_NAME);
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return err_set(err, "%s: holds the control character %d", path, *c);
    return 0;
}

static int check_list(const double *values, int n, const char *name, struct err *err)
{
    for (int k = 0; k < n; k++) {
        char path[48];
        if (values[k] >= 0 && values[k] <= PROBLEM_MAX_NUMBER)
            continue;
        snprintf(path, sizeof path, "%s[%d]", name, k);
        return check_not_negative(values[k], path, err);
    }
    return 0;
}

/* A cut that is one of several has the others' times in the list too. */
static int check_times(const struct problem *problem, const struct problem_device *d,
                       struct err *err)
{
    int n = d->n_times;

    for (int j = 0; j < problem->n_cuts; j++)
        if (problem->cuts[j].number < 0 || problem->cuts[j].number >= n)
            return err_set(err, "forward_s_per_sample: %d entries: there is none for cut %d", n,
                           problem->cuts[j].number);
    if (check_list(d->forward_s_per_sample, n, "forward_s_per_sample", err) ||
        check_list(d->backward_s_per_sample, n, "backward_s_per_sample", err))
        return -1;
    if (!problem->is_u_shaped)
        return 0;
    return check_list(d->tail_forward_s_per_sample, n, "tail_forward_s_per_sample", err) ||
                   check_list(d->tail_backward_s_per_sample, n, "tail_backward_s_per_sample", err)
               ? -1
               : 0;
}

static int check_compute(const struct problem *problem, const struct problem_device *d,
                         struct err *err)
{
    if (d->slowdown != 0 && check_positive(d->slowdown, "slowdown", err))
        return -1;
    if (problem_device_is_measured(d))
        return check_times(problem, d, err);
    return check_positive(d->clock_hz, "clock_hz", err) ||
                   check_positive(d->cycles_per_flop, "cycles_per_flop", err)
               ? -1
               : 0;
}

/* Names of the entry and its number in a list; the JSON path of the first bad one goes into err. */
static int check_device(const struct problem *problem, int i, struct err *err)
{
    const struct problem_device *d = &problem->devices[i];

    if (check_name(d->name, "name", err) || check_compute(problem, d, err) ||
        check_not_negative(d->memory_bytes, "memory_bytes", err))
        return -1;
    if (problem->is_u_shaped)
        return check_positive(d->uplink_bps, "uplink_bps", err) ||
                       check_positive(d->downlink_bps, "downlink_bps", err)
                   ? -1
                   : 0;
    return check_positive(d->max_power_w, "max_power_w", err) ||
                   check_list(d->gain, d->is_flat ? 1 : problem->n_subchannels, "gain", err)
               ? -1
               : 0;
}

static int check_cut(const struct problem_cut *c, struct err *err)
{
    if (check_name(c->name, "name", err) ||
        check_not_negative(c->device_forward_flop, "device_forward_flop", err) ||
        check_not_negative(c->device_backward_flop, "device_backward_flop", err) ||
        check_not_negative(c->server_forward_flop, "server_forward_flop", err) ||
        check_not_negative(c->server_backward_flop, "server_backward_flop", err) ||
        check_not_negative(c->last_layer_backward_flop, "last_layer_backward_flop", err) ||
        check_not_negative(c->activation_bits, "activation_bits", err) ||
        check_not_negative(c->gradient_bits, "gradient_bits", err) ||
        check_not_negative(c->front_bits, "front_bits", err) ||
        check_not_negative(c->device_memory_bytes, "device_memory_bytes", err) ||
        check_not_negative(c->tail_memory_bytes, "tail_memory_bytes", err))
        return -1;
    if (c->last_layer_backward_flop > c->server_backward_flop)
        return err_set(err,
                       "last_layer_backward_flop: %g: must be at most server_backward_flop, %g",
                       c->last_layer_backward_flop, c->server_backward_flop);
    if (c->layer < 0 || c->layer > PROBLEM_MAX_LAYER)
        return err_set(err, "layer: %d: must be 0 to %d", c->layer, PROBLEM_MAX_LAYER);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_distinct(char **names, int n, const char *what, struct err *err)
{
    int failed = 0;

    qsort(names, (size_t)n, sizeof *names, by_name);
    for (int i = 1; !failed && i < n; i++)
        if (!strcmp(names[i - 1], names[i]))
            failed = err_set(err, "%s: two are named '%s'", what, names[i]);
    free(names);
    return failed;
}

static int check_names_distinct(const struct problem *problem, struct err *err)
{
    char **devices = mem_zero((size_t)problem->n_devices, sizeof *devices);
    char **cuts = mem_zero((size_t)problem->n_cuts, sizeof *cuts);
    int failed;

    for (int i = 0; i < problem->n_devices; i++)
        devices[i] = problem->devices[i].name;
    for (int j = 0; j < problem->n_cuts; j++)
        cuts[j] = problem->cuts[j].name;
    failed = check_distinct(devices, problem->n_devices, "devices", err);
    if (failed)
        free(cuts);
    else
        failed = check_distinct(cuts, problem->n_cuts, "cuts", err);
    return failed;
}

/* Where a device has a limit, what each cut takes must be known. */
static int check_memory(const struct problem *p, struct err *err)
{
    int limited = 0;

    while (limited < p->n_devices && p->devices[limited].memory_bytes <= 0)
        limited++;
    for (int j = 0; limited < p->n_devices && j < p->n_cuts; j++) {
        const char *missing = p->cuts[j].device_memory_bytes <= 0 ? "device_memory_bytes"
                              : p->is_u_shaped && p->cuts[j].tail_memory_bytes <= 0
                                  ? "tail_memory_bytes"
                                  : NULL;
        if (missing)
            return err_set(err, "cuts[%d].%s: must be there and > 0: devices[%d] has memory_bytes",
                           j, missing, limited);
    }
    return 0;
}

static int check_radio(const struct problem *p, struct err *err)
{
    if (!(p->aggregation_ratio >= 0 && p->aggregation_ratio <= 1))
        return err_set(err, "aggregation_ratio: %g: must be 0 to 1", p->aggregation_ratio);
    if (check_positive(p->noise_psd_w_per_hz, "noise_psd_w_per_hz", err) ||
        check_positive(p->downlink_psd_w_per_hz, "downlink_psd_w_per_hz", err) ||
        check_positive(p->total_power_w, "total_power_w", err) ||
        problem_check_count("bandwidth_hz", p->n_subchannels, PROBLEM_MAX_SUBCHANNELS, err))
        return -1;
    return 0;
}

static int check_not_above(double value, double before, const char *path, struct err *err)
{
    if (value > before)
        return err_set(err,
                       "%s: %g: must be at most that of the cut before, %g: the cuts of a U-shaped "
                       "problem stand in the network's order",
                       path, value, before);
    return 0;
}

/* A pair of cuts leaves the server what lies between them: never less than nothing. */
static int check_u_cuts(const struct problem *p, struct err *err)
{
    double pairs = 0.5 * p->n_cuts * (p->n_cuts - 1) * p->n_devices;

    if (p->takes_turns)
        return err_set(err, "turns: devices of a U-shaped problem do not take turns");
    if (p->n_cuts < 2)
        return err_set(err, "cuts: 1 entries: must be at least 2, a U-shaped problem has two cuts");
    if (pairs > PROBLEM_MAX_U_PAIRS)
        return err_set(err, "cuts: %g pairs of cuts in all devices: must be at most %g", pairs,
                       PROBLEM_MAX_U_PAIRS);
    for (int j = 1; j < p->n_cuts; j++) {
        const struct problem_cut *c = &p->cuts[j], *before = &p->cuts[j - 1];
        char forward[48], backward[48];
        snprintf(forward, sizeof forward, "cuts[%d].server_forward_flop", j);
        snprintf(backward, sizeof backward, "cuts[%d].server_backward_flop", j);
        if (check_not_above(c->server_forward_flop, before->server_forward_flop, forward, err) ||
            check_not_above(c->server_backward_flop, before->server_backward_flop, backward, err))
            return -1;
    }
    return 0;
}

static int check_scalars(const struct problem *p, struct err *err)
{
    if (p->batch_size < 1 || p->batch_size > PROBLEM_MAX_BATCH)
        return err_set(err, "batch_size: %d: must be 1 to %d", p->batch_size, PROBLEM_MAX_BATCH);
    if ((!p->is_u_shaped && check_radio(p, err)) ||
        check_positive(p->server_clock_hz, "server.clock_hz", err) ||
        check_positive(p->server_cycles_per_flop, "server.cycles_per_flop", err) ||
        problem_check_count("devices", p->n_devices, PROBLEM_MAX_DEVICES, err) ||
        problem_check_count("cuts", p->n_cuts, PROBLEM_MAX_CUTS, err))
        return -1;
    return 0;
}

int problem_check(const struct problem *problem, struct err *err)
{
    char path[32];

    if (check_scalars(problem, err))
        return -1;
    for (int k = 0; k < problem->n_subchannels; k++) {
        snprintf(path, sizeof path, "bandwidth_hz[%d]", k);
        if (check_positive(problem->bandwidth_hz[k], path, err))
            return -1;
    }
    for (int i = 0; i < problem->n_devices; i++) {
        struct err inner = ERR_INIT;
        if (check_device(problem, i, &inner))
            return err_set(err, "devices[%d].%s", i, inner.text);
    }
    for (int j = 0; j < problem->n_cuts; j++) {
        struct err inner = ERR_INIT;
        if (check_cut(&problem->cuts[j], &inner))
            return err_set(err, "cuts[%d].%s", j, inner.text);
    }
    if ((problem->is_u_shaped && check_u_cuts(problem, err)) || check_memory(problem, err))
        return -1;
    return check_names_distinct(problem, err);
}
