/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading values out of parsed JSON with errors that say where: `path` is what stands before the
 * key, as in "devices[3].", and is empty at the top. 0, or -1 (NULL) with err. Used by
 * problem_load.c; ranges are problem_check()'s business.
 */
#ifndef SCHEDULER_JSON_READ_H
#define SCHEDULER_JSON_READ_H

#include <jansson.h>

#include "base/err.h"
#include "scheduler/problem_keys.h"

/* "an object", "a number", ... for messages. */
const char *json_type_name(const json_t *value);

/* The value at `key`, borrowed from the object; missing is an error. */
json_t *json_want(const json_t *object, const char *path, const char *key, struct err *err);

/* Whether `value`, at `path` with a dot behind it, is an object. */
int json_want_object(const json_t *value, const char *path, struct err *err);

/* Every key of `object` must be in one of the two lists (`others` ends with NULL); the error names
 * them. */
int json_refuse_unknown(json_t *object, const char *path, const struct number_keys *numbers,
                        const char *const *others, struct err *err);

/* The numbers of a table into the struct at `to`; optional ones may be missing. */
int json_read_numbers(const json_t *object, const char *path, const struct number_keys *keys,
                      void *to, struct err *err);
int json_read_integer(const json_t *object, const char *path, const char *key, int *number,
                      struct err *err);

/* The string at "name"; to be freed. */
int json_read_name(const json_t *object, const char *path, char **name, struct err *err);

/* The array at `key` with 1 to max entries; or of exactly n > 0, "one per `each`". Borrowed. */
json_t *json_read_array(const json_t *object, const char *path, const char *key, int max,
                        struct err *err);
json_t *json_read_array_of(const json_t *object, const char *path, const char *key, size_t n,
                           const char *each, struct err *err);

/* All numbers of an array into to[]. */
int json_read_list(const json_t *array, const char *path, const char *key, double *to,
                   struct err *err);

#endif
