/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Heap memory that is there or ends the program: a small allocation that fails leaves nothing sensible
 * to do. Sizes that come from outside (files, wire, YAML) are bounded by their readers before they get
 * here; arenas of many megabytes are asked for with malloc and refused with an err instead.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* n x size bytes, zeroed; never NULL (n x size == 0 gives a pointer to free). Aborts on overflow. */
void *mem_zero(size_t n, size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1, 2)));

/* Grows or shrinks an array to n x size bytes, as realloc; new bytes are not set. */
void *mem_resize(void *p, size_t n, size_t size) __attribute__((returns_nonnull));

/* Room for one more element in a growing array of `n` with room for `*capacity`. */
void *mem_grow(void *p, size_t n, size_t *capacity, size_t size) __attribute__((returns_nonnull));

/* A copy of n bytes, of a string. */
void *mem_copy(const void *p, size_t n) __attribute__((returns_nonnull));
char *mem_string(const char *s) __attribute__((returns_nonnull));

/* A formatted string, to be freed. */
char *mem_format(const char *format, ...) __attribute__((returns_nonnull, format(printf, 1, 2)));

#endif
