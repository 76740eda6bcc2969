/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "experiment/complaints.h"

static void a_line_has_place_path_and_text(void **state)
{
    (void)state;
    struct strbuf out = STRBUF_INIT;
    struct complaints c = {&out, 0};
    struct key_path devices = {NULL, "devices", 0}, two = {&devices, NULL, 2};
    struct key_path clock = {&two, "clock", 0};
    struct place place = {"x.yaml", 7, 9}, set = {"--set a=1", 0, 0};
    complain(&c, &place, &clock, "value '%d'", 3);
    complain(&c, &set, NULL, "no");
    assert_string_equal(out.text, "x.yaml:7:9: devices.2.clock: value '3'\n--set a=1: no\n");
    assert_int_equal(c.n, 2);
    strbuf_release(&out);
}

static void control_characters_do_not_get_through(void **state)
{
    (void)state;
    struct strbuf out = STRBUF_INIT;
    struct complaints c = {&out, 0};
    struct place place = {"x\x1b[1m", 0, 0};
    complain(&c, &place, NULL, "a\nb\x7f");
    assert_string_equal(out.text, "x?[1m: a?b?\n");
    strbuf_release(&out);
}

static void a_flood_is_counted_not_written(void **state)
{
    (void)state;
    struct strbuf out = STRBUF_INIT;
    struct complaints c = {&out, 0};
    struct place place = {"x", 0, 0};
    for (int i = 0; i < COMPLAINTS_MAX + 5; i++)
        complain(&c, &place, NULL, "no");
    complaints_end(&c);
    size_t lines = 0;
    for (size_t i = 0; i < out.n; i++)
        lines += out.text[i] == '\n';
    assert_int_equal(lines, COMPLAINTS_MAX + 1);
    assert_non_null(strstr(out.text, "\n... and 5 more errors\n"));
    strbuf_release(&out);
}

static void long_values_are_cut_between_characters(void **state)
{
    (void)state;
    char text[400], buf[SHOWN_BYTES];
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = i % 2 ? '\xa4' : '\xc3'; /* a-umlaut in UTF-8 */
    text[sizeof text - 1] = '\0';
    shown(text, buf);
    assert_true(strlen(buf) < SHOWN_BYTES);
    assert_string_equal(buf + strlen(buf) - 5, "\xc3\xa4...");
    assert_string_equal(shown("short", buf), "short");
}

static void the_nearest_name_is_found(void **state)
{
    (void)state;
    static const char *const names[] = {"batch_size", "rounds", "momentum", "weight_decay", "gap"};
    static const struct {
        const char *wanted, *nearest;
    } cases[] = {
        {"batchsize", "batch_size"},
        {"bacth_size", "batch_size"},
        {"round", "rounds"},
        {"Momentum", "momentum"},
        {"weightdecay", "weight_decay"},
        {"gpa", "gap"},
        {"learning_rate", NULL},
        {"x", NULL},
        {"", NULL},
        {"rounds", "rounds"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct nearest nearest;
        nearest_init(&nearest, cases[i].wanted);
        for (size_t j = 0; j < ARRAY_LEN(names); j++)
            nearest_offer(&nearest, names[j]);
        if (!cases[i].nearest)
            assert_null(nearest.name);
        else
            assert_string_equal(nearest.name, cases[i].nearest);
    }
}

static void a_swap_counts_once(void **state)
{
    (void)state;
    struct nearest nearest;
    nearest_init(&nearest, "abcdefghi");
    nearest_offer(&nearest, "abdcefghi");
    assert_int_equal(nearest.distance, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_place_path_and_text),
        cmocka_unit_test(control_characters_do_not_get_through),
        cmocka_unit_test(a_flood_is_counted_not_written),
        cmocka_unit_test(long_values_are_cut_between_characters),
        cmocka_unit_test(the_nearest_name_is_found),
        cmocka_unit_test(a_swap_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
