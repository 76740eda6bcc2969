/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/csv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/units.h"

int csv_error(const struct csv *csv, struct err *err, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(err, "%.400s:%zu: %s", csv->path, csv->line, text);
}

/* A pipe or a device could keep a reader waiting for ever. */
static int open_regular(struct csv *csv, const char *path, struct err *err)
{
    struct stat status;

    *csv = (struct csv){.path = path};
    if (stat(path, &status))
        return err_set_errno(err, "%.400s", path);
    if (!S_ISREG(status.st_mode))
        return err_set(err, "%.400s: not a file", path);
    csv->file = fopen(path, "r");
    return csv->file ? 0 : err_set_errno(err, "%.400s", path);
}

static char *trimmed(char *text)
{
    size_t n;

    text += strspn(text, " \t\r");
    for (n = strlen(text); n > 0 && strchr(" \t\r", text[n - 1]); n--)
        text[n - 1] = '\0';
    return text;
}

static int split(struct csv *csv, char *rest, struct err *err)
{
    csv->n_fields = 0;
    while (rest) {
        char *comma = strchr(rest, ',');
        if (csv->n_fields == CSV_MAX_FIELDS)
            return csv_error(csv, err, "more than %d fields", CSV_MAX_FIELDS);
        if (comma)
            *comma = '\0';
        csv->field[csv->n_fields++] = trimmed(rest);
        rest = comma ? comma + 1 : NULL;
    }
    return 0;
}

/* Spreadsheets put a byte order mark before UTF-8. */
static char *after_mark(char *text)
{
    return strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
}

/* The next line that counts, split; as csv_next(). */
static int read_fields(struct csv *csv, struct err *err)
{
    for (;;) {
        errno = 0;
        if (!fgets(csv->text, sizeof csv->text, csv->file))
            return ferror(csv->file) ? err_set_errno(err, "%.400s", csv->path) : 0;
        size_t n = strlen(csv->text);
        bool is_whole = n > 0 && csv->text[n - 1] == '\n';
        csv->line++;
        if (!is_whole && !feof(csv->file))
            return csv_error(csv, err, "longer than %d bytes, or a zero byte in it",
                             CSV_LINE_BYTES - 2);
        if (is_whole)
            csv->text[n - 1] = '\0';
        char *start = trimmed(csv->line == 1 ? after_mark(csv->text) : csv->text);
        if (*start && *start != '#')
            return split(csv, start, err) ? -1 : 1;
    }
}

int csv_open_bare(struct csv *csv, const char *path, struct err *err)
{
    return open_regular(csv, path, err);
}

int csv_open(struct csv *csv, const char *path, struct err *err)
{
    int status = open_regular(csv, path, err) ? -1 : read_fields(csv, err);

    if (status == 0)
        status = err_set(err, "%.400s: empty: the first line must name the columns", path);
    if (status < 0) {
        csv_close(csv);
        return -1;
    }
    csv->n_columns = csv->n_fields;
    size_t n = 0;
    for (int i = 0; i < csv->n_fields; i++)
        n += (size_t)snprintf(csv->names + n, sizeof csv->names - n, "%s%s", i ? "," : "",
                              csv->field[i]);
    return 0;
}

void csv_close(struct csv *csv)
{
    if (csv->file)
        fclose(csv->file);
    csv->file = NULL;
}

bool csv_has_columns(const struct csv *csv, const char *names)
{
    return strcmp(csv->names, names) == 0;
}

int csv_next(struct csv *csv, struct err *err)
{
    int status = read_fields(csv, err);

    if (status <= 0)
        return status;
    if (csv->n_columns && csv->n_fields != csv->n_columns)
        return csv_error(csv, err, "%d fields, wanted are %d: %.200s", csv->n_fields,
                         csv->n_columns, csv->names);
    if (csv->n_rows == CSV_MAX_ROWS)
        return csv_error(csv, err, "more than %d rows", CSV_MAX_ROWS);
    csv->n_rows++;
    return 1;
}

int csv_number(const struct csv *csv, int i, const char *what, double min, double max,
               double *value, struct err *err)
{
    double read;

    if (number_parse(csv->field[i], &read, NULL) || !(read >= min && read <= max))
        return csv_error(csv, err, "%s '%.64s': must be a number in [%g, %g]", what, csv->field[i],
                         min, max);
    *value = read;
    return 0;
}
