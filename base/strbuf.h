/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A string that grows: lists of errors, tables, YAML and CSV text. Always ends in NUL; `text` is never
 * NULL after the first append and belongs to the buffer.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stddef.h>

struct strbuf {
    char *text; /* NULL while nothing was appended */
    size_t n;   /* bytes without the NUL */
    size_t capacity;
};

#define STRBUF_INIT                                                                                \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

void strbuf_add(struct strbuf *s, const char *text, size_t n);
void strbuf_addf(struct strbuf *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_release(struct strbuf *s);

#endif
