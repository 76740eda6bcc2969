/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_copy.h"

enum { N_BYTES = 200000 }; /* several times what is read at once, and no multiple */

static void write_bytes(const char *path, int seed)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < N_BYTES; i++)
        fputc((i * 7 + i / 256 + seed) & 255, file);
    assert_int_equal(fclose(file), 0);
}

static void assert_bytes(const char *path, int seed)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (int i = 0; i < N_BYTES; i++)
        assert_int_equal(fgetc(file), (i * 7 + i / 256 + seed) & 255);
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
}

static void a_copy_holds_the_same_bytes(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    write_bytes("a", 1);
    write_bytes("b", 2);
    assert_int_equal(file_copy("a", "b", &err), 0);
    assert_bytes("a", 1);
    assert_bytes("b", 1);
    assert_int_equal(file_copy("b", "b", &err), 0);
    assert_bytes("b", 1);
}

static void a_copy_that_fails_leaves_what_was_there(void **state)
{
    (void)state;
    static const char *const sources[] = {"nothing", "."};
    write_bytes("b", 2);
    for (size_t i = 0; i < 2; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(file_copy(sources[i], "b", &err), -1);
        assert_non_null(strstr(err.text, sources[i]));
        assert_bytes("b", 2);
        assert_int_equal(access("b.part", F_OK), -1);
    }
    struct err err = ERR_INIT;
    assert_int_equal(file_copy("b", "no/folder", &err), -1);
    assert_non_null(strstr(err.text, "'no/folder': No such file or directory"));
}

static char dir[] = "/tmp/splitbed-test-copy-XXXXXX";

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) ? chdir(dir) : -1;
}

static int teardown(void **state)
{
    (void)state;
    unlink("a");
    unlink("b");
    return chdir("/") || rmdir(dir) ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_holds_the_same_bytes),
        cmocka_unit_test(a_copy_that_fails_leaves_what_was_there),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
