/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/experiment/load_text.h"

#include <dirent.h>

static void a_minimal_file_gets_every_default(void **state)
{
    (void)state;
    struct experiment e;
    must_load(&e, TINY, NULL);
    assert_string_equal(e.name, "experiment");
    assert_true(e.seed == 1);
    assert_string_equal(e.data.format, "idx");
    assert_string_equal(e.data.dir, "/usr/share/datasets/fashion-mnist");
    assert_true(e.data.mean == 0.2860 && e.data.std == 0.3530);
    assert_string_equal(e.training.framework, "epsl");
    assert_string_equal(e.scheduler.policy, "auto");
    assert_true(e.testbed.models_compute);
    assert_string_equal(e.testbed.link, "modelled");
    assert_int_equal(e.n_devices, 2);
    assert_string_equal(e.devices[1].name, "device-1");
    assert_int_equal(e.scheduler.n_cuts, 0);
    experiment_release(&e);
}

static void quantities_arrive_in_si(void **state)
{
    (void)state;
    struct experiment e;
    must_load(&e,
              TINY "radio: {bandwidth: 10 MHz, total_power: 30 dBm, antenna_gain: 20 dB}\n"
                   "scheduler: {gap: 2 %, time_limit: 1500 ms}\ntestbed: {compute: native}\n",
              NULL);
    assert_true(e.radio.bandwidth_hz == 1e7 && e.radio.total_power_w == 1);
    assert_true(e.radio.antenna_gain == 100 && e.scheduler.gap == 0.02);
    assert_true(e.scheduler.time_limit_s == 1.5);
    assert_true(!e.testbed.models_compute);
    assert_string_equal(e.testbed.link, "modelled");
    experiment_release(&e);
}

static void all_errors_of_a_file_come_at_once_in_its_order(void **state)
{
    (void)state;
    must_refuse("experiment: {nam: x, seed: -1}\n"
                "traning:\n"
                "  rounds: 3\n"
                "training:\n"
                "  batchsize: 4\n"
                "  rounds: 2.5\n"
                "  seed: 4\n"
                "  batch_size: 4\n"
                "  batch_size: 5\n"
                "  server_learning_rate:\n"
                "devices:\n"
                "  - clock: 10 W\n"
                "  - foo\n"
                "radio: 5\n"
                "testbed: {listen: x, foo: 1}\n",
                NULL,
                "x.yaml:9:3: training.batch_size: the key is there twice, first in line 8\n"
                "x.yaml:1:14: experiment.nam: unknown key: did you mean 'name'?\n"
                "x.yaml:1:28: experiment.seed: value '-1': must be an integer in [0, "
                "18446744073709551615]\n"
                "x.yaml:2:1: traning: unknown section: did you mean 'training'?\n"
                "x.yaml:5:3: training.batchsize: unknown key: did you mean 'batch_size'?\n"
                "x.yaml:6:11: training.rounds: value '2.5': must be an integer in [1, 1e+09]\n"
                "x.yaml:7:3: training.seed: unknown key: did you mean 'experiment.seed'?\n"
                "x.yaml:10:24: training.server_learning_rate: no value: must be a number in (0, "
                "1000] (or in %)\n"
                "x.yaml:12:12: devices.0.clock: value '10 W': must be a frequency in (0, 1e+15] Hz "
                "(units: Hz, kHz, MHz, GHz), or uniform(a, b), normal(mean, std)\n"
                "x.yaml:13:5: devices.1: value 'foo': must be a mapping, `key: value` each\n"
                "x.yaml:14:8: radio: value '5': must be a mapping, `key: value` each\n"
                "x.yaml:15:19: testbed.listen: value 'x': must be a ZeroMQ address: "
                "tcp://HOST:PORT or ipc://PATH\n"
                "x.yaml:15:22: testbed.foo: unknown key: allowed are time_scale, compute, link, "
                "netem, peer_timeout, listen, trace_rounds\n"
                "x.yaml:1:1: model: missing: required: either `file`, or the model itself "
                "(`name`, `input`, `layers`)\n");
}

