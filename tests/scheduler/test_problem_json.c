/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>
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

#include "base/strbuf.h"
#include "tests/scheduler/sample_problems.h"

static const char good[] =
    "{ \"batch_size\": 64, \"aggregation_ratio\": 0.5, \"noise_psd_w_per_hz\": 4e-21,"
    " \"downlink_psd_w_per_hz\": 1e-8, \"total_power_w\": 5, \"bandwidth_hz\": [1e7, 2e7],"
    " \"server\": {\"clock_hz\": 5e9, \"cycles_per_flop\": 0.03125},"
    " \"devices\": [{\"name\": \"a\", \"clock_hz\": 1e9, \"cycles_per_flop\": 0.0625,"
    " \"max_power_w\": 1.5, \"gain\": [1e-9, 0]}, {\"name\": \"b\", \"clock_hz\": 1.1e9,"
    " \"cycles_per_flop\": 0.0625, \"max_power_w\": 1.25, \"gain\": [1e-10, 2e-10]}],"
    " \"cuts\": [{\"name\": \"pool\", \"device_forward_flop\": 1, \"device_backward_flop\": 2,"
    " \"server_forward_flop\": 3, \"server_backward_flop\": 6, \"last_layer_backward_flop\": 4,"
    " \"activation_bits\": 32, \"gradient_bits\": 33}] }";

static char path[] = "/tmp/splitbed-problem-XXXXXX";

