/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "experiment/experiment.h"
#include "models/net.h"
#include "experiment/slowdowns.h"
#include "scheduler/device_times.h"
#include "scheduler/problem.h"

static struct experiment_device devices[3];

static void add_layer(struct net_spec *spec, const char *kind, const char *name, const char *key,
                      double value)
{
    struct err err = ERR_INIT;
    struct layer_spec *layer = layer_list_add(&spec->layers, kind, name, &err);

    if (!layer || (key && layer_spec_set(layer, key, value, &err)))
        fail_msg("%s", err.text);
    if (!strcmp(kind, "conv2d") && layer_spec_set(layer, "kernel_size", 3, &err))
        fail_msg("%s", err.text);
}

/* 1x6x6 -> conv 3x3 to 4x4x4 -> relu -> flatten -> linear to 10; three devices, five subchannels.
 * */
static void experiment_init(struct experiment *e)
{
    static char names[3][16], path_loss[] = "samimi-los", fading[] = "rayleigh";
    static char none[] = RADIO_NO_FILE, run[] = "run";

    memset(e, 0, sizeof *e);
    e->seed = 42;
    snprintf(e->model.name, sizeof e->model.name, "tiny");
    e->model.input = shape_image(1, 6, 6);
    add_layer(&e->model, "conv2d", "conv", "out_channels", 4);
    add_layer(&e->model, "relu", "", NULL, 0);
    add_layer(&e->model, "flatten", "", NULL, 0);
    add_layer(&e->model, "linear", "fc", "out_features", 10);
    e->training.batch_size = 8;
    e->n_devices = 3;
    e->devices = devices;
    for (int i = 0; i < 3; i++) {
        snprintf(names[i], sizeof names[i], "pi-%d", i);
        devices[i] = (struct experiment_device){.name = names[i],
                                                .clock_hz = 1e9 + i,
                                                .cycles_per_flop = 0.0625,
                                                .max_power_w = 1.5,
                                                .distance_m = 50.0 * (i + 1)};
    }
    e->server.clock_hz = 5e9;
    e->server.cycles_per_flop = 0.03125;
    e->radio.path_loss = path_loss;
    e->radio.fading = fading;
    e->radio.gains = e->radio.positions = e->radio.trace = e->radio.outages = none;
    e->radio.shadowing = e->radio.mobility = none;
    e->radio.fading_block = run;
    e->radio.carrier_hz = 28e9;
    e->radio.n_subchannels = 5;
    e->radio.bandwidth_hz = 10e6;
    e->radio.noise_psd_w_per_hz = 4e-21;
    e->radio.downlink_psd_w_per_hz = 1e-8;
    e->radio.total_power_w = 5;
    e->radio.antenna_gain = 10;
}

static void build(struct problem *problem, const struct experiment *e)
{
    struct err err = ERR_INIT;

    if (problem_build(problem, e, 0.5, false, &err))
        fail_msg("%s", err.text);
}

static void costs_are_the_profiles_prefix_sums(void **state)
{
    struct experiment e;
    struct problem p;
    double conv = 2.0 * 9 * 4 * 16, fc = 2.0 * 64 * 10;

    (void)state;
    experiment_init(&e);
    build(&p, &e);
    assert_int_equal(p.n_cuts, 3); /* after any layer but the last */
    assert_string_equal(p.cuts[0].name, "conv");
    assert_string_equal(p.cuts[1].name, "relu1");
    assert_string_equal(p.cuts[2].name, "flatten2");
    for (int j = 0; j < 3; j++) {
        assert_int_equal(p.cuts[j].layer, j + 1);
        assert_true(p.cuts[j].device_forward_flop == conv);
        assert_true(p.cuts[j].device_backward_flop == 2 * conv);
        assert_true(p.cuts[j].server_forward_flop == fc);
        assert_true(p.cuts[j].server_backward_flop == 2 * fc);
        assert_true(p.cuts[j].last_layer_backward_flop == 2 * fc);
        assert_true(p.cuts[j].activation_bits == 32 * 64);
        assert_true(p.cuts[j].gradient_bits == 32 * 64);
        assert_true(p.cuts[j].front_bits == 32 * (9 * 4 + 4));
    }
    problem_release(&p);
    net_spec_release(&e.model);
}

