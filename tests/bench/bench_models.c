/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_models MODEL CxHxW BATCH THREADS SECONDS [CUT]: training steps of one model file on images of that shape,
 * or of its front part up to and with layer CUT, for about SECONDS; prints one line of JSON and ends. One case is one process, so that
 * cases do not share a heap and run_models.py can alternate them with the peer's (peer/models.py).
 *
 * A step is forward, loss, backward without input gradient, SGD with momentum 0.9. A front part has no loss:
 * the gradient at the cut is given, as it comes over the link.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/median.h"
#include "base/mem.h"
#include "base/rng.h"
#include "experiment/experiment.h"
#include "models/loss.h"
#include "models/net.h"
#include "models/optimizer.h"
#include "models/profile.h"
#include "tests/bench/peak_memory.h"

#define WARM_UP_STEPS 2
#define MIN_STEPS     3
#define MAX_STEPS     100000

struct bench {
    struct net_spec spec;
    struct net *net;
    struct tape *tape;
    struct optimizer optimizer;
    float *moments, *input, *cut_gradient; /* cut_gradient: NULL for a whole network */
    uint32_t *labels;
    size_t n_input, n_output;
    int batch, n_layers;
    uint64_t n_steps;
    double flop; /* of a step, per sample */
};

static void fail(const char *reason)
{
    fprintf(stderr, "bench_models: %s\n", reason);
    exit(EXIT_FAILURE);
}

static float *random_floats(size_t n, uint64_t stream)
{
    float *values = mem_zero(n, sizeof *values);
    struct rng rng;
    rng_seed(&rng, 1, stream);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)rng_normal(&rng);
    return values;
}

/* Layers [0, n): up to the one called `cut`, or all. */
static int count_layers(const struct net_spec *spec, const char *cut)
{
    for (size_t i = 0; cut && i < spec->layers.n; i++)
        if (strcmp(spec->layers.layers[i].name, cut) == 0)
            return (int)i + 1;
    if (cut)
        fail("no layer has the name of the cut");
    return (int)spec->layers.n;
}

/* Three times forward, but for the input gradient that the first layer need not compute. */
static double step_flop(const struct net_spec *spec, int n_layers)
{
    struct profile profile;
    struct err err = ERR_INIT;
    if (profile_make(&profile, spec, &err))
        fail(err.text);
    double flop = -profile.layers[0].forward_flop;
    for (int i = 0; i < n_layers; i++)
        flop += profile.layers[i].forward_flop + profile.layers[i].backward_flop;
    profile_release(&profile);
    return flop;
}

static struct shape parse_image(const char *text)
{
    int c, h, w;
    if (sscanf(text, "%dx%dx%d", &c, &h, &w) != 3)
        fail("the shape of an image is CxHxW");
    return shape_image(c, h, w);
}

static void set_up(struct bench *b, const char *model, const char *image, const char *cut)
{
    struct strbuf errors = STRBUF_INIT;
    struct err err = ERR_INIT;
    if (model_load(&b->spec, model, &errors))
        fail(errors.text);
    b->spec.input = parse_image(image);
    b->n_layers = count_layers(&b->spec, cut);
    b->flop = step_flop(&b->spec, b->n_layers);
    b->net = net_new(&b->spec, 0, b->n_layers, &err);
    b->tape = b->net ? tape_new(b->net, b->batch, &err) : NULL;
    if (!b->tape)
        fail(err.text);
    net_init_weights(b->net, 1);
    struct shape input = net_shape(b->net, 0), output = net_shape(b->net, b->n_layers);
    b->n_input = (size_t)b->batch * shape_features(&input);
    b->n_output = (size_t)b->batch * shape_features(&output);
    b->input = random_floats(b->n_input, 1);
    b->cut_gradient = cut ? random_floats(b->n_output, 2) : NULL;
    b->labels = mem_zero((size_t)b->batch, sizeof *b->labels);
    for (int i = 0; i < b->batch; i++)
        b->labels[i] = (uint32_t)i % 10;
    size_t n;
    net_params(b->net, &n);
    if (optimizer_init(&b->optimizer, "sgd", &err))
        fail(err.text);
    b->optimizer.learning_rate = 1e-4;
    b->optimizer.momentum = 0.9;
    b->moments = mem_zero(optimizer_state_floats(&b->optimizer, n), sizeof *b->moments);
}

static void output_gradient(struct bench *b)
{
    float *gradient = tape_gradient(b->tape, b->n_layers);
    if (b->cut_gradient) {
        memcpy(gradient, b->cut_gradient, b->n_output * sizeof *gradient);
        return;
    }
    loss_softmax_cross_entropy(tape_activation(b->tape, b->n_layers), b->labels, b->batch,
                               (int)(b->n_output / (size_t)b->batch), gradient);
    for (size_t i = 0; i < b->n_output; i++)
        gradient[i] /= (float)b->batch;
}

static void step(struct bench *b)
{
    size_t n;
    float *params = net_params(b->net, &n);
    memcpy(tape_activation(b->tape, 0), b->input, b->n_input * sizeof *b->input);
    net_forward(b->net, b->tape, 0, b->n_layers, b->batch);
    net_zero_grads(b->net);
    output_gradient(b);
    net_backward(b->net, b->tape, 0, b->n_layers, b->batch, false);
    optimizer_step(&b->optimizer, params, net_grads(b->net, &n), b->moments, n, ++b->n_steps);
}

/* The median step of those that fit into `seconds`. */
static double time_steps(struct bench *b, double seconds)
{
    double *step_s = mem_zero(MAX_STEPS, sizeof *step_s), total_s = 0;
    int n = 0;
    for (; n < MAX_STEPS && (n < MIN_STEPS || total_s < seconds); n++) {
        int64_t start_us = clock_now_us();
        step(b);
        step_s[n] = (double)(clock_now_us() - start_us) * 1e-6;
        total_s += step_s[n];
    }
    double middle_s = median(step_s, (size_t)n);
    free(step_s);
    return middle_s;
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    if (argc < 6 || argc > 7 || (b.batch = atoi(argv[3])) < 1 || atoi(argv[4]) < 1)
        fail("usage: bench_models MODEL CxHxW BATCH THREADS SECONDS [CUT]");
    net_set_threads(atoi(argv[4]));
    set_up(&b, argv[1], argv[2], argc == 7 ? argv[6] : NULL);
    step(&b);
    int64_t first_step_us = clock_now_us();
    for (int i = 1; i < WARM_UP_STEPS; i++)
        step(&b);
    double step_s = time_steps(&b, atof(argv[5]));
    printf("{\"step_s\": %.9g, \"first_step_us\": %lld, \"peak_kib\": %ld, \"flop\": %.9g}\n",
           step_s, (long long)first_step_us, peak_memory_kib(), b.flop * b.batch);
    tape_free(b.tape);
    net_free(b.net);
    net_spec_release(&b.spec);
    free(b.moments);
    free(b.input);
    free(b.cut_gradient);
    free(b.labels);
    return 0;
}
