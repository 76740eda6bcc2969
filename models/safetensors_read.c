/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/mem.h"
#include "models/safetensors_impl.h"

struct safetensors {
    char *path;
    FILE *stream;
    json_t *header;
    uint64_t data_start, data_bytes; /* in the file */
    struct safetensors_entry *entries;
    size_t n;
};

const struct safetensors_dtype *safetensors_dtype(const char *name)
{
    static const struct safetensors_dtype rows[] = {
        {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2},
        {"I8", 1},  {"U64", 8}, {"U32", 4}, {"U16", 2},  {"U8", 1},  {"BOOL", 1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

static int open_stream(struct safetensors *file, uint64_t *size, struct err *err)
{
    struct stat info;
    file->stream = fopen(file->path, "rb");
    if (!file->stream || fstat(fileno(file->stream), &info) != 0)
        return err_set_errno(err, "%s", file->path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, "%s: is no file", file->path);
    *size = (uint64_t)info.st_size;
    return 0;
}

/* The length of the header, then the header as text; NULL on failure. */
static char *read_header(struct safetensors *file, uint64_t size, uint64_t *length, struct err *err)
{
    uint8_t bytes[8];
    if (fread(bytes, 1, sizeof bytes, file->stream) != sizeof bytes) {
        err_set(err, "%s: ends within the 8 bytes of the header's length", file->path);
        return NULL;
    }
    *length = 0;
    for (int i = 7; i >= 0; i--)
        *length = *length << 8 | bytes[i];
    if (*length > SAFETENSORS_MAX_HEADER) {
        err_set(err, "%s: says its header has %llu bytes: allowed are at most %llu", file->path,
                (unsigned long long)*length, (unsigned long long)SAFETENSORS_MAX_HEADER);
        return NULL;
    }
    if (*length > size - sizeof bytes) {
        err_set(err, "%s: says its header has %llu bytes, more than are in the file", file->path,
                (unsigned long long)*length);
        return NULL;
    }
    char *text = mem_resize(NULL, *length + 1, 1);
    if (fread(text, 1, *length, file->stream) == *length)
        return text;
    err_set(err, "%s: ends within the header", file->path);
    free(text);
    return NULL;
}

static int parse_header(struct safetensors *file, uint64_t size, struct err *err)
{
    uint64_t length;
    json_error_t error;
    char *text = read_header(file, size, &length, err);
    if (!text)
        return -1;
    file->header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (!file->header)
        return err_set(err, "%s: header: %s (byte %d)", file->path, error.text, error.position);
    if (!json_is_object(file->header))
        return err_set(err, "%s: header: a JSON object is wanted", file->path);
    file->data_start = 8 + length;
    file->data_bytes = size - file->data_start;
    return 0;
}

static int parse_shape(struct safetensors_entry *entry, const json_t *shape, struct err *err)
{
    size_t n = json_array_size(shape);
    if (!json_is_array(shape) || n > SAFETENSORS_MAX_DIMS)
        return err_set(err, "shape: a list of at most %d numbers is wanted", SAFETENSORS_MAX_DIMS);
    entry->n_dims = (int)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(shape, i);
        if (!json_is_integer(item) || json_integer_value(item) < 0)
            return err_set(err, "shape: dimension %zu: a whole number from 0 is wanted", i);
        entry->dim[i] = json_integer_value(item);
    }
    return 0;
}

static int parse_offsets(struct safetensors_entry *entry, const json_t *offsets,
                         uint64_t data_bytes, struct err *err)
{
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return err_set(err, "data_offsets: two whole numbers are wanted");
    json_int_t from = json_integer_value(begin), to = json_integer_value(end);
    if (from < 0 || from > to || (uint64_t)to > data_bytes)
        return err_set(err, "data_offsets [%lld, %lld]: the file holds bytes 0 to %llu",
                       (long long)from, (long long)to, (unsigned long long)data_bytes);
    entry->begin = (uint64_t)from;
    entry->end = (uint64_t)to;
    return 0;
}

/* Its bytes are as many as its shape says. */
static int check_bytes(const struct safetensors_entry *entry, int item_bytes, struct err *err)
{
    uint64_t bytes = (uint64_t)item_bytes;
    for (int i = 0; i < entry->n_dims; i++) {
        if (__builtin_mul_overflow(bytes, (uint64_t)entry->dim[i], &bytes))
            return err_set(err, "shape: more numbers than can be counted");
    }
    if (bytes != entry->end - entry->begin)
        return err_set(err, "data_offsets give it %llu bytes, dtype and shape %llu",
                       (unsigned long long)(entry->end - entry->begin), (unsigned long long)bytes);
    return 0;
}

static int parse_entry(struct safetensors_entry *entry, const char *name, const json_t *value,
                       uint64_t data_bytes, struct err *err)
{
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    const struct safetensors_dtype *row = dtype ? safetensors_dtype(dtype) : NULL;
    snprintf(entry->name, sizeof entry->name, "%s", name);
    if (!json_is_object(value) || !dtype)
        return err_set(err, "an object with dtype, shape and data_offsets is wanted");
    if (!row)
        return err_set(err, "dtype '%.16s' is not known", dtype);
    entry->dtype = row->name;
    return parse_shape(entry, json_object_get(value, "shape"), err) ||
                   parse_offsets(entry, json_object_get(value, "data_offsets"), data_bytes, err) ||
                   check_bytes(entry, row->bytes, err)
               ? -1
               : 0;
}

static int check_metadata(const struct safetensors *file, const json_t *value, struct err *err)
{
    const char *key;
    json_t *item;
    bool is_good = json_is_object(value);
    json_object_foreach((json_t *)(uintptr_t)value, key, item) is_good &= json_is_string(item);
    return is_good ? 0 : err_set(err, "%s: __metadata__: an object of texts is wanted", file->path);
}

static int parse_entries(struct safetensors *file, struct err *err)
{
    const char *name;
    json_t *value;
    size_t most = json_object_size(file->header);
    if (most > SAFETENSORS_MAX_TENSORS)
        return err_set(err, "%s: %zu tensors: allowed are at most %d", file->path, most,
                       SAFETENSORS_MAX_TENSORS);
    file->entries = mem_zero(most, sizeof *file->entries);
    json_object_foreach(file->header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0) {
            if (check_metadata(file, value, err))
                return -1;
            continue;
        }
        if (strlen(name) >= SAFETENSORS_MAX_NAME)
            return err_set(err, "%s: tensor '%.64s...': a name of more than %d bytes", file->path,
                           name, SAFETENSORS_MAX_NAME - 1);
        if (parse_entry(&file->entries[file->n++], name, value, file->data_bytes, err))
            return err_prefix(err, "%s: tensor '%s'", file->path, name);
    }
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct safetensors_entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Sorts the entries; one ends where the next begins, the last at the end of the file. */
static int check_places(struct safetensors *file, struct err *err)
{
    uint64_t end = 0;
    qsort(file->entries, file->n, sizeof *file->entries, by_place);
    for (size_t i = 0; i < file->n; i++) {
        const struct safetensors_entry *entry = &file->entries[i];
        if (entry->begin < end)
            return err_set(err, "%s: tensor '%s': its bytes overlap those of '%s'", file->path,
                           entry->name, file->entries[i - 1].name);
        if (entry->begin > end)
            return err_set(err, "%s: tensor '%s': %llu bytes before it belong to none", file->path,
                           entry->name, (unsigned long long)(entry->begin - end));
        end = entry->end;
    }
    if (end != file->data_bytes)
        return err_set(err, "%s: its last %llu bytes belong to no tensor", file->path,
                       (unsigned long long)(file->data_bytes - end));
    return 0;
}

struct safetensors *safetensors_open(const char *path, struct err *err)
{
    struct safetensors *file = mem_zero(1, sizeof *file);
    uint64_t size = 0;
    file->path = mem_string(path);
    if (open_stream(file, &size, err) || parse_header(file, size, err) ||
        parse_entries(file, err) || check_places(file, err)) {
        safetensors_close(file);
        return NULL;
    }
    return file;
}

void safetensors_close(struct safetensors *file)
{
    if (!file)
        return;
    if (file->stream)
        fclose(file->stream);
    json_decref(file->header);
    free(file->entries);
    free(file->path);
    free(file);
}

size_t safetensors_n(const struct safetensors *file)
{
    return file->n;
}

const struct safetensors_entry *safetensors_at(const struct safetensors *file, size_t i)
{
    return &file->entries[i];
}

const struct safetensors_entry *safetensors_find(const struct safetensors *file, const char *name)
{
    for (size_t i = 0; i < file->n; i++) {
        if (strcmp(file->entries[i].name, name) == 0)
            return &file->entries[i];
    }
    return NULL;
}

const char *safetensors_metadata(const struct safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

int safetensors_read(struct safetensors *file, const struct safetensors_entry *entry, void *to,
                     struct err *err)
{
    size_t n = (size_t)(entry->end - entry->begin);
    if (fseeko(file->stream, (off_t)(file->data_start + entry->begin), SEEK_SET) != 0)
        return err_set_errno(err, "tensor '%s'", entry->name);
    if (fread(to, 1, n, file->stream) != n)
        return err_set(err, "tensor '%s': the file ends within it", entry->name);
    return 0;
}