static void model_and_devices_are_required(void **state)
{
    (void)state;
    must_refuse(TINY_MODEL, NULL,
                "x.yaml:1:1: devices: missing: required: a list of groups of like devices; clock, "
                "cycles_per_flop, max_power, distance and memory may be drawn for each device\n");
    must_refuse("", NULL,
                "x.yaml:1:1: no value: must be a mapping of sections (model, devices, ...)\n");
    must_refuse(
        "- 3\n", NULL,
        "x.yaml:1:1: value is a list: must be a mapping of sections (model, devices, ...)\n");
    must_refuse(
        TINY_MODEL "devices: {count: 3}\n", NULL,
        "x.yaml:6:10: devices: value is a mapping: must be a list of 1 to 100000 groups, `- "
        "{name: pi, count: 5}` each\n");
}

static void a_default_no_choice_any_more_is_told(void **state)
{
    (void)state;
    static const char *const policies[] = {"greedy", NULL};
    struct experiment_choices choices = {NULL, policies};
    struct experiment e;
    struct strbuf errors = STRBUF_INIT;
    write_bytes("x.yaml", TINY, strlen(TINY));
    assert_int_equal(experiment_load(&e, "x.yaml", NULL, 0, &choices, &errors), -1);
    assert_string_equal(errors.text,
                        "default: scheduler.policy: default value 'auto': must be one of greedy\n");
    strbuf_release(&errors);
    assert_int_equal(experiment_load(&e, "x.yaml", NULL, 0, NULL, &errors), 0);
    experiment_release(&e);
}

