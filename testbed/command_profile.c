/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed profile MODEL: what each layer costs, by the book and measured. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/units.h"
#include "models/peak.h"
#include "models/training_memory.h"
#include "testbed/command.h"
#include "testbed/layer_timing.h"
#include "testbed/profile_report.h"

#define MAX_THREADS 1024

struct arguments {
    const char *model, *json_path;
    int batch, threads;
};

static const struct argp_option option_table[] = {
    {"batch", 'b', "N", 0, "Samples at a time when measuring (default 16)", 0},
    {"threads", 't', "N", 0, "Threads to compute with (default 1)", 0},
    {"json", 'j', "FILE", 0, "Write it to FILE as JSON, to be replayed elsewhere", 0},
    {0}};

static int count_of(struct argp_state *state, const char *option, const char *text, int max)
{
    double value;
    if (number_parse(text, &value, NULL) || value < 1 || value > max || value != floor(value))
        argp_error(state, "--%s: '%s': 1 to %d are allowed", option, text, max);
    return (int)value;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case 'b':
        a->batch = count_of(state, "batch", value, EXPERIMENT_MAX_BATCH);
        return 0;
    case 't':
        a->threads = count_of(state, "threads", value, MAX_THREADS);
        return 0;
    case 'j':
        a->json_path = value;
        return 0;
    case ARGP_KEY_ARG:
        if (a->model)
            argp_error(state, "'%s': one MODEL is wanted", value);
        a->model = value;
        return 0;
    case ARGP_KEY_END:
        if (!a->model)
            argp_error(state, "MODEL is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Training layers [0, n) with momentum. */
static int fill_memory(struct profile_entry *entry, const struct arguments *a,
                       const struct net_spec *spec, int n, struct err *err)
{
    struct optimizer sgd;
    struct training_memory memory;
    if (optimizer_init(&sgd, "sgd", err))
        return -1;
    sgd.momentum = 0.9;
    struct training_memory_request request = {
        .spec = spec, .to = n, .max_batch = a->batch, .n_threads = a->threads, .optimizer = &sgd};
    if (training_memory_predict(&memory, &request, err))
        return -1;
    entry->front_weight_bytes = (double)memory.weights;
    entry->front_gradient_bytes = (double)memory.gradients;
    entry->front_optimizer_bytes = (double)memory.optimizer;
    entry->front_tape_bytes = (double)memory.tape;
    entry->front_bytes = (double)training_memory_sum(&memory);
    return 0;
}

static void fill_costs(struct profile_entry *entry, const struct layer_profile *layer, int batch)
{
    char shape[SHAPE_TEXT_BYTES];
    *entry = (struct profile_entry){
        .name = mem_string(layer->name),
        .kind = mem_string(layer->kind),
        .output = mem_string(shape_format(&layer->output, shape)),
        .forward_flop = layer->forward_flop,
        .backward_flop = layer->backward_flop,
        .n_params = (double)layer->n_params,
        .activation_bytes = (double)layer->activation_bytes,
        .moved_bytes = batch * (double)layer->sample_bytes + (double)layer->batch_bytes,
    };
}

static void fill_head(struct profile_file *file, const struct arguments *a,
                      const struct net_spec *spec, const struct profile *profile)
{
    *file = (struct profile_file){
        .model = mem_string(spec->name),
        .batch_size = a->batch,
        .threads = a->threads,
        .instruction_set = mem_string(peak_instruction_set()),
        .entries = mem_zero((size_t)profile->n_layers, sizeof(struct profile_entry)),
        .n_entries = profile->n_layers,
    };
    for (int i = 0; i < profile->n_layers; i++)
        fill_costs(&file->entries[i], &profile->layers[i], a->batch);
}

static int measure(struct profile_file *file, const struct arguments *a,
                   const struct net_spec *spec, struct err *err)
{
    struct layer_timing *timings = mem_zero((size_t)file->n_entries, sizeof *timings);
    int status = layer_timing_measure(timings, spec, a->batch, a->threads, err);
    for (int i = 0; status == 0 && i < file->n_entries; i++) {
        file->entries[i].forward_s = timings[i].forward_s;
        file->entries[i].backward_s = timings[i].backward_s;
        status = fill_memory(&file->entries[i], a, spec, i + 1, err);
    }
    free(timings);
    file->thread_peak_flop_per_s = peak_flop_per_s(1);
    file->peak_flop_per_s =
        a->threads == 1 ? file->thread_peak_flop_per_s : peak_flop_per_s(a->threads);
    return status;
}

/* Before the time is spent on measuring. What is in the file stays until there is something better. */
static int check_writable(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_set_errno(err, "%s: cannot be written", path);
    close(fd);
    return 0;
}

static int profile_model(const struct arguments *a, const struct net_spec *spec)
{
    struct err err = ERR_INIT;
    struct profile profile;
    struct profile_file file;
    if (profile_make(&profile, spec, &err)) {
        log_error("%s: %s", a->model, err.text);
        return EXIT_USAGE;
    }
    if (a->json_path && check_writable(a->json_path, &err)) {
        log_error("%s", err.text);
        profile_release(&profile);
        return EXIT_FAILURE;
    }
    fill_head(&file, a, spec, &profile);
    int status = measure(&file, a, spec, &err);
    if (status) {
        log_error("%s: %s", a->model, err.text);
    } else {
        profile_print(&file, spec);
        status = a->json_path ? profile_file_save(&file, a->json_path, &err) : 0;
        if (status)
            log_error("%s", err.text);
    }
    profile_file_release(&file);
    profile_release(&profile);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}

int command_profile(int argc, char **argv)
{
    static const struct argp argp = {option_table,
                                     parse,
                                     "MODEL",
                                     "Lists a model's layers with shape, FLOP (2 per "
                                     "multiply-add), parameters and activation bytes, "
                                     "measures forward and backward on this machine, and says how "
                                     "much memory training takes.",
                                     NULL,
                                     NULL,
                                     NULL};
    struct arguments arguments = {.batch = 16, .threads = 1};
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    struct net_spec spec;
    struct strbuf errors = STRBUF_INIT;
    int status = EXIT_USAGE;
    if (model_load(&spec, arguments.model, &errors)) {
        fputs(errors.text, stderr);
    } else {
        status = profile_model(&arguments, &spec);
        net_spec_release(&spec);
    }
    strbuf_release(&errors);
    return status;
}
