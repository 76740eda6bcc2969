/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/problem.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "experiment/radio_setup.h"
#include "experiment/slowdowns.h"
#include "models/profile.h"
#include "models/profile_file.h"
#include "models/training_memory.h"

#define DEVICE_THREADS 1 /* as edge-server/assignment.c tells devices */

/* Layers [0, n) of the profile, added up. */
struct front {
    double forward_flop, backward_flop, state; /* parameters and buffers */
};

static struct front sum_front(const struct profile *profile, int n)
{
    struct front sum = {0, 0, 0};

    for (int l = 0; l < n; l++) {
        sum.forward_flop += profile->layers[l].forward_flop;
        sum.backward_flop += profile->layers[l].backward_flop;
        sum.state += (double)(profile->layers[l].n_params + profile->layers[l].n_buffer_floats);
    }
    return sum;
}

static void add_cut(struct problem *problem, const struct profile *profile, int n_front)
{
    const struct layer_profile *cut_after = &profile->layers[n_front - 1];
    struct front front = sum_front(profile, n_front), all = sum_front(profile, profile->n_layers);
    double bits = 8.0 * (double)cut_after->activation_bytes;

    problem->cuts[problem->n_cuts] = (struct problem_cut){
        .name = mem_string(cut_after->name),
        .layer = n_front,
        .number = problem->n_cuts,
        .device_forward_flop = front.forward_flop,
        .device_backward_flop = front.backward_flop,
        .server_forward_flop = all.forward_flop - front.forward_flop,
        .server_backward_flop = all.backward_flop - front.backward_flop,
        .last_layer_backward_flop = profile->layers[profile->n_layers - 1].backward_flop,
        .activation_bits = bits,
        .gradient_bits = bits, /* the gradient of the activation has its shape */
        .front_bits = 32 * front.state,
    };
    problem->n_cuts++;
}

static bool has_limited_device(const struct problem *problem)
{
    for (int i = 0; i < problem->n_devices; i++)
        if (problem->devices[i].memory_bytes > 0)
            return true;
    return false;
}

/* What a device will allocate, to the byte; left out where nobody has a limit. */
static int build_memory(struct problem *problem, const struct experiment *e, struct err *err)
{
    struct optimizer optimizer;

    if (!has_limited_device(problem))
        return 0;
    if (optimizer_init(&optimizer, e->training.optimizer, err))
        return -1;
    optimizer.momentum = e->training.momentum;
    for (int j = 0; j < problem->n_cuts; j++) {
        struct problem_cut *cut = &problem->cuts[j];
        struct training_memory_request request = {.spec = &e->model,
                                                  .to = cut->layer,
                                                  .max_batch = e->training.batch_size,
                                                  .n_threads = DEVICE_THREADS,
                                                  .optimizer = &optimizer};
        struct training_memory memory;
        if (training_memory_predict(&memory, &request, err))
            return err_prefix(err, "cut %s", cut->name);
        cut->device_memory_bytes = (double)training_memory_sum(&memory);
    }
    return 0;
}

/* Room for a time for each cut. */
static void add_times(struct problem_device *device, const struct problem *problem)
{
    device->n_times = problem->n_cuts;
    device->forward_s_per_sample = mem_zero((size_t)problem->n_cuts, sizeof(double));
    device->backward_s_per_sample = mem_zero((size_t)problem->n_cuts, sizeof(double));
}

/* What the layers before each cut take, added up. The file's batch may be another than the experiment's. */
static void sum_times(struct problem_device *device, const struct problem *problem,
                      const struct profile_file *file)
{
    add_times(device, problem);
    for (int j = 0; j < problem->n_cuts; j++) {
        double forward_s = 0, backward_s = 0;
        for (int l = 0; l < problem->cuts[j].layer; l++) {
            forward_s += file->entries[l].forward_s;
            backward_s += file->entries[l].backward_s;
        }
        device->forward_s_per_sample[j] = forward_s / file->batch_size;
        device->backward_s_per_sample[j] = backward_s / file->batch_size;
    }
}

static int load_times(struct problem_device *device, const struct problem *problem,
                      const struct experiment *e, const char *path, struct err *err)
{
    struct profile_file file;

    if (profile_file_load_of(&file, path, &e->model, err))
        return -1;
    sum_times(device, problem, &file);
    profile_file_release(&file);
    return 0;
}

/* Devices of a group stand behind each other: their file is read once. */
static int build_times(struct problem *problem, const struct experiment *e, struct err *err)
{
    size_t bytes = (size_t)problem->n_cuts * sizeof(double);

    for (int i = 0; i < e->n_devices; i++) {
        struct problem_device *device = &problem->devices[i];
        const char *path = e->devices[i].profile;
        const char *before = i > 0 ? e->devices[i - 1].profile : NULL;
        if (path && before && !strcmp(path, before)) {
            add_times(device, problem);
            memcpy(device->forward_s_per_sample, device[-1].forward_s_per_sample, bytes);
            memcpy(device->backward_s_per_sample, device[-1].backward_s_per_sample, bytes);
        } else if (path && load_times(device, problem, e, path, err)) {
            return err_prefix(err, "device %s: profile", device->name);
        }
    }
    return 0;
}

