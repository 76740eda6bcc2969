/* SPDX-License-Identifier: GPL-3.0-or-later */
/* splitbed profile MODEL: what each layer costs, by the book and measured. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/units.h"
#include "models/profile.h"
#include "testbed/command.h"
#include "testbed/layer_timing.h"

#define MAX_BATCH   4096
#define MAX_THREADS 1024

struct arguments {
    const char *model;
    int batch, threads;
};

static const struct argp_option option_table[] = {
    {"batch", 'b', "N", 0, "Samples at a time when measuring (default 16)", 0},
    {"threads", 't', "N", 0, "BLAS threads (default 1)", 0},
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

static double gflops(double flop, double seconds)
{
    return seconds > 0 ? flop / seconds * 1e-9 : 0;
}

static void print_row(int cut, const struct layer_profile *layer, const struct layer_timing *t,
                      int batch)
{
    char shape[SHAPE_TEXT_BYTES];
    printf(
        "%4d  %-18s %-16s %-12s %12.0f %12.0f %10zu %10zu %9.3f %9.3f %8.1f\n", cut, layer->name,
        layer->kind, shape_format(&layer->output, shape), layer->forward_flop, layer->backward_flop,
        layer->n_params, layer->activation_bytes, 1e3 * t->forward_s, 1e3 * t->backward_s,
        gflops(batch * (layer->forward_flop + layer->backward_flop), t->forward_s + t->backward_s));
}

static void print_table(const struct net_spec *spec, const struct profile *profile,
                        const struct layer_timing *timings, const struct arguments *a)
{
    char shape[SHAPE_TEXT_BYTES];
    struct layer_profile sum = {.kind = ""};
    struct layer_timing total = {0, 0};
    printf("%s, input %s. FLOP, bytes: per sample. Times: batch of %d, %d thread%s.\n", spec->name,
           shape_format(&spec->input, shape), a->batch, a->threads, a->threads == 1 ? "" : "s");
    printf("%4s  %-18s %-16s %-12s %12s %12s %10s %10s %9s %9s %8s\n", "cut", "after layer", "kind",
           "output", "forward", "backward", "params", "bytes", "fwd ms", "bwd ms", "GFLOP/s");
    for (int i = 0; i < profile->n_layers; i++) {
        const struct layer_profile *layer = &profile->layers[i];
        print_row(i + 1, layer, &timings[i], a->batch);
        sum.forward_flop += layer->forward_flop;
        sum.backward_flop += layer->backward_flop;
        sum.n_params += layer->n_params;
        total.forward_s += timings[i].forward_s;
        total.backward_s += timings[i].backward_s;
    }
    printf("%4s  %-18s %-16s %-12s %12.0f %12.0f %10zu %10s %9.3f %9.3f %8.1f\n", "", "sum", "", "",
           sum.forward_flop, sum.backward_flop, sum.n_params, "", 1e3 * total.forward_s,
           1e3 * total.backward_s,
           gflops(a->batch * (sum.forward_flop + sum.backward_flop),
                  total.forward_s + total.backward_s));
}

static int profile_model(const struct arguments *a, const struct net_spec *spec)
{
    struct err err = ERR_INIT;
    struct profile profile;
    if (profile_make(&profile, spec, &err)) {
        log_error("%s: %s", a->model, err.text);
        return EXIT_USAGE;
    }
    struct layer_timing *timings = mem_zero((size_t)profile.n_layers, sizeof *timings);
    int status = layer_timing_measure(timings, spec, a->batch, a->threads, &err);
    if (status)
        log_error("%s: %s", a->model, err.text);
    else
        print_table(spec, &profile, timings, a);
    free(timings);
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
                                     "and measures forward and backward on this machine.",
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