static int make_file(void **state)
{
    int file = mkstemp(path);
    (void)state;
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* `good` with the first `find` replaced, in the file. */
static void write_changed(const char *find, const char *replace)
{
    const char *at = strstr(good, find);
    FILE *file = fopen(path, "w");

    assert_non_null(at);
    assert_non_null(file);
    fprintf(file, "%.*s%s%s", (int)(at - good), good, replace, at + strlen(find));
    assert_int_equal(fclose(file), 0);
}

static void a_good_file_is_read(void **state)
{
    struct problem p;
    struct err err = ERR_INIT;

    (void)state;
    write_changed("{", "{");
    if (problem_load(&p, path, &err))
        fail_msg("%s", err.text);
    assert_int_equal(p.batch_size, 64);
    assert_true(p.aggregation_ratio == 0.5 && p.noise_psd_w_per_hz == 4e-21);
    assert_true(p.downlink_psd_w_per_hz == 1e-8 && p.total_power_w == 5);
    assert_int_equal(p.n_subchannels, 2);
    assert_true(p.bandwidth_hz[1] == 2e7);
    assert_true(p.server_clock_hz == 5e9 && p.server_cycles_per_flop == 0.03125);
    assert_int_equal(p.n_devices, 2);
    assert_string_equal(p.devices[1].name, "b");
    assert_true(p.devices[1].clock_hz == 1.1e9 && p.devices[1].max_power_w == 1.25);
    assert_true(p.devices[0].gain[1] == 0 && p.devices[1].gain[1] == 2e-10);
    assert_int_equal(p.n_cuts, 1);
    assert_string_equal(p.cuts[0].name, "pool");
    assert_int_equal(p.cuts[0].layer, 1); /* index + 1, when not said */
    assert_true(p.cuts[0].device_forward_flop == 1 && p.cuts[0].device_backward_flop == 2);
    assert_true(p.cuts[0].server_forward_flop == 3 && p.cuts[0].server_backward_flop == 6);
    assert_true(p.cuts[0].last_layer_backward_flop == 4 && p.cuts[0].activation_bits == 32);
    assert_true(p.cuts[0].gradient_bits == 33 && p.cuts[0].front_bits == 0);
    assert_false(p.takes_turns);
    problem_release(&p);
}

static void optional_keys_are_read(void **state)
{
    struct problem p;

    (void)state;
    write_changed("\"activation_bits\": 32",
                  "\"activation_bits\": 32, \"layer\": 7, \"front_bits\": 9, "
                  "\"device_memory_bytes\": 10, \"tail_memory_bytes\": 11");
    assert_int_equal(problem_load(&p, path, NULL), 0);
    assert_int_equal(p.cuts[0].layer, 7);
    assert_true(p.cuts[0].front_bits == 9 && p.cuts[0].device_memory_bytes == 10);
    assert_true(p.cuts[0].tail_memory_bytes == 11 && p.devices[1].memory_bytes == 0);
    problem_release(&p);
    write_changed("\"batch_size\"", "\"turns\": true, \"batch_size\"");
    assert_int_equal(problem_load(&p, path, NULL), 0);
    assert_true(p.takes_turns);
    problem_release(&p);
}

#define SERVER_KEYS "clock_hz, cycles_per_flop"
#define DEVICE_KEYS                                                                                \
    "clock_hz, cycles_per_flop, max_power_w, memory_bytes, slowdown, name, gain, "                 \
    "forward_s_per_sample, backward_s_per_sample"
#define PROBLEM_KEYS                                                                               \
    "aggregation_ratio, noise_psd_w_per_hz, downlink_psd_w_per_hz, total_power_w, shape, "         \
    "batch_size, turns, bandwidth_hz, server, devices, cuts"
#define CUT_KEYS                                                                                   \
    "device_forward_flop, device_backward_flop, server_forward_flop, server_backward_flop, "       \
    "last_layer_backward_flop, activation_bits, gradient_bits, front_bits, "                       \
    "device_memory_bytes, tail_memory_bytes, name, layer"

/* `good` with `find` replaced, and what is said of it behind the file's name. */
struct refused {
    const char *find, *replace, *message;
};

static void assert_refused(const struct refused *rows, size_t n)
{
    for (size_t r = 0; r < n; r++) {
        struct err err = ERR_INIT, wanted = ERR_INIT;
        struct problem p;
        write_changed(rows[r].find, rows[r].replace);
        assert_int_equal(problem_load(&p, path, &err), -1);
        err_set(&wanted, rows[r].message[0] == ':' ? "%s%s" : "%s: %s", path, rows[r].message);
        assert_string_equal(err.text, wanted.text);
    }
}

static void bad_numbers_of_the_cell_are_refused_with_the_path(void **state)
{
    static const struct refused rows[] = {
        {"\"batch_size\": 64", "\"batch_size\": 0", "batch_size: 0: must be 1 to 16777216"},
        {"\"batch_size\": 64", "\"batch_size\": 1.5",
         "batch_size: 1.5: must be a whole number below 2^31"},
        {"\"batch_size\": 64", "\"batch_size\": 1e300",
         "batch_size: 1e+300: must be a whole number below 2^31"},
        {"\"batch_size\": 64", "\"batch_size\": \"64\"",
         "batch_size: is a string, must be a number"},
        {"\"batch_size\": 64, ", "", "batch_size: missing"},
        {"\"batch_size\": 64", "\"batch_size\": 64, \"turns\": 1",
         "turns: is a number, must be true or false"},
        {"\"batch_size\"", "\"batchsize\"", "batchsize: unknown key: allowed are " PROBLEM_KEYS},
        {"0.5", "1.01", "aggregation_ratio: 1.01: must be 0 to 1"},
        {"0.5", "-0.1", "aggregation_ratio: -0.1: must be 0 to 1"},
        {"0.5", "null", "aggregation_ratio: is null, must be a number"},
        {"4e-21", "0", "noise_psd_w_per_hz: 0: must be > 0"},
        {"4e-21", "4e-41", "noise_psd_w_per_hz: 4e-41: must be between 1e-30 and 1e+30"},
        {"1e-8", "-1e-8", "downlink_psd_w_per_hz: -1e-08: must be > 0"},
        {"\"total_power_w\": 5", "\"total_power_w\": 0", "total_power_w: 0: must be > 0"},
        {"\"total_power_w\": 5", "\"total_power_w\": 1e31",
         "total_power_w: 1e+31: must be between 1e-30 and 1e+30"},
        {"[1e7, 2e7]", "[]", "bandwidth_hz: 0 entries: must be 1 to 100000"},
        {"[1e7, 2e7]", "1e7", "bandwidth_hz: is a number, must be an array"},
        {"[1e7, 2e7]", "[1e7, 0]", "bandwidth_hz[1]: 0: must be > 0"},
        {"[1e7, 2e7]", "[true, 0]", "bandwidth_hz[0]: is a boolean, must be a number"},
    };

    (void)state;
    assert_refused(rows, ARRAY_LEN(rows));
}

static void a_bad_server_is_refused_with_the_path(void **state)
{
    static const struct refused rows[] = {
        {"{\"clock_hz\": 5e9", "{\"clock_hz\": 0", "server.clock_hz: 0: must be > 0"},
        {"\"cycles_per_flop\": 0.03125", "\"cycles_per_flop\": -1",
         "server.cycles_per_flop: -1: must be > 0"},
        {"{\"clock_hz\": 5e9, ", "{", "server.clock_hz: missing"},
        {"{\"clock_hz\": 5e9, ", "{\"clock\": 1, ",
         "server.clock: unknown key: allowed are " SERVER_KEYS},
        {"{\"clock_hz\": 5e9, \"cycles_per_flop\": 0.03125}", "[]",
         "server: is an array, must be an object"},
    };

    (void)state;
    assert_refused(rows, ARRAY_LEN(rows));
}

static void bad_devices_are_refused_with_the_path(void **state)
{
    static const struct refused rows[] = {
        {"[{\"name\": \"a\"", "[{\"name\": 1", "devices[0].name: is a number, must be a string"},
        {"[{\"name\": \"a\"", "[{\"name\": \"\"", "devices[0].name: '': must not be empty"},
        {"[{\"name\": \"a\"", "[{\"name\": \"b\"", "devices: two are named 'b'"},
        {"[{\"name\": \"a\"", "[{\"name\": \"a\\n\"",
         "devices[0].name: holds the control character 10"},
        {"[{\"name\": \"a\"", "[{\"id\": \"a\"",
         "devices[0].id: unknown key: allowed are " DEVICE_KEYS},
        {"[{\"name\": \"a\"", "[7, {\"name\": \"a\"", "devices[0]: is a number, must be an object"},
        {"\"clock_hz\": 1.1e9", "\"clock_hz\": 0", "devices[1].clock_hz: 0: must be > 0"},
        {"\"max_power_w\": 1.25", "\"max_power_w\": -2", "devices[1].max_power_w: -2: must be > 0"},
        {"\"cycles_per_flop\": 0.0625", "\"cycles_per_flop\": 0",
         "devices[0].cycles_per_flop: 0: must be > 0"},
        {"[1e-10, 2e-10]", "[1e-10, -1]", "devices[1].gain[1]: -1: must be >= 0"},
        {"[1e-10, 2e-10]", "[1e-10, 1e31]", "devices[1].gain[1]: 1e+31: must be at most 1e+30"},
        {"[1e-10, 2e-10]", "[1e-10]", "devices[1].gain: 1 entries: must be 2, one per subchannel"},
        {"[1e-10, 2e-10]", "[1e-10, \"x\"]", "devices[1].gain[1]: is a string, must be a number"},
        {"\"max_power_w\": 1.25", "\"max_power_w\": 1.25, \"memory_bytes\": -1",
         "devices[1].memory_bytes: -1: must be >= 0"},
    };

    (void)state;
    assert_refused(rows, ARRAY_LEN(rows));
}

static void bad_cuts_are_refused_with_the_path(void **state)
{
    static const struct refused rows[] = {
        {"\"name\": \"pool\"", "\"name\": \"\"", "cuts[0].name: '': must not be empty"},
        {"\"device_forward_flop\": 1", "\"device_forward_flop\": -1",
         "cuts[0].device_forward_flop: -1: must be >= 0"},
        {"\"device_backward_flop\": 2", "\"device_backward_flop\": -1",
         "cuts[0].device_backward_flop: -1: must be >= 0"},
        {"\"server_forward_flop\": 3", "\"server_forward_flop\": -1",
         "cuts[0].server_forward_flop: -1: must be >= 0"},
        {"\"server_backward_flop\": 6", "\"server_backward_flop\": -1",
         "cuts[0].server_backward_flop: -1: must be >= 0"},
        {"\"last_layer_backward_flop\": 4", "\"last_layer_backward_flop\": 7",
         "cuts[0].last_layer_backward_flop: 7: must be at most server_backward_flop, 6"},
        {"\"last_layer_backward_flop\": 4", "\"last_layer_backward_flop\": -4",
         "cuts[0].last_layer_backward_flop: -4: must be >= 0"},
        {"\"activation_bits\": 32", "\"activation_bits\": -1",
         "cuts[0].activation_bits: -1: must be >= 0"},
        {"\"gradient_bits\": 33", "\"gradient_bits\": -1",
         "cuts[0].gradient_bits: -1: must be >= 0"},
        {"\"gradient_bits\": 33", "\"gradient_bits\": 33, \"front_bits\": -1",
         "cuts[0].front_bits: -1: must be >= 0"},
        {"\"gradient_bits\": 33", "\"gradient_bits\": 33, \"device_memory_bytes\": -1",
         "cuts[0].device_memory_bytes: -1: must be >= 0"},
        {"\"max_power_w\": 1.25", "\"max_power_w\": 1.25, \"memory_bytes\": 1",
         "cuts[0].device_memory_bytes: must be there and > 0: devices[1] has memory_bytes"},
        {"\"gradient_bits\": 33", "\"gradient_bits\": 33, \"layer\": 513",
         "cuts[0].layer: 513: must be 0 to 512"},
        {"\"gradient_bits\": 33", "\"gradient_bits\": 33, \"psi\": 1",
         "cuts[0].psi: unknown key: allowed are " CUT_KEYS},
        {", \"gradient_bits\": 33", "", "cuts[0].gradient_bits: missing"},
    };

    (void)state;
    assert_refused(rows, ARRAY_LEN(rows));
}

static void what_is_no_json_is_refused_with_line_and_column(void **state)
{
    static const struct refused rows[] = {
        {"\"gain\": [1e-10, 2e-10]", "\"max_power_w\": 1",
         ":1:415: duplicate object key near '\"max_power_w\"'"},
        {"{ \"batch_size\"", "[] { \"batch_size\"", ":1:4: end of file expected near '{'"},
        {"0.5", "1e999", ":1:46: real number overflow near '1e999'"},
        {"0.5", "NaN", ":1:44: invalid token near 'NaN'"},
    };

    (void)state;
    assert_refused(rows, ARRAY_LEN(rows));
}

static void a_file_that_is_no_object_or_not_there_is_refused(void **state)
{
    struct err err = ERR_INIT;
    struct problem p;
    FILE *file = fopen(path, "w");

    (void)state;
    fputs("[1]", file);
    fclose(file);
    assert_int_equal(problem_load(&p, path, &err), -1);
    assert_string_equal(err.text + strlen(path), ": is an array, must be an object");
    assert_int_equal(problem_load(&p, "/nonexistent/problem.json", &err), -1);
    assert_string_equal(err.text,
                        "unable to open /nonexistent/problem.json: No such file or directory");
}

static void nan_in_a_built_problem_is_refused(void **state)
{
    struct err err = ERR_INIT;
    struct problem p;

    (void)state;
    sample_problem_init(&p, 3, 4, 2, 0.5);
    assert_int_equal(problem_check(&p, &err), 0);
    p.devices[2].gain[3] = (double)NAN;
    assert_int_equal(problem_check(&p, &err), -1);
    assert_non_null(strstr(err.text, "devices[2].gain[3]: "));
    p.devices[2].gain[3] = HUGE_VAL;
    assert_int_equal(problem_check(&p, &err), -1);
    assert_string_equal(err.text, "devices[2].gain[3]: inf: must be at most 1e+30");
    problem_release(&p);
}

static void assert_same(const struct problem *a, const struct problem *b)
{
    assert_int_equal(a->batch_size, b->batch_size);
    assert_int_equal(a->takes_turns, b->takes_turns);
    assert_true(a->aggregation_ratio == b->aggregation_ratio);
    assert_true(a->noise_psd_w_per_hz == b->noise_psd_w_per_hz);
    assert_int_equal(a->n_devices, b->n_devices);
    assert_int_equal(a->n_subchannels, b->n_subchannels);
    assert_int_equal(a->n_cuts, b->n_cuts);
    assert_memory_equal(a->bandwidth_hz, b->bandwidth_hz,
                        (size_t)a->n_subchannels * sizeof(double));
    for (int i = 0; i < a->n_devices; i++) {
        assert_string_equal(a->devices[i].name, b->devices[i].name);
        assert_true(a->devices[i].clock_hz == b->devices[i].clock_hz);
        assert_true(a->devices[i].memory_bytes == b->devices[i].memory_bytes);
        assert_memory_equal(a->devices[i].gain, b->devices[i].gain,
                            (size_t)a->n_subchannels * sizeof(double));
    }
    for (int j = 0; j < a->n_cuts; j++) {
        assert_string_equal(a->cuts[j].name, b->cuts[j].name);
        assert_int_equal(a->cuts[j].layer, b->cuts[j].layer);
        assert_true(a->cuts[j].device_forward_flop == b->cuts[j].device_forward_flop);
        assert_true(a->cuts[j].front_bits == b->cuts[j].front_bits);
        assert_true(a->cuts[j].device_memory_bytes == b->cuts[j].device_memory_bytes);
    }
}

static void a_saved_problem_loads_to_the_same_bits_in_any_locale(void **state)
{
    struct problem saved, loaded;
    struct err err = ERR_INIT;

    (void)state;
    (void)setlocale(LC_ALL, "de_DE.UTF-8"); /* where it is installed */
    random_problem(&saved, 11, 4, 7, RESNET18_CUTS, 1.0 / 3);
    saved.takes_turns = true;
    saved.cuts[3].layer = 12;
    saved.devices[2].memory_bytes = 1e9 / 3;
    for (int j = 0; j < RESNET18_CUTS; j++)
        saved.cuts[j].device_memory_bytes = 1e6 / 7 * (j + 1);
    assert_int_equal(problem_save(&saved, path, &err), 0);
    if (problem_load(&loaded, path, &err))
        fail_msg("%s", err.text);
    assert_same(&saved, &loaded);
    problem_release(&saved);
    problem_release(&loaded);
    (void)setlocale(LC_ALL, "C");
}

static void a_file_that_cannot_be_written_is_an_error(void **state)
{
    struct problem p;
    struct err err = ERR_INIT;

    (void)state;
    sample_problem_init(&p, 1, 1, 1, 0);
    assert_int_equal(problem_save(&p, "/nonexistent/p.json", &err), -1);
    assert_string_equal(err.text,
                        "/nonexistent/p.json: cannot be written: No such file or directory");
    problem_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_read),
        cmocka_unit_test(optional_keys_are_read),
        cmocka_unit_test(bad_numbers_of_the_cell_are_refused_with_the_path),
        cmocka_unit_test(a_bad_server_is_refused_with_the_path),
        cmocka_unit_test(bad_devices_are_refused_with_the_path),
        cmocka_unit_test(bad_cuts_are_refused_with_the_path),
        cmocka_unit_test(what_is_no_json_is_refused_with_line_and_column),
        cmocka_unit_test(a_file_that_is_no_object_or_not_there_is_refused),
        cmocka_unit_test(nan_in_a_built_problem_is_refused),
        cmocka_unit_test(a_saved_problem_loads_to_the_same_bits_in_any_locale),
        cmocka_unit_test(a_file_that_cannot_be_written_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
