/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a result folder does not copy, or copies once; tests/e2e/test_result_folder.c has that it stands alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "testbed/run_inputs.h"

#define N_DEVICES 4

static char dir[] = "/tmp/splitbed-test-inputs-XXXXXX";

static char *in_dir(const char *name)
{
    return mem_format("%s/%s", dir, name);
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct experiment experiment_of(void)
{
    struct experiment e = {.n_devices = N_DEVICES};
    e.devices = mem_zero(N_DEVICES, sizeof *e.devices);
    for (int i = 0; i < N_DEVICES; i++)
        e.devices[i].name = mem_format("d%d", i);
    e.radio.gains = mem_string(RADIO_NO_FILE);
    e.radio.positions = mem_string(RADIO_NO_FILE);
    e.radio.trace = mem_string(RADIO_NO_FILE);
    e.radio.outages = mem_string(RADIO_NO_FILE);
    e.data.dir = mem_string("/nowhere/at all");
    return e;
}

static void assert_in_dir(const char *path, const char *name)
{
    char *wanted = in_dir(name);
    assert_string_equal(path, wanted);
    free(wanted);
}

static void without_files_there_is_no_folder(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct experiment e = experiment_of();
    assert_int_equal(run_inputs_copy(&e, dir, &err), 0);
    assert_int_equal(access("inputs", F_OK), -1);
    assert_string_equal(e.data.dir, "/nowhere/at all");
    assert_string_equal(e.radio.gains, RADIO_NO_FILE);
    experiment_release(&e);
}

static void like_devices_share_a_copy(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct experiment e = experiment_of();
    write_text("one", "1");
    write_text("two", "2");
    e.devices[0].slowdown = in_dir("one");
    e.devices[1].slowdown = in_dir("one");
    e.devices[3].slowdown = in_dir("two");
    assert_int_equal(run_inputs_copy(&e, dir, &err), 0);
    assert_in_dir(e.devices[0].slowdown, "inputs/d0.slowdown.csv");
    assert_in_dir(e.devices[1].slowdown, "inputs/d0.slowdown.csv");
    assert_null(e.devices[2].slowdown);
    assert_in_dir(e.devices[3].slowdown, "inputs/d3.slowdown.csv");
    assert_int_equal(access("inputs/d1.slowdown.csv", F_OK), -1);
    unlink("one");
    assert_int_equal(run_inputs_copy(&e, dir, &err), 0); /* they are there */
    assert_in_dir(e.devices[1].slowdown, "inputs/d0.slowdown.csv");
    experiment_release(&e);
    unlink("two");
    unlink("inputs/d0.slowdown.csv");
    unlink("inputs/d3.slowdown.csv");
    assert_int_equal(rmdir("inputs"), 0);
}

static void large_weights_stay_where_they_are(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct experiment e = experiment_of();
    write_text("w", "");
    assert_int_equal(truncate("w", RUN_INPUTS_MAX_WEIGHTS_BYTES + 1L), 0); /* a hole */
    e.weights = in_dir("w");
    assert_int_equal(run_inputs_copy(&e, dir, &err), 0);
    assert_in_dir(e.weights, "w");
    assert_int_equal(access("inputs", F_OK), -1);
    experiment_release(&e);
    unlink("w");
}

static void a_file_that_has_gone_is_named(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct experiment e = experiment_of();
    free(e.radio.gains);
    e.radio.gains = in_dir("gone.csv");
    assert_int_equal(run_inputs_copy(&e, dir, &err), -1);
    assert_non_null(strstr(err.text, "gone.csv"));
    assert_non_null(strstr(err.text, "No such file or directory"));
    experiment_release(&e);
    assert_int_equal(rmdir("inputs"), 0);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) ? chdir(dir) : -1;
}

static int teardown(void **state)
{
    (void)state;
    return chdir("/") || rmdir(dir) ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_files_there_is_no_folder),
        cmocka_unit_test(like_devices_share_a_copy),
        cmocka_unit_test(large_weights_stay_where_they_are),
        cmocka_unit_test(a_file_that_has_gone_is_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
