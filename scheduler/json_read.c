/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/json_read.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "scheduler/problem_limits.h"

const char *json_type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

/* The value at `key`, or NULL with err when it is missing. */
json_t *json_want(const json_t *object, const char *path, const char *key, struct err *err)
{
    json_t *value = json_object_get(object, key);
    if (!value)
        err_set(err, "%s%s: missing", path, key);
    return value;
}

static int json_read_number(const json_t *value, const char *path, const char *key, double *number,
                            struct err *err)
{
    if (!json_is_number(value))
        return err_set(err, "%s%s: is %s, must be a number", path, key, json_type_name(value));
    *number = json_number_value(value);
    return 0;
}

int json_read_numbers(const json_t *object, const char *path, const struct number_keys *keys,
                      void *to, struct err *err)
{
    for (size_t i = 0; i < keys->n; i++) {
        json_t *value = json_object_get(object, keys->rows[i].key);
        if (!value && keys->rows[i].is_optional)
            continue;
        if (!(value = json_want(object, path, keys->rows[i].key, err)) ||
            json_read_number(value, path, keys->rows[i].key, number_at(to, &keys->rows[i]), err))
            return -1;
    }
    return 0;
}

int json_read_integer(const json_t *object, const char *path, const char *key, int *number,
                      struct err *err)
{
    json_t *value = json_want(object, path, key, err);
    double wide = 0;

    if (!value || json_read_number(value, path, key, &wide, err))
        return -1;
    if (!(fabs(wide) <= INT_MAX) || wide != floor(wide))
        return err_set(err, "%s%s: %g: must be a whole number below 2^31", path, key, wide);
    *number = (int)wide;
    return 0;
}

int json_read_name(const json_t *object, const char *path, char **name, struct err *err)
{
    json_t *value = json_want(object, path, "name", err);

    if (!value)
        return -1;
    if (!json_is_string(value))
        return err_set(err, "%sname: is %s, must be a string", path, json_type_name(value));
    *name = mem_string(json_string_value(value));
    return 0;
}

/* The array at `key` with 1 to max entries, or of exactly `n` when n > 0. */
static json_t *read_array(const json_t *object, const char *path, const char *key, size_t n,
                          const char *each, int max, struct err *err)
{
    json_t *array = json_want(object, path, key, err);
    struct strbuf full = STRBUF_INIT;
    int failed = !array;

    if (failed)
        return NULL;
    strbuf_addf(&full, "%s%s", path, key);
    if (!json_is_array(array))
        failed = err_set(err, "%s: is %s, must be an array", full.text, json_type_name(array));
    else if (n > 0 && json_array_size(array) != n)
        failed = err_set(err, "%s: %zu entries: must be %zu, one per %s", full.text,
                         json_array_size(array), n, each);
    else if (n == 0)
        failed = problem_check_count(
            full.text, json_array_size(array) > INT_MAX ? INT_MAX : (int)json_array_size(array),
            max, err);
    strbuf_release(&full);
    return failed ? NULL : array;
}

json_t *json_read_array(const json_t *object, const char *path, const char *key, int max,
                        struct err *err)
{
    return read_array(object, path, key, 0, "", max, err);
}

json_t *json_read_array_of(const json_t *object, const char *path, const char *key, size_t n,
                           const char *each, struct err *err)
{
    return read_array(object, path, key, n, each, 0, err);
}

/* Every key of `object` must be in one of the two lists; the error names those that are. */
int json_refuse_unknown(json_t *object, const char *path, const struct number_keys *numbers,
                        const char *const *others, struct err *err)
{
    void *iterator = json_object_iter(object);

    for (; iterator; iterator = json_object_iter_next(object, iterator)) {
        const char *key = json_object_iter_key(iterator);
        struct strbuf allowed = STRBUF_INIT;
        bool is_known = false;

        for (size_t i = 0; i < numbers->n; i++) {
            is_known |= !strcmp(key, numbers->rows[i].key);
            strbuf_addf(&allowed, "%s%s", allowed.n ? ", " : "", numbers->rows[i].key);
        }
        for (size_t i = 0; others[i]; i++) {
            is_known |= !strcmp(key, others[i]);
            strbuf_addf(&allowed, "%s%s", allowed.n ? ", " : "", others[i]);
        }
        if (!is_known)
            err_set(err, "%s%.40s: unknown key: allowed are %s", path, key, allowed.text);
        strbuf_release(&allowed);
        if (!is_known)
            return -1;
    }
    return 0;
}

int json_want_object(const json_t *value, const char *path, struct err *err)
{
    if (!json_is_object(value))
        return err_set(err, "%.*s: is %s, must be an object", (int)strlen(path) - 1, path,
                       json_type_name(value));
    return 0;
}

int json_read_list(const json_t *array, const char *path, const char *key, double *to,
                   struct err *err)
{
    for (size_t k = 0; k < json_array_size(array); k++) {
        char element[64];
        snprintf(element, sizeof element, "%s[%zu]", key, k);
        if (json_read_number(json_array_get(array, k), path, element, &to[k], err))
            return -1;
    }
    return 0;
}