static void numbers_of_the_experiment_are_taken_over(void **state)
{
    struct experiment e;
    struct problem p;
    struct err err = ERR_INIT;

    (void)state;
    experiment_init(&e);
    assert_int_equal(problem_build(&p, &e, 0.25, true, &err), 0);
    assert_int_equal(p.batch_size, 8);
    assert_true(p.aggregation_ratio == 0.25 && p.takes_turns);
    assert_true(p.noise_psd_w_per_hz == 4e-21 && p.downlink_psd_w_per_hz == 1e-8);
    assert_true(p.total_power_w == 5 && p.server_clock_hz == 5e9);
    assert_true(p.server_cycles_per_flop == 0.03125);
    assert_int_equal(p.n_subchannels, 5);
    assert_true(p.bandwidth_hz[4] == 10e6);
    assert_int_equal(p.n_devices, 3);
    assert_string_equal(p.devices[2].name, "pi-2");
    assert_true(p.devices[2].clock_hz == 1e9 + 2 && p.devices[2].cycles_per_flop == 0.0625);
    assert_true(p.devices[2].max_power_w == 1.5);
    problem_release(&p);
    net_spec_release(&e.model);
}

static void gains_without_fading_are_path_and_antenna(void **state)
{
    static char none[] = "none";
    struct experiment e;
    struct problem p;

    (void)state;
    experiment_init(&e);
    e.radio.fading = none;
    build(&p, &e);
    for (int k = 0; k < 5; k++)
        assert_true(fabs(problem_gain(&p.devices[1], k) / (10 * pow(10, -10.14)) - 1) <
                    1e-12); /* 100 m */
    problem_release(&p);
    net_spec_release(&e.model);
}

static void gains_are_drawn_from_the_seed_device_by_device(void **state)
{
    struct experiment e;
    struct problem a, b, other;

    (void)state;
    experiment_init(&e);
    build(&a, &e);
    e.n_devices = 2; /* one less: the others keep their channels */
    build(&b, &e);
    assert_memory_equal(a.devices[1].gain, b.devices[1].gain, 5 * sizeof(double));
    assert_true(a.devices[0].gain[0] != a.devices[0].gain[1]);
    /* Fading is independent: the second device is not the first one farther away. */
    assert_true(fabs(a.devices[0].gain[0] / a.devices[1].gain[0] -
                     a.devices[0].gain[1] / a.devices[1].gain[1]) > 1e-3);
    e.seed = 43;
    build(&other, &e);
    assert_true(other.devices[1].gain[0] != b.devices[1].gain[0]);
    problem_release(&a);
    problem_release(&b);
    problem_release(&other);
    net_spec_release(&e.model);
}

static void memory_is_what_training_will_take(void **state)
{
    static char adamw[] = "adamw";
    struct experiment e;
    struct problem p;

    (void)state;
    experiment_init(&e);
    build(&p, &e);
    assert_true(p.cuts[0].device_memory_bytes == 0); /* nobody asks */
    problem_release(&p);
    e.training.optimizer = adamw;
    devices[2].memory_bytes = 5e8;
    build(&p, &e);
    assert_true(p.devices[0].memory_bytes == 0 && p.devices[2].memory_bytes == 5e8);
    for (int j = 0; j < p.n_cuts; j++) {
        struct net *net = net_new(&e.model, 0, j + 1, NULL);
        struct tape *tape = tape_new(net, e.training.batch_size, NULL);
        size_t moments = 2 * 40 * sizeof(float);
        assert_true(p.cuts[j].device_memory_bytes ==
                    (double)(net_bytes(net) + tape_bytes(tape) + moments));
        tape_free(tape);
        net_free(net);
    }
    problem_release(&p);
    net_spec_release(&e.model);
}