bool problem_slow_down(struct problem *problem, const struct slowdowns *slowdowns, double at_s)
{
    bool has_changed = false;

    for (int i = 0; !slowdowns_are_none(slowdowns) && i < problem->n_devices; i++) {
        double factor = slowdowns_factor(slowdowns, i, at_s);
        has_changed |= factor != problem->devices[i].slowdown;
        problem->devices[i].slowdown = factor;
    }
    return has_changed;
}

static int build_slowdowns(struct problem *problem, const struct experiment *e, struct err *err)
{
    struct slowdowns *slowdowns = slowdowns_new(e, err);

    if (!slowdowns)
        return -1;
    problem_slow_down(problem, slowdowns, 0);
    slowdowns_free(slowdowns);
    return 0;
}

static bool is_wanted(const struct experiment *e, const char *name)
{
    for (int j = 0; j < e->scheduler.n_cuts; j++)
        if (!strcmp(e->scheduler.cuts[j], name))
            return true;
    return e->scheduler.n_cuts == 0;
}

static int check_wanted(const struct experiment *e, const struct profile *profile, struct err *err)
{
    for (int j = 0; j < e->scheduler.n_cuts; j++) {
        struct strbuf names = STRBUF_INIT;
        bool is_found = false;
        for (int l = 0; l + 1 < profile->n_layers; l++) {
            is_found |= !strcmp(e->scheduler.cuts[j], profile->layers[l].name);
            strbuf_addf(&names, "%s%s", l ? ", " : "", profile->layers[l].name);
        }
        if (!is_found)
            err_set(err, "scheduler.cuts: '%s': a cut may fall after %s", e->scheduler.cuts[j],
                    names.n ? names.text : "no layer, the model has only one");
        strbuf_release(&names);
        if (!is_found)
            return -1;
    }
    return 0;
}

static int build_cuts(struct problem *problem, const struct experiment *e, struct err *err)
{
    struct profile profile;
    int failed;

    if (profile_make(&profile, &e->model, err))
        return -1;
    failed = check_wanted(e, &profile, err);
    problem->cuts = mem_zero((size_t)profile.n_layers, sizeof *problem->cuts);
    for (int n_front = 1; !failed && n_front < profile.n_layers; n_front++)
        if (is_wanted(e, profile.layers[n_front - 1].name))
            add_cut(problem, &profile, n_front);
    if (!failed && problem->n_cuts == 0)
        failed =
            err_set(err, "model %s: has one layer, there is no place for a cut", e->model.name);
    profile_release(&profile);
    return failed;
}

static int build_devices(struct problem *problem, const struct experiment *e, struct err *err)
{
    struct channel *channel = radio_channel(e, err);

    if (!channel)
        return -1;
    problem->n_devices = e->n_devices;
    problem->devices = mem_zero((size_t)e->n_devices, sizeof *problem->devices);
    bool is_flat = channel_is_flat(channel);
    for (int i = 0; i < e->n_devices; i++) {
        const struct experiment_device *from = &e->devices[i];
        problem->devices[i] = (struct problem_device){
            .name = mem_string(from->name),
            .clock_hz = from->profile ? 0 : from->clock_hz,
            .cycles_per_flop = from->profile ? 0 : from->cycles_per_flop,
            .max_power_w = from->max_power_w,
            .memory_bytes = from->memory_bytes,
            .gain = mem_zero(is_flat ? 1 : (size_t)e->radio.n_subchannels, sizeof(double)),
            .is_flat = is_flat,
        };
        if (is_flat)
            problem->devices[i].gain[0] = channel_flat_gain(channel, i, 0);
        else
            channel_gains(channel, i, 1, 0, problem->devices[i].gain);
    }
    channel_free(channel);
    return 0;
}

int problem_build(struct problem *problem, const struct experiment *e, double aggregation_ratio,
                  bool takes_turns, struct err *err)
{
    *problem = (struct problem){
        .batch_size = e->training.batch_size,
        .aggregation_ratio = aggregation_ratio,
        .takes_turns = takes_turns,
        .noise_psd_w_per_hz = e->radio.noise_psd_w_per_hz,
        .downlink_psd_w_per_hz = e->radio.downlink_psd_w_per_hz,
        .total_power_w = e->radio.total_power_w,
        .n_subchannels = e->radio.n_subchannels,
        .server_clock_hz = e->server.clock_hz,
        .server_cycles_per_flop = e->server.cycles_per_flop,
    };
    problem->bandwidth_hz = mem_zero((size_t)e->radio.n_subchannels, sizeof(double));
    for (int k = 0; k < e->radio.n_subchannels; k++)
        problem->bandwidth_hz[k] = e->radio.bandwidth_hz;
    if (!build_devices(problem, e, err) && !build_cuts(problem, e, err) &&
        !build_times(problem, e, err) && !build_slowdowns(problem, e, err) &&
        !build_memory(problem, e, err) && !problem_check(problem, err))
        return 0;
    problem_release(problem);
    return -1;
}