static void device_names_differ(void **state)
{
    (void)state;
    struct experiment e;
    must_load(&e, TINY_MODEL "devices: [{}, {name: pi}, {count: 2}, {name: pi4, count: 2}]\n",
              NULL);
    static const char *const names[] = {"device-0", "pi", "device-1", "device-2", "pi4-0", "pi4-1"};
    assert_int_equal(e.n_devices, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_string_equal(e.devices[i].name, names[i]);
    experiment_release(&e);
    must_refuse(TINY_MODEL "devices:\n  - name: pi\n  - name: pi\n", NULL,
                "x.yaml:7:3: devices: two devices are named 'pi': names must differ\n");
    must_refuse(TINY_MODEL "devices: [{name: a, count: 2}, {name: a-1}]\n", NULL,
                "x.yaml:6:10: devices: two devices are named 'a-1': names must differ\n");
}

static void totals_are_limited(void **state)
{
    (void)state;
    must_refuse(TINY_MODEL "devices: [{name: a, count: 60000}, {name: b, count: 60000}]\n", NULL,
                "x.yaml:6:10: devices: 120000 devices in all: at most 100000 are taken\n");
    must_refuse(
        TINY_MODEL "devices: [{count: 5000}]\nradio: {subchannels: 5000, fading: rayleigh}\n", NULL,
        "x.yaml:7:22: radio.subchannels: value '5000': 5000 devices times 5000 subchannels "
        "must be at most 20000000 with fading or a table of gains\n");
}

static void cuts_are_layers_before_the_last(void **state)
{
    (void)state;
    must_refuse(
        TINY "scheduler:\n  cuts: [a, b, c, a]\n", NULL,
        "x.yaml:8:13: scheduler.cuts.1: value 'b': must be a layer before the last of model "
        "'model': a\n"
        "x.yaml:8:16: scheduler.cuts.2: value 'c': must be a layer before the last of model "
        "'model': a\n"
        "x.yaml:8:19: scheduler.cuts.3: value 'a' is there twice\n");
    must_refuse("model: {input: [4], layers: [relu: ]}\ndevices: [{count: 1}]\n", NULL,
                "x.yaml:1:8: model: a model of one layer cannot be split: at least 2 are wanted\n");
}

static void draws_repeat_and_stay_in_range(void **state)
{
    (void)state;
    static const char text[] = TINY_MODEL "devices:\n  - count: 50\n"
                                          "    clock: uniform(1 GHz, 1.6 GHz)\n"
                                          "    distance: disc(200 m)\n"
                                          "    max_power: normal(20 dBm, 50 mW)\n";
    struct experiment a, b, c;
    must_load(&a, text, NULL);
    must_load(&b, text, NULL);
    must_load(&c, text, "experiment.seed=2");
    for (int i = 0; i < 50; i++) {
        const struct experiment_device *x = &a.devices[i], *y = &b.devices[i];
        assert_true(x->clock_hz == y->clock_hz && x->distance_m == y->distance_m);
        assert_true(x->max_power_w == y->max_power_w && x->max_power_w > 0);
        assert_true(x->clock_hz != c.devices[i].clock_hz);
        assert_true(x->clock_hz >= 1e9 && x->clock_hz <= 1.6e9);
        assert_true(x->distance_m > 0 && x->distance_m <= 200);
    }
    experiment_release(&a);
    experiment_release(&b);
    experiment_release(&c);
}

static void the_draws_do_not_depend_on_where_the_seed_stands(void **state)
{
    (void)state;
    struct experiment a, b;
    must_load(&a, TINY_MODEL "experiment: {seed: 9}\ndevices: [{clock: 'uniform(1, 2)'}]\n", NULL);
    must_load(&b, TINY_MODEL "devices: [{clock: 'uniform(1, 2)'}]\nexperiment: {seed: 9}\n", NULL);
    assert_true(a.devices[0].clock_hz == b.devices[0].clock_hz);
    experiment_release(&a);
    experiment_release(&b);
}

static void a_further_device_group_or_key_changes_no_other_draw(void **state)
{
    (void)state;
    struct experiment a, b;
    must_load(&a, TINY_MODEL "devices: [{name: pi, count: 3, clock: 'uniform(1, 2)'}]\n", NULL);
    must_load(&b,
              TINY_MODEL "devices: [{name: x, distance: 'disc(3)'}, {name: pi, count: 4, distance: "
                         "'disc(3)', clock: 'uniform(1, 2)'}]\n",
              NULL);
    for (int i = 0; i < 3; i++)
        assert_true(a.devices[i].clock_hz == b.devices[i + 1].clock_hz);
    experiment_release(&a);
    experiment_release(&b);
}

static void impossible_draws_are_told(void **state)
{
    (void)state;
    must_refuse(TINY_MODEL "devices:\n  - {count: 3, distance: 'normal(-9 km, 1 m)'}\n", NULL,
                "x.yaml:7:26: devices.0.distance: value 'normal(-9 km, 1 m)': 1000 draws in a row "
                "were not in (0, 1000000] m\n");
}

/* Load, print, load the print, print: twice the same, and the numbers bit for bit. */
static void round_trip(const char *path)
{
    struct experiment a, b;
    struct strbuf errors = STRBUF_INIT, first = STRBUF_INIT, second = STRBUF_INIT;
    if (load_file(&a, path, NULL, NULL, &errors))
        fail_msg("%s", errors.text);
    experiment_print(&a, &first);
    must_load(&b, first.text, NULL);
    experiment_print(&b, &second);
    assert_string_equal(first.text, second.text);
    assert_int_equal(a.n_devices, b.n_devices);
    for (int i = 0; i < a.n_devices; i++)
        assert_memory_equal(&a.devices[i].clock_hz, &b.devices[i].clock_hz,
                            sizeof a.devices[i] - offsetof(struct experiment_device, clock_hz));
    assert_true(a.radio.noise_psd_w_per_hz == b.radio.noise_psd_w_per_hz);
    assert_true(a.radio.total_power_w == b.radio.total_power_w);
    experiment_release(&a);
    experiment_release(&b);
    strbuf_release(&first);
    strbuf_release(&second);
}

static void keys_of_data_that_do_not_go_together_are_told(void **state)
{
    (void)state;
    must_refuse(
        TINY "data: {partition: local, format: synthetic}\n", NULL,
        "x.yaml:7:19: data.partition: value 'local': data of the format synthetic are in no "
        "folder\n");
    must_refuse(TINY "data: {crop_padding: 4,\n  flip: horizontal}\n", NULL,
                "x.yaml:7:22: data.crop_padding: value '4': only images are cropped, model 'model' "
                "takes 4\n"
                "x.yaml:8:9: data.flip: value 'horizontal': only images are flipped, model 'model' "
                "takes 4\n");
}

static void weights_to_start_from_are_found_beside_the_experiment(void **state)
{
    (void)state;
    static const char text[] = "model:\n  weights: some where.safetensors\n  input: [4]\n"
                               "  layers: [linear: {name: a, out_features: 3}, linear: {name: b, "
                               "out_features: 2}]\ndevices: [{count: 2}]\n";
    struct experiment e;
    must_load(&e, TINY, NULL);
    assert_null(e.weights);
    experiment_release(&e);
    must_refuse(text, NULL,
                "x.yaml:2:12: model.weights: some where.safetensors: No such file or directory\n");
    write_bytes("some where.safetensors", "", 0);
    must_load(&e, text, NULL);
    char *path = mem_format("%s/some where.safetensors", load_folder);
    assert_string_equal(e.weights, path);
    free(path);
    experiment_release(&e);
    round_trip("x.yaml");
    unlink("some where.safetensors");
}

static void every_experiment_in_the_tree_survives_being_printed(void **state)
{
    (void)state;
    char *folder = mem_format("%s/configs/experiments", load_root);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".yaml") != 0)
            continue;
        char *path = mem_format("%s/%s", folder, entry->d_name);
        round_trip(path);
        free(path);
        n++;
    }
    assert_true(n >= 2);
    closedir(dir);
    free(folder);
}