/* Layers that are handed on take their running statistics along. */
static void front_bits_are_all_that_is_handed_on(void **state)
{
    struct experiment e;
    struct problem p;
    struct net *net;
    size_t n;

    (void)state;
    experiment_init(&e);
    add_layer(&e.model, "batch_norm", "bn", NULL, 0); /* behind fc: fc is the last cut's */
    add_layer(&e.model, "linear", "fc2", "out_features", 2);
    build(&p, &e);
    assert_int_equal(p.n_cuts, 5);
    net = net_new(&e.model, 0, 5, NULL);
    net_state(net, &n);
    assert_true(p.cuts[4].front_bits == 32.0 * (double)n);
    assert_true(p.cuts[4].front_bits > p.cuts[3].front_bits + 32 * 20);
    net_free(net);
    problem_release(&p);
    net_spec_release(&e.model);
}

static void named_cuts_restrict_the_choice(void **state)
{
    static char last[] = "flatten2", first[] = "conv";
    char *cuts[] = {last, first};
    struct experiment e;
    struct problem p;

    (void)state;
    experiment_init(&e);
    e.scheduler.cuts = cuts;
    e.scheduler.n_cuts = 2;
    build(&p, &e);
    assert_int_equal(p.n_cuts, 2);
    assert_string_equal(p.cuts[0].name, "conv"); /* in the network's order */
    assert_string_equal(p.cuts[1].name, "flatten2");
    assert_int_equal(p.cuts[1].layer, 3);
    problem_release(&p);
    net_spec_release(&e.model);
}

static void unknown_cuts_are_refused_with_the_names(void **state)
{
    static char unknown[] = "conv9", last[] = "fc";
    char *cuts[] = {unknown};
    struct experiment e;
    struct problem p;
    struct err err = ERR_INIT;

    (void)state;
    experiment_init(&e);
    e.scheduler.cuts = cuts;
    e.scheduler.n_cuts = 1;
    assert_int_equal(problem_build(&p, &e, 0, false, &err), -1);
    assert_string_equal(err.text,
                        "scheduler.cuts: 'conv9': a cut may fall after conv, relu1, flatten2");
    cuts[0] = last; /* after the last layer nothing is left for the server */
    assert_int_equal(problem_build(&p, &e, 0, false, &err), -1);
    assert_string_equal(err.text,
                        "scheduler.cuts: 'fc': a cut may fall after conv, relu1, flatten2");
    net_spec_release(&e.model);
}

static void unknown_radio_models_are_refused(void **state)
{
    static char unknown[] = "hata";
    struct experiment e;
    struct problem p;
    struct err err = ERR_INIT;

    (void)state;
    experiment_init(&e);
    e.radio.path_loss = unknown;
    assert_int_equal(problem_build(&p, &e, 0, false, &err), -1);
    assert_string_equal(err.text, "radio.path_loss: 'hata': no such model");
    net_spec_release(&e.model);
    experiment_init(&e);
    e.radio.fading = unknown;
    assert_int_equal(problem_build(&p, &e, 0, false, &err), -1);
    assert_string_equal(err.text, "radio.fading: 'hata': no such model");
    net_spec_release(&e.model);
}

static char file_path[] = "/tmp/splitbed-test-build-XXXXXX";

