/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"

static void set_formats_and_returns_minus_one(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(err_set(&err, "layer %d: %s", 3, "odd"), -1);
    assert_string_equal(err.text, "layer 3: odd");
}

static void set_errno_adds_what_the_system_said(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    errno = ENOENT;
    assert_int_equal(err_set_errno(&err, "cannot open '%s'", "x"), -1);
    assert_string_equal(err.text, "cannot open 'x': No such file or directory");
}

static void prefixes_stack_up_from_the_inside(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    err_set(&err, "too hot");
    err_prefix(&err, "sensor %d", 2);
    assert_int_equal(err_prefix(&err, "device pi-03"), -1);
    assert_string_equal(err.text, "device pi-03: sensor 2: too hot");
}

static void long_text_is_cut_not_overrun(void **state)
{
    (void)state;
    struct {
        struct err err;
        char guard[16];
    } s;
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memset(s.guard, '#', sizeof s.guard);
    err_set(&s.err, "%s", text);
    assert_int_equal(strlen(s.err.text), sizeof s.err.text - 1);
    err_prefix(&s.err, "%s", text);
    errno = EIO;
    err_set_errno(&s.err, "%s", text);
    assert_int_equal(strlen(s.err.text), sizeof s.err.text - 1);
    for (size_t i = 0; i < sizeof s.guard; i++)
        assert_int_equal(s.guard[i], '#');
}

static void no_err_is_wanted_by_some(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, "x"), -1);
    assert_int_equal(err_set_errno(NULL, "x"), -1);
    assert_int_equal(err_prefix(NULL, "x"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_formats_and_returns_minus_one),
        cmocka_unit_test(set_errno_adds_what_the_system_said),
        cmocka_unit_test(prefixes_stack_up_from_the_inside),
        cmocka_unit_test(long_text_is_cut_not_overrun),
        cmocka_unit_test(no_err_is_wanted_by_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
