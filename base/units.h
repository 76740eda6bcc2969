/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Quantities with units, as a person writes them in an experiment file: "10 MHz", "31.76 dBm",
 * "-174 dBm/Hz", "200 m", "30 ms", "0.5 %". Read into SI, whatever the locale; a bare number is SI.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include "base/err.h"

enum dimension {
    DIM_NONE,      /* a pure number; "%" divides by 100 */
    DIM_FREQUENCY, /* Hz (also clock rates in cycles/s) */
    DIM_TIME,      /* s */
    DIM_LENGTH,    /* m */
    DIM_POWER,     /* W; dBm, dBW, mW */
    DIM_PSD,       /* W/Hz; dBm/Hz, dBW/Hz, mW/Hz, W/MHz */
    DIM_GAIN,      /* linear power ratio; dB, dBi */
    DIM_RATE,      /* bit/s */
    DIM_SIZE,      /* bytes; kB = 1000, KiB = 1024 */
    DIM_SPEED,     /* m/s; km/h */
};

/* The number alone: the whole of `text`, finite, with a decimal point in any locale. */
int number_parse(const char *text, double *value, struct err *err);

/*
 * Number and unit into SI. The error names the units allowed for the dimension:
 * "'10 MHz': a power is wanted: W, mW, uW, dBm, dBW".
 */
int unit_parse(const char *text, enum dimension dimension, double *si, struct err *err);

/*
 * The shortest text, of at most 17 digits, that number_parse() reads back as the very same double, with a
 * decimal point in any locale: for files. Finite values; NUMBER_TEXT_BYTES are enough. Returns buf.
 */
#define NUMBER_TEXT_BYTES 32
char *number_format(double value, char buf[NUMBER_TEXT_BYTES]);

/* What a dimension is called in messages ("a frequency"). */
const char *unit_noun(enum dimension dimension);

/* The SI unit's symbol ("Hz"), "" for none; the units accepted for a dimension ("Hz, kHz, MHz, GHz"). */
const char *unit_symbol(enum dimension dimension);
const char *unit_choices(enum dimension dimension);

/* A short human form, "10 MHz", "31.8 dBm", into buf; returns buf. For tables, not for round trips. */
char *unit_format(double si, enum dimension dimension, char *buf, unsigned long n);

#endif