static void write_file(const char *text)
{
    FILE *file = fopen(file_path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* Seconds of batches of four, where the experiment takes eight. */
static void a_profile_is_summed_up_and_scaled_to_the_batch(void **state)
{
    static const char text[] =
        "{\"model\": \"tiny\", \"batch_size\": 4, \"threads\": 1, \"entries\": ["
        "{\"name\": \"conv\", \"forward_s\": 1, \"backward_s\": 2},"
        "{\"name\": \"relu1\", \"forward_s\": 4, \"backward_s\": 8},"
        "{\"name\": \"flatten2\", \"forward_s\": 0, \"backward_s\": 0.5},"
        "{\"name\": \"fc\", \"forward_s\": 100, \"backward_s\": 100}]}";
    static char relu[] = "relu1", flatten[] = "flatten2", *cuts[] = {relu, flatten};
    struct experiment e;
    struct problem p;

    (void)state;
    experiment_init(&e);
    write_file(text);
    e.devices[1].profile = e.devices[2].profile = file_path;
    build(&p, &e);
    assert_true(p.devices[0].n_times == 0 && p.devices[0].clock_hz == 1e9);
    for (int i = 1; i < 3; i++) {
        assert_true(p.devices[i].clock_hz == 0 && p.devices[i].cycles_per_flop == 0);
        assert_int_equal(p.devices[i].n_times, 3);
        assert_true(device_forward_s(&p, i, 0) == 2 && device_backward_s(&p, i, 0) == 4);
        assert_true(device_forward_s(&p, i, 1) == 10 && device_backward_s(&p, i, 1) == 20);
        assert_true(device_forward_s(&p, i, 2) == 10 && device_backward_s(&p, i, 2) == 21);
    }
    problem_release(&p);
    e.scheduler.cuts = cuts;
    e.scheduler.n_cuts = 2;
    build(&p, &e);
    assert_int_equal(p.devices[2].n_times, 2);
    assert_true(device_forward_s(&p, 2, 0) == 10 && device_backward_s(&p, 2, 1) == 21);
    problem_release(&p);
    net_spec_release(&e.model);
}

static void a_profile_of_another_model_is_refused(void **state)
{
    struct experiment e;
    struct problem p;
    struct err err = ERR_INIT;
    char *wanted =
        mem_format("device pi-1: profile: %s: entries: 1: the model has 4 layers", file_path);

    (void)state;
    experiment_init(&e);
    write_file("{\"model\": \"tiny\", \"batch_size\": 4, \"threads\": 1, \"entries\": ["
               "{\"name\": \"conv\", \"forward_s\": 1, \"backward_s\": 2}]}");
    e.devices[1].profile = file_path;
    assert_int_equal(problem_build(&p, &e, 0, false, &err), -1);
    assert_string_equal(err.text, wanted);
    free(wanted);
    net_spec_release(&e.model);
}

static void slow_downs_are_as_they_are_at_the_start(void **state)
{
    struct experiment e;
    struct problem p;
    struct slowdowns *slowdowns;

    (void)state;
    experiment_init(&e);
    write_file("at_s,factor\n0,2\n10,4\n");
    e.devices[1].slowdown = file_path;
    build(&p, &e);
    double s = device_forward_s(&p, 1, 0);
    assert_true(p.devices[1].slowdown == 2 && p.devices[2].slowdown == 1);
    slowdowns = slowdowns_new(&e, NULL);
    assert_false(problem_slow_down(&p, slowdowns, 9));
    assert_true(problem_slow_down(&p, slowdowns, 10));
    assert_true(device_forward_s(&p, 1, 0) == 2 * s);
    slowdowns_free(slowdowns);
    problem_release(&p);
    net_spec_release(&e.model);
}

static int make_file(void **state)
{
    (void)state;
    return close(mkstemp(file_path));
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_are_the_profiles_prefix_sums),
        cmocka_unit_test(numbers_of_the_experiment_are_taken_over),
        cmocka_unit_test(gains_without_fading_are_path_and_antenna),
        cmocka_unit_test(gains_are_drawn_from_the_seed_device_by_device),
        cmocka_unit_test(memory_is_what_training_will_take),
        cmocka_unit_test(front_bits_are_all_that_is_handed_on),
        cmocka_unit_test(named_cuts_restrict_the_choice),
        cmocka_unit_test(unknown_cuts_are_refused_with_the_names),
        cmocka_unit_test(unknown_radio_models_are_refused),
        cmocka_unit_test(a_profile_is_summed_up_and_scaled_to_the_batch),
        cmocka_unit_test(a_profile_of_another_model_is_refused),
        cmocka_unit_test(slow_downs_are_as_they_are_at_the_start),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