static void what_is_native_takes_the_walls_time(void **state)
{
    (void)state;
    static const char *const testbeds[] = {"time_scale: 3, compute: native",
                                           "time_scale: auto, link: native", "time_scale: 3"};
    static const double scales[] = {1, 1, 3};
    for (size_t i = 0; i < ARRAY_LEN(testbeds); i++) {
        struct experiment e;
        char *text = mem_format("%sdevices: [{name: a}]\ntestbed: {%s}\n", TINY_MODEL, testbeds[i]);
        must_load(&e, text, NULL);
        assert_true(e.testbed.time_scale == scales[i]);
        experiment_release(&e);
        free(text);
    }
}

static void awkward_texts_survive_being_printed(void **state)
{
    (void)state;
    static const char text[] = "experiment: {name: 'true', seed: 18446744073709551615}\n" TINY_MODEL
                               "devices: [{name: '007', distance: 'disc(0.1)'}]\n"
                               "data: {dir: 'a: \"b\" #\\c \xc3\xa4'}\n"
                               "scheduler: {cuts: [a], gap: 0.1}\n"
                               "testbed: {time_scale: auto, listen: 'ipc:///tmp/a b'}\n";
    write_bytes("x.yaml", text, strlen(text));
    round_trip("x.yaml");
    struct experiment e;
    struct strbuf out = STRBUF_INIT;
    must_load(&e, text, NULL);
    experiment_print(&e, &out);
    experiment_release(&e);
    must_load(&e, out.text, NULL);
    assert_string_equal(e.name, "true");
    assert_true(e.seed == UINT64_MAX);
    assert_string_equal(e.testbed.link, "modelled");
    assert_string_equal(e.data.dir, "a: \"b\" #\\c \xc3\xa4");
    assert_string_equal(e.devices[0].name, "007");
    assert_true(e.testbed.time_scale == 0);
    assert_string_equal(e.scheduler.cuts[0], "a");
    experiment_release(&e);
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minimal_file_gets_every_default),
        cmocka_unit_test(quantities_arrive_in_si),
        cmocka_unit_test(all_errors_of_a_file_come_at_once_in_its_order),
        cmocka_unit_test(model_and_devices_are_required),
        cmocka_unit_test(a_default_no_choice_any_more_is_told),
        cmocka_unit_test(device_names_differ),
        cmocka_unit_test(totals_are_limited),
        cmocka_unit_test(cuts_are_layers_before_the_last),
        cmocka_unit_test(draws_repeat_and_stay_in_range),
        cmocka_unit_test(the_draws_do_not_depend_on_where_the_seed_stands),
        cmocka_unit_test(a_further_device_group_or_key_changes_no_other_draw),
        cmocka_unit_test(impossible_draws_are_told),
        cmocka_unit_test(keys_of_data_that_do_not_go_together_are_told),
        cmocka_unit_test(weights_to_start_from_are_found_beside_the_experiment),
        cmocka_unit_test(every_experiment_in_the_tree_survives_being_printed),
        cmocka_unit_test(what_is_native_takes_the_walls_time),
        cmocka_unit_test(awkward_texts_survive_being_printed),
    };
    return cmocka_run_group_tests(tests, load_setup, load_teardown);
}
