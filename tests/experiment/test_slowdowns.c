/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Factors over time, from files that may be wrong in every way. */
#include "tests/experiment/load_text.h"

#include "experiment/slowdowns.h"

static void the_factor_is_that_of_the_last_row_that_has_begun(void **state)
{
    (void)state;
    static const struct {
        double at_s, factor;
    } rows[] = {{0, 1},     {9.999, 1}, {10, 1.5}, {19.9, 1.5},
                {20, 0.25}, {29, 0.25}, {30, 1},   {1e300, 1}};
    static const char text[] = "# hot, then cool\nat_s, factor\n10,1.5\n\n20, 0.25\n30,1\n";
    struct slowdown slowdown;
    struct err err = ERR_INIT;
    write_bytes("s.csv", text, strlen(text));
    if (slowdown_load(&slowdown, "s.csv", &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(slowdown_factor(&slowdown, rows[i].at_s) == rows[i].factor);
    slowdown_release(&slowdown);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "s.csv: empty: the first line must name the columns"},
        {"at_s,factor\n", "s.csv:1: there are no rows"},
        {"time_s,factor\n1,2\n", "s.csv:1: the columns must be at_s,factor"},
        {"at_s,factor\n1\n", "s.csv:2: "},
        {"at_s,factor\n0,1\n-1,2\n", "s.csv:3: at_s '-1': must be a number in [0, 1e+09]"},
        {"at_s,factor\n0,0\n", "s.csv:2: factor '0': must be a number in [0.001, 1e+06]"},
        {"at_s,factor\n0,nan\n", "s.csv:2: factor 'nan': must be a number in [0.001, 1e+06]"},
        {"at_s,factor\n0,1e7\n", "s.csv:2: factor '1e7': must be a number in [0.001, 1e+06]"},
        {"at_s,factor\n5,2\n#\n5,3\n", "s.csv:4: at_s '5': must be later than the row before"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct slowdown slowdown;
        struct err err = ERR_INIT;
        write_bytes("s.csv", rows[i].text, strlen(rows[i].text));
        assert_int_equal(slowdown_load(&slowdown, "s.csv", &err), -1);
        if (strncmp(err.text, rows[i].message, strlen(rows[i].message)))
            fail_msg("'%s' where '%s' was wanted", err.text, rows[i].message);
    }
}

static void every_device_has_its_own_or_none(void **state)
{
    (void)state;
    static const char one[] = "at_s,factor\n1,2\n", other[] = "at_s,factor\n1,3\n";
    static const char text[] = TINY_MODEL "devices: [{count: 2, slowdown: s.csv}, {name: b}, "
                                          "{name: c, slowdown: t.csv}, {name: d, slowdown: s.csv}]";
    static const double wanted[] = {2, 2, 1, 3, 2};
    struct experiment e;
    write_bytes("s.csv", one, strlen(one));
    write_bytes("t.csv", other, strlen(other));
    must_load(&e, text, NULL);
    struct slowdowns *slowdowns = slowdowns_new(&e, NULL);
    assert_non_null(slowdowns);
    assert_false(slowdowns_are_none(slowdowns));
    for (int i = 0; i < 5; i++) {
        assert_true(slowdowns_factor(slowdowns, i, 0.5) == 1);
        assert_true(slowdowns_factor(slowdowns, i, 1) == wanted[i]);
    }
    slowdowns_free(slowdowns);
    unlink("t.csv"); /* gone since it was looked into */
    struct err err = ERR_INIT;
    assert_null(slowdowns_new(&e, &err));
    assert_non_null(strstr(err.text, "device c: slowdown: "));
    assert_non_null(strstr(err.text, "t.csv: No such file or directory"));
    experiment_release(&e);
}

static int teardown(void **state)
{
    unlink("s.csv");
    return load_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_factor_is_that_of_the_last_row_that_has_begun),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(every_device_has_its_own_or_none),
    };
    return cmocka_run_group_tests(tests, load_setup, teardown);
}
