/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For tests that read files: a group runs in a folder of its own, so that messages hold short
 * names.
 */
#ifndef TESTS_LINK_TEMP_FILE_H
#define TESTS_LINK_TEMP_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"

static char temp_root[4096];
static char temp_folder[] = "/tmp/splitbed-test-link-XXXXXX";

static int temp_setup(void **state)
{
    (void)state;
    if (!getcwd(temp_root, sizeof temp_root) || !mkdtemp(temp_folder))
        return -1;
    return chdir(temp_folder);
}

static int temp_teardown(void **state)
{
    (void)state;
    unlink("x.csv");
    unlink("x.trace");
    unlink("y.csv");
    return chdir(temp_root) || rmdir(temp_folder) ? -1 : 0;
}

__attribute__((unused)) static void write_bytes(const char *name, const char *text, size_t n)
{
    unlink(name);
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

__attribute__((unused)) static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

#define assert_near(got, wanted, tolerance)                                                        \
    do {                                                                                           \
        double got_ = (got), wanted_ = (wanted);                                                   \
        if (!(fabs(got_ - wanted_) <= (tolerance)))                                                \
            fail_msg("%.17g is not %.17g", got_, wanted_);                                         \
    } while (0)

#endif
