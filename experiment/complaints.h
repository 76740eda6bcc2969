/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The errors of one experiment, gathered rather than stopped at: a line each, in the form
 * "file:line:column: key.path: what is wrong and what is allowed".
 *
 * Text from the file goes into the lines cut to a readable length and without control characters, and
 * after COMPLAINTS_MAX lines the rest are only counted, so that hostile input cannot flood a terminal.
 */
#ifndef EXPERIMENT_COMPLAINTS_H
#define EXPERIMENT_COMPLAINTS_H

#include <stddef.h>

#include "base/strbuf.h"

#define COMPLAINTS_MAX 100

/* Where a piece of text was read. */
struct place {
    const char *source;  /* a file's name, or "--set a.b=value"; borrowed, outlives its users */
    size_t line, column; /* from 1; line 0: the source is one line and needs no number */
};

/* A key path as a chain of stack frames: "devices" <- index 2 <- "clock" is devices.2.clock. */
struct key_path {
    const struct key_path *up; /* NULL at the top */
    const char *key;           /* NULL: the index counts */
    size_t index;
};

struct complaints {
    struct strbuf *out;
    size_t n; /* complaints made, also those not written */
};

/* `path` may be NULL. A control character in the formatted text becomes '?'. */
void complain(struct complaints *c, const struct place *place, const struct key_path *path,
              const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Says how many complaints were not written, if any. */
void complaints_end(struct complaints *c);

/* `text` for a message: at most SHOWN_BYTES - 1 bytes, cut between UTF-8 characters with "..." at the end. */
#define SHOWN_BYTES 72
const char *shown(const char *text, char buf[SHOWN_BYTES]);

/*
 * The nearest of several names to a misspelt one. Offer each; nearest.name is then the one with the least
 * edit distance (insert, delete, replace, swap of neighbours), NULL when none is near enough to mean it.
 */
struct nearest {
    const char *wanted, *name;
    size_t distance;
};
void nearest_init(struct nearest *nearest, const char *wanted);
void nearest_offer(struct nearest *nearest, const char *name); /* borrowed */

#endif
