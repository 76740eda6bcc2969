/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void reserve(struct strbuf *s, size_t extra)
{
    if (s->text && s->n + extra + 1 <= s->capacity)
        return;
    s->capacity = 2 * (s->n + extra + 1);
    s->text = mem_resize(s->text, s->capacity, 1);
    s->text[s->n] = '\0';
}

void strbuf_add(struct strbuf *s, const char *text, size_t n)
{
    reserve(s, n);
    if (n)
        memcpy(s->text + s->n, text, n);
    s->n += n;
    s->text[s->n] = '\0';
}

void strbuf_addf(struct strbuf *s, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    reserve(s, 0); /* "" too: text is not NULL afterwards */
    size_t room = s->capacity - s->n;
    int n = vsnprintf(s->text + s->n, room, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n >= room) { /* tables of millions of numbers are not formatted twice */
        reserve(s, (size_t)n);
        vsnprintf(s->text + s->n, (size_t)n + 1, format, again);
    }
    s->n += n >= 0 ? (size_t)n : 0;
    s->text[s->n] = '\0';
    va_end(again);
}

void strbuf_release(struct strbuf *s)
{
    free(s->text);
    *s = (struct strbuf)STRBUF_INIT;
}
