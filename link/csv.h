/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A CSV file from outside, read line by line with limits on everything: gain tables, positions,
 * traces, outages.
 *
 * The first line that counts names the columns, the others have as many fields; blank lines and
 * lines that begin with '#' are skipped, blanks around fields too. There is no quoting. A
 * UTF-8 byte order mark at the start of the file is passed over. Whatever is
 * wrong is said as "path:line: what".
 *
 *     if (csv_open(&csv, path, err)) return -1;
 *     while ((status = csv_next(&csv, err)) > 0) ...csv.field[i]...
 *     csv_close(&csv);
 */
#ifndef LINK_CSV_H
#define LINK_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

#define CSV_LINE_BYTES 1024
#define CSV_MAX_FIELDS 8
#define CSV_MAX_ROWS   4000000

struct csv {
    const char *path; /* borrowed */
    FILE *file;
    size_t line;                /* of the fields; from 1 */
    size_t n_rows;              /* read so far, without the one that names the columns */
    int n_columns;              /* 0: a file without names */
    char names[CSV_LINE_BYTES]; /* the columns as written, "device,gain_db" without blanks */
    char text[CSV_LINE_BYTES];
    char *field[CSV_MAX_FIELDS]; /* into text */
    int n_fields;
};

/* A regular file whose first line names the columns. */
int csv_open(struct csv *csv, const char *path, struct err *err);
/* One whose lines are all rows (packet-delivery traces). */
int csv_open_bare(struct csv *csv, const char *path, struct err *err);
void csv_close(struct csv *csv); /* fine after a failed open */

/* Whether the columns are just these, "device,gain_db". */
bool csv_has_columns(const struct csv *csv, const char *names);

/* 1: a row is in csv->field; 0: the end; -1. */
int csv_next(struct csv *csv, struct err *err);

/*
 * Field i as a finite number in [min, max]; `what` names it: "time_s 'x': must be a number in [0,
 * 1e+09]".
 */
int csv_number(const struct csv *csv, int i, const char *what, double min, double max,
               double *value, struct err *err);

/* "path:line: " and the text. Returns -1. */
int csv_error(const struct csv *csv, struct err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
