/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/units.h"

static void reads_every_unit_into_si(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum dimension dimension;
        double si;
    } cases[] = {
        {"0.5", DIM_NONE, 0.5},
        {"50 %", DIM_NONE, 0.5},
        {"-1e-3", DIM_NONE, -1e-3},
        {".5", DIM_NONE, 0.5},
        {"10 MHz", DIM_FREQUENCY, 1e7},
        {"1.2GHz", DIM_FREQUENCY, 1.2e9},
        {"3 kHz", DIM_FREQUENCY, 3e3},
        {"7", DIM_FREQUENCY, 7},
        {"30 ms", DIM_TIME, 0.03},
        {"5 us", DIM_TIME, 5e-6},
        {"2 min", DIM_TIME, 120},
        {"1 h", DIM_TIME, 3600},
        {"200 m", DIM_LENGTH, 200},
        {"1.5 km", DIM_LENGTH, 1500},
        {"3 cm", DIM_LENGTH, 0.03},
        {"30 dBm", DIM_POWER, 1},
        {"0 dBW", DIM_POWER, 1},
        {"5 mW", DIM_POWER, 5e-3},
        {"5 uW", DIM_POWER, 5e-6},
        {"31.76 dBm", DIM_POWER, 1.4996848355023744},
        {"-174 dBm/Hz", DIM_PSD, 3.9810717055349695e-21},
        {"1 W/MHz", DIM_PSD, 1e-6},
        {"-200 dBW/Hz", DIM_PSD, 1e-20},
        {"2 mW/Hz", DIM_PSD, 2e-3},
        {"10 dB", DIM_GAIN, 10},
        {"3 dBi", DIM_GAIN, 1.9952623149688795},
        {"20 Mbit/s", DIM_RATE, 2e7},
        {"1 kB", DIM_SIZE, 1000},
        {"1 KiB", DIM_SIZE, 1024},
        {"2 GiB", DIM_SIZE, 2147483648.0},
        {"36 km/h", DIM_SPEED, 10},
        {"1.5 m/s", DIM_SPEED, 1.5},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double si = -1;
        struct err err = ERR_INIT;
        if (unit_parse(cases[i].text, cases[i].dimension, &si, &err))
            fail_msg("%s: %s", cases[i].text, err.text);
        if (!(fabs(si - cases[i].si) <= 1e-12 * fabs(cases[i].si)))
            fail_msg("%s: %g", cases[i].text, si);
    }
}

static void refuses_what_is_no_quantity_of_the_dimension(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum dimension dimension;
    } cases[] = {
        {"", DIM_NONE},          {" 1", DIM_NONE},
        {"x", DIM_NONE},         {"nan", DIM_NONE},
        {"inf", DIM_NONE},       {"-inf", DIM_NONE},
        {"1e999", DIM_NONE},     {"0x10", DIM_NONE},
        {"+-1", DIM_NONE},       {"1,5", DIM_NONE},
        {".", DIM_NONE},         {"1 %%", DIM_NONE},
        {"10 MHz", DIM_POWER},   {"10 mhz", DIM_FREQUENCY},
        {"10 M", DIM_FREQUENCY}, {"10 MHz x", DIM_FREQUENCY},
        {"3 dB", DIM_POWER},     {"3 dBm", DIM_GAIN},
        {"3 dBm", DIM_PSD},      {"5 kg", DIM_LENGTH},
        {"9999 dBm", DIM_POWER}, {"1e300 GHz", DIM_FREQUENCY},
        {"MHz", DIM_FREQUENCY},  {"1 MB", DIM_RATE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double si = 42;
        struct err err = ERR_INIT;
        if (unit_parse(cases[i].text, cases[i].dimension, &si, &err) == 0)
            fail_msg("'%s' was taken as %g", cases[i].text, si);
        assert_true(si == 42 && err.text[0]);
    }
}

static void the_error_names_value_and_units(void **state)
{
    (void)state;
    double si;
    struct err err = ERR_INIT;
    assert_int_equal(unit_parse("10 MHz", DIM_POWER, &si, &err), -1);
    assert_string_equal(err.text, "'10 MHz': a power is wanted: W, mW, uW, dBm, dBW");
    assert_int_equal(number_parse("ten", &si, &err), -1);
    assert_string_equal(err.text, "'ten': a number is wanted");
    assert_int_equal(number_parse("10 %", &si, NULL), -1);
}

static void numbers_survive_being_written_and_read(void **state)
{
    (void)state;
    static const double values[] = {0,
                                    1,
                                    -1,
                                    0.1,
                                    1.0 / 3,
                                    1e7,
                                    1.2e9,
                                    3.98e-21,
                                    DBL_MAX,
                                    DBL_MIN,
                                    DBL_TRUE_MIN,
                                    0.30000000000000004,
                                    9007199254740993.0};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char buf[NUMBER_TEXT_BYTES];
        double back;
        assert_int_equal(number_parse(number_format(values[i], buf), &back, NULL), 0);
        assert_memory_equal(&back, &values[i], sizeof back);
    }
}

static void numbers_are_written_no_longer_than_needed(void **state)
{
    (void)state;
    char buf[NUMBER_TEXT_BYTES];
    assert_string_equal(number_format(0.1, buf), "0.1");
    assert_string_equal(number_format(0.00015, buf), "0.00015");
    assert_string_equal(number_format(-1000, buf), "-1000");
    assert_string_equal(number_format(1e9, buf), "1e+09");
    assert_string_equal(number_format(-DBL_MAX, buf), "-1.7976931348623157e+308");
}

static void formats_for_tables(void **state)
{
    (void)state;
    static const struct {
        double si;
        enum dimension dimension;
        const char *text;
    } cases[] = {
        {1e7, DIM_FREQUENCY, "10 MHz"}, {1.5, DIM_POWER, "31.76 dBm"}, {0.03, DIM_TIME, "30 ms"},
        {0, DIM_TIME, "0 us"},          {5400, DIM_TIME, "1.5 h"},     {10, DIM_GAIN, "10 dB"},
        {200, DIM_LENGTH, "200 m"},     {0.25, DIM_NONE, "0.25"},      {0, DIM_POWER, "0"},
        {1e-8, DIM_PSD, "-50 dBm/Hz"},  {2e7, DIM_RATE, "20 Mbit/s"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buf[64];
        assert_string_equal(unit_format(cases[i].si, cases[i].dimension, buf, sizeof buf),
                            cases[i].text);
    }
}

static void every_dimension_has_its_words(void **state)
{
    (void)state;
    for (enum dimension d = DIM_NONE; d <= DIM_SIZE; d++) {
        assert_true(unit_noun(d)[0] && unit_choices(d)[0]);
        assert_non_null(strstr(unit_choices(d), unit_symbol(d)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_unit_into_si),
        cmocka_unit_test(refuses_what_is_no_quantity_of_the_dimension),
        cmocka_unit_test(the_error_names_value_and_units),
        cmocka_unit_test(numbers_survive_being_written_and_read),
        cmocka_unit_test(numbers_are_written_no_longer_than_needed),
        cmocka_unit_test(formats_for_tables),
        cmocka_unit_test(every_dimension_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
