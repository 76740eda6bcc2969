/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *have(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return p;
}

static size_t product(size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        have(NULL);
    return n == 0 || size == 0 ? 1 : n * size;
}

void *mem_zero(size_t n, size_t size)
{
    return have(calloc(1, product(n, size)));
}

void *mem_resize(void *p, size_t n, size_t size)
{
    return have(realloc(p, product(n, size)));
}

void *mem_grow(void *p, size_t n, size_t *capacity, size_t size)
{
    if (p && n < *capacity)
        return p;
    *capacity = n < 8 ? 8 : 2 * n;
    return mem_resize(p, *capacity, size);
}

void *mem_copy(const void *p, size_t n)
{
    void *copy = mem_resize(NULL, n, 1);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

char *mem_string(const char *s)
{
    return mem_copy(s, strlen(s) + 1);
}

char *mem_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int n = vasprintf(&text, format, args);
    va_end(args);
    return have(n < 0 ? NULL : text);
}
