/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed profile MODEL: what each layer costs, by the book and measured. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/units.h"
#include "models/peak.h"
#include "testbed/command.h"
#include "testbed/profile_report.h"

#define MAX_BATCH   4096
#define MAX_THREADS 1024

struct arguments {
    const char *model, *json_path;
    int batch, threads;
};

static const struct argp_option option_table[] = {
    {"batch", 'b', "N", 0, "Samples at a time when measuring (default 16)", 0},
    {"threads", 't', "N", 0, "Threads to compute with (default 1)", 0},
    {"json", 'j', "FILE", 0, "Write all of it to FILE", 0},
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
        a->batch = count_of(state, "batch", value, MAX_BATCH);
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

/* Layers [0, i + 1) trained with momentum, for each i. */
static int predict_memory(struct profile_report *report, struct err *err)
{
    struct optimizer sgd;
    if (optimizer_init(&sgd, "sgd", err))
        return -1;
    sgd.momentum = 0.9;
    for (int i = 0; i < report->profile.n_layers; i++) {
        struct training_memory_request request = {
            .spec = report->spec,
            .to = i + 1,
            .max_batch = report->batch,
            .n_threads = report->threads,
            .optimizer = &sgd,
        };
        if (training_memory_predict(&report->fronts[i], &request, err))
            return -1;
    }
    return 0;
}

static int measure(struct profile_report *report, struct err *err)
{
    if (predict_memory(report, err) ||
        layer_timing_measure(report->timings, report->spec, report->batch, report->threads, err))
        return -1;
    report->peak_flop_per_s = peak_flop_per_s();
    report->instruction_set = peak_instruction_set();
    return 0;
}

static int profile_model(const struct arguments *a, const struct net_spec *spec)
{
    struct err err = ERR_INIT;
    struct profile_report report = {.spec = spec, .batch = a->batch, .threads = a->threads};
    if (profile_make(&report.profile, spec, &err)) {
        log_error("%s: %s", a->model, err.text);
        return EXIT_USAGE;
    }
    size_t n_layers = (size_t)report.profile.n_layers;
    report.timings = mem_zero(n_layers, sizeof *report.timings);
    report.fronts = mem_zero(n_layers, sizeof *report.fronts);
    int status = measure(&report, &err);
    if (status == 0) {
        profile_print(&report);
        status = a->json_path ? profile_save(&report, a->json_path, &err) : 0;
    }
    if (status)
        log_error("%s: %s", a->model, err.text);
    free(report.timings);
    free(report.fronts);
    profile_release(&report.profile);
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
