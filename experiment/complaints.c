/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/complaints.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NEAREST_MAX_BYTES = 64 }; /* longer names are not compared */

static void add_path(struct strbuf *out, const struct key_path *path)
{
    if (!path)
        return;
    add_path(out, path->up);
    if (path->up)
        strbuf_addf(out, ".");
    char buf[SHOWN_BYTES];
    if (path->key)
        strbuf_addf(out, "%s", shown(path->key, buf));
    else
        strbuf_addf(out, "%zu", path->index);
}

static void add_place(struct strbuf *out, const struct place *place)
{
    if (place->line)
        strbuf_addf(out, "%s:%zu:%zu: ", place->source, place->line, place->column);
    else
        strbuf_addf(out, "%s: ", place->source);
}

static void blank_controls(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

void complain(struct complaints *c, const struct place *place, const struct key_path *path,
              const char *format, ...)
{
    if (++c->n > COMPLAINTS_MAX)
        return;
    size_t start = c->out->n;
    add_place(c->out, place);
    if (path) {
        add_path(c->out, path);
        strbuf_addf(c->out, ": ");
    }
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    strbuf_addf(c->out, "%s", text);
    blank_controls(c->out->text + start);
    strbuf_addf(c->out, "\n");
}

void complaints_end(struct complaints *c)
{
    if (c->n > COMPLAINTS_MAX)
        strbuf_addf(c->out, "... and %zu more errors\n", c->n - COMPLAINTS_MAX);
}

const char *shown(const char *text, char buf[SHOWN_BYTES])
{
    size_t n = strlen(text);
    if (n < SHOWN_BYTES)
        return memcpy(buf, text, n + 1);
    n = SHOWN_BYTES - 4;
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    memcpy(buf, text, n);
    strcpy(buf + n, "...");
    return buf;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edit distance in the restricted form of Damerau and Levenshtein, by three rows of its table. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    size_t rows[3][NEAREST_MAX_BYTES + 1];
    if (n > NEAREST_MAX_BYTES || m > NEAREST_MAX_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], above2[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

/* A third of the letters may be wrong: more, and the guess would be a riddle. */
void nearest_init(struct nearest *nearest, const char *wanted)
{
    *nearest = (struct nearest){wanted, NULL, strlen(wanted) / 3 + 2};
}

void nearest_offer(struct nearest *nearest, const char *name)
{
    size_t distance = edit_distance(nearest->wanted, name);
    if (distance >= nearest->distance || distance >= strlen(name))
        return;
    nearest->distance = distance;
    nearest->name = name;
}
