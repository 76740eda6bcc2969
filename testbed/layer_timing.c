/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/layer_timing.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/median.h"
#include "base/mem.h"
#include "base/rng.h"
#include "models/net.h"

#define BUDGET_US  1000000
#define MAX_PASSES 51

struct samples {
    double *forward_s, *backward_s; /* [n_layers][MAX_PASSES] */
    int n_passes;
};

static void fill(float *values, size_t n, struct rng *rng)
{
    for (size_t i = 0; i < n; i++)
        values[i] = (float)rng_normal(rng);
}

static void time_pass(struct net *net, struct tape *tape, int batch, struct samples *samples)
{
    int n_layers = net_to(net), pass = samples->n_passes++;
    for (int i = 0; i < n_layers; i++) {
        int64_t start_ns = clock_now_ns();
        net_forward(net, tape, i, i + 1, batch);
        samples->forward_s[i * MAX_PASSES + pass] = (double)(clock_now_ns() - start_ns) * 1e-9;
    }
    for (int i = n_layers - 1; i >= 0; i--) {
        int64_t start_ns = clock_now_ns();
        net_backward(net, tape, i, i + 1, batch, i > 0);
        samples->backward_s[i * MAX_PASSES + pass] = (double)(clock_now_ns() - start_ns) * 1e-9;
    }
}

static void time_layers(struct net *net, struct tape *tape, int batch, struct layer_timing *timings)
{
    size_t n_layers = (size_t)net_to(net);
    struct samples samples = {.forward_s = mem_zero(n_layers * MAX_PASSES, sizeof(double)),
                              .backward_s = mem_zero(n_layers * MAX_PASSES, sizeof(double))};
    struct rng rng;
    rng_seed(&rng, 1, 0);
    struct shape input = net_shape(net, 0), output = net_shape(net, net_to(net));
    fill(tape_activation(tape, 0), (size_t)batch * shape_features(&input), &rng);
    time_pass(net, tape, batch, &samples); /* warm-up: first touches of memory */
    samples.n_passes = 0;
    int64_t end_us = clock_now_us() + BUDGET_US;
    do {
        net_zero_grads(net);
        fill(tape_gradient(tape, net_to(net)), (size_t)batch * shape_features(&output), &rng);
        time_pass(net, tape, batch, &samples);
    } while (samples.n_passes < MAX_PASSES && clock_now_us() < end_us);
    for (size_t i = 0; i < n_layers; i++) {
        timings[i].forward_s = median(samples.forward_s + i * MAX_PASSES, (size_t)samples.n_passes);
        timings[i].backward_s =
            median(samples.backward_s + i * MAX_PASSES, (size_t)samples.n_passes);
    }
    free(samples.forward_s);
    free(samples.backward_s);
}

int layer_timing_measure(struct layer_timing *timings, const struct net_spec *spec, int batch,
                         int threads, struct err *err)
{
    net_set_threads(threads);
    struct net *net = net_new(spec, 0, -1, err);
    struct tape *tape = net ? tape_new(net, batch, err) : NULL;
    if (tape) {
        net_init_weights(net, 1);
        time_layers(net, tape, batch, timings);
    }
    int status = tape ? 0 : -1;
    tape_free(tape);
    net_free(net);
    return status;
}
