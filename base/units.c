/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/units.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct unit {
    const char *symbol;
    enum dimension dimension;
    double factor; /* SI value of one; for decibels the SI value of 0 dB */
    bool is_db;
};

/* Per dimension: the SI unit first, then the order in which unit_format tries them. */
static const struct unit units[] = {
    {"%", DIM_NONE, 0.01, false},       {"Hz", DIM_FREQUENCY, 1, false},
    {"kHz", DIM_FREQUENCY, 1e3, false}, {"MHz", DIM_FREQUENCY, 1e6, false},
    {"GHz", DIM_FREQUENCY, 1e9, false}, {"s", DIM_TIME, 1, false},
    {"us", DIM_TIME, 1e-6, false},      {"ms", DIM_TIME, 1e-3, false},
    {"min", DIM_TIME, 60, false},       {"h", DIM_TIME, 3600, false},
    {"m", DIM_LENGTH, 1, false},        {"cm", DIM_LENGTH, 1e-2, false},
    {"km", DIM_LENGTH, 1e3, false},     {"W", DIM_POWER, 1, false},
    {"mW", DIM_POWER, 1e-3, false},     {"uW", DIM_POWER, 1e-6, false},
    {"dBm", DIM_POWER, 1e-3, true},     {"dBW", DIM_POWER, 1, true},
    {"W/Hz", DIM_PSD, 1, false},        {"mW/Hz", DIM_PSD, 1e-3, false},
    {"W/MHz", DIM_PSD, 1e-6, false},    {"dBm/Hz", DIM_PSD, 1e-3, true},
    {"dBW/Hz", DIM_PSD, 1, true},       {"dB", DIM_GAIN, 1, true},
    {"dBi", DIM_GAIN, 1, true},         {"bit/s", DIM_RATE, 1, false},
    {"kbit/s", DIM_RATE, 1e3, false},   {"Mbit/s", DIM_RATE, 1e6, false},
    {"Gbit/s", DIM_RATE, 1e9, false},   {"B", DIM_SIZE, 1, false},
    {"kB", DIM_SIZE, 1e3, false},       {"MB", DIM_SIZE, 1e6, false},
    {"GB", DIM_SIZE, 1e9, false},       {"KiB", DIM_SIZE, 1024, false},
    {"MiB", DIM_SIZE, 1048576, false},  {"GiB", DIM_SIZE, 1073741824, false},
    {"m/s", DIM_SPEED, 1, false},       {"km/h", DIM_SPEED, 1 / 3.6, false},
};

static const struct {
    const char *noun, *symbol, *choices;
} dimensions[] = {
    [DIM_NONE] = {"a number", "", "a bare number, %"},
    [DIM_FREQUENCY] = {"a frequency", "Hz", "Hz, kHz, MHz, GHz"},
    [DIM_TIME] = {"a time", "s", "us, ms, s, min, h"},
    [DIM_LENGTH] = {"a length", "m", "cm, m, km"},
    [DIM_POWER] = {"a power", "W", "W, mW, uW, dBm, dBW"},
    [DIM_PSD] = {"a power spectral density", "W/Hz", "W/Hz, mW/Hz, W/MHz, dBm/Hz, dBW/Hz"},
    [DIM_GAIN] = {"a gain", "", "a bare ratio, dB, dBi"},
    [DIM_RATE] = {"a rate", "bit/s", "bit/s, kbit/s, Mbit/s, Gbit/s"},
    [DIM_SIZE] = {"a size", "B", "B, kB, MB, GB, KiB, MiB, GiB"},
    [DIM_SPEED] = {"a speed", "m/s", "m/s, km/h"},
};

/* The C locale; the object lives as long as the program. */
static locale_t point_locale(void)
{
    static locale_t c_locale;
    locale_t now = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);
    if (!now) {
        locale_t made = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        if (__atomic_compare_exchange_n(&c_locale, &now, made, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            now = made;
        else
            freelocale(made);
    }
    return now;
}

/* The number that `text` starts with, and what follows it; NULL when there is none. */
static const char *leading_number(const char *text, double *value)
{
    const char *digits = text + strspn(text, "+-");
    if (!isdigit((unsigned char)*digits) && *digits != '.')
        return NULL; /* neither "nan" nor "inf" */
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X'))
        return NULL; /* strtod would take hexadecimal */
    char *end;
    *value = strtod_l(text, &end, point_locale());
    return end == text || !isfinite(*value) ? NULL : end;
}

int number_parse(const char *text, double *value, struct err *err)
{
    double read;
    const char *rest = leading_number(text, &read);
    if (!rest || *rest)
        return err_set(err, "'%s': a number is wanted", text);
    *value = read;
    return 0;
}

char *number_format(double value, char buf[NUMBER_TEXT_BYTES])
{
    locale_t callers = uselocale(point_locale());
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buf, NUMBER_TEXT_BYTES, "%.*g", digits, value);
        if (strtod(buf, NULL) == value)
            break;
    }
    if (strchr(buf, 'e') && fabs(value) < 1e7 && value == floor(value))
        snprintf(buf, NUMBER_TEXT_BYTES, "%.0f", value); /* 1000 rather than 1e+03 */
    uselocale(callers);
    return buf;
}

static const struct unit *find_unit(const char *symbol, enum dimension dimension)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (units[i].dimension == dimension && strcmp(units[i].symbol, symbol) == 0)
            return &units[i];
    return NULL;
}

int unit_parse(const char *text, enum dimension dimension, double *si, struct err *err)
{
    double value;
    const char *rest = leading_number(text, &value);
    if (!rest)
        return err_set(err, "'%s': %s is wanted: a number and a unit of %s", text,
                       dimensions[dimension].noun, dimensions[dimension].choices);
    rest += strspn(rest, " ");
    if (!*rest) {
        *si = value;
        return 0;
    }
    const struct unit *unit = find_unit(rest, dimension);
    if (!unit)
        return err_set(err, "'%s': %s is wanted: %s", text, dimensions[dimension].noun,
                       dimensions[dimension].choices);
    double read = unit->is_db ? unit->factor * pow(10, value / 10) : unit->factor * value;
    if (!isfinite(read))
        return err_set(err, "'%s': too large", text);
    *si = read;
    return 0;
}

const char *unit_noun(enum dimension dimension)
{
    return dimensions[dimension].noun;
}

const char *unit_symbol(enum dimension dimension)
{
    return dimensions[dimension].symbol;
}

const char *unit_choices(enum dimension dimension)
{
    return dimensions[dimension].choices;
}

/* The largest unit that keeps the number at 1 or above; powers and gains in decibels. */
static const struct unit *best_unit(double si, enum dimension dimension)
{
    const struct unit *best = NULL;
    bool wants_db = dimension == DIM_POWER || dimension == DIM_PSD || dimension == DIM_GAIN;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        const struct unit *u = &units[i];
        if (u->dimension != dimension || dimension == DIM_NONE)
            continue;
        if (wants_db) {
            if (u->is_db && si > 0)
                return u;
        } else if (!best || (fabs(si) >= u->factor && u->factor > best->factor) ||
                   (fabs(si) < best->factor && u->factor < best->factor)) {
            best = u;
        }
    }
    return best;
}

char *unit_format(double si, enum dimension dimension, char *buf, unsigned long n)
{
    const struct unit *u = best_unit(si, dimension);
    if (!u)
        snprintf(buf, n, "%.4g", si);
    else
        snprintf(buf, n, "%.4g %s", u->is_db ? 10 * log10(si / u->factor) : si / u->factor,
                 u->symbol);
    return buf;
}
