/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/profile_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/strbuf.h"

#define MAX_SECONDS 1e9
#define MAX_NUMBER  1e30
#define MAX_BATCH   (1 << 24)
#define MAX_THREADS 65536
#define MAX_TEXT    200

enum type { TEXT, COUNT, NUMBER }; /* char *, int from 1, double from 0 */

struct key {
    const char *name;
    enum type type;
    size_t offset; /* in its struct */
    bool is_optional;
    double max;
};

struct keys {
    const struct key *rows;
    size_t n;
};

#define FILE_KEY(type, name, is_optional, max)                                                     \
    {                                                                                              \
#name, type, offsetof(struct profile_file, name), is_optional, max                         \
    }
#define ENTRY_KEY(type, name, is_optional, max)                                                    \
    {                                                                                              \
#name, type, offsetof(struct profile_entry, name), is_optional, max                        \
    }

static const struct key file_rows[] = {
    FILE_KEY(TEXT, model, false, MAX_TEXT),
    FILE_KEY(COUNT, batch_size, false, MAX_BATCH),
    FILE_KEY(COUNT, threads, false, MAX_THREADS),
    FILE_KEY(TEXT, instruction_set, true, MAX_TEXT),
    FILE_KEY(NUMBER, thread_peak_flop_per_s, true, MAX_NUMBER),
    FILE_KEY(NUMBER, peak_flop_per_s, true, MAX_NUMBER),
};
static const struct key entry_rows[] = {
    ENTRY_KEY(TEXT, name, false, MAX_TEXT),
    ENTRY_KEY(TEXT, kind, true, MAX_TEXT),
    ENTRY_KEY(TEXT, output, true, MAX_TEXT),
    ENTRY_KEY(NUMBER, forward_s, false, MAX_SECONDS),
    ENTRY_KEY(NUMBER, backward_s, false, MAX_SECONDS),
    ENTRY_KEY(NUMBER, forward_flop, true, MAX_NUMBER),
    ENTRY_KEY(NUMBER, backward_flop, true, MAX_NUMBER),
    ENTRY_KEY(NUMBER, n_params, true, MAX_NUMBER),
    ENTRY_KEY(NUMBER, activation_bytes, true, MAX_NUMBER),
    ENTRY_KEY(NUMBER, moved_bytes, true, MAX_NUMBER),
    ENTRY_KEY(NUMBER, front_weight_bytes, true, MAX_NUMBER),
    ENTRY_KEY(NUMBER, front_gradient_bytes, true, MAX_NUMBER),
    ENTRY_KEY(NUMBER, front_optimizer_bytes, true, MAX_NUMBER),
    ENTRY_KEY(NUMBER, front_tape_bytes, true, MAX_NUMBER),
    ENTRY_KEY(NUMBER, front_bytes, true, MAX_NUMBER),
};
static const struct keys file_keys = {file_rows, ARRAY_LEN(file_rows)};
static const struct keys entry_keys = {entry_rows, ARRAY_LEN(entry_rows)};

static const void *field_of(const void *object, const struct key *key)
{
    return (const char *)object + key->offset;
}

static int read_text(const json_t *value, const struct key *key, char **to, struct err *err)
{
    if (!json_is_string(value) || json_string_length(value) > (size_t)key->max)
        return err_set(err, "must be a text of at most %g bytes", key->max);
    *to = mem_string(json_string_value(value));
    return 0;
}

static int read_number(const json_t *value, const struct key *key, void *to, struct err *err)
{
    double number = json_number_value(value), min = key->type == COUNT;
    if (!json_is_number(value))
        return err_set(err, "must be a number");
    if (!(number >= min && number <= key->max) || (key->type == COUNT && number != floor(number)))
        return err_set(err, "%g: must be %s%g to %g", number,
                       key->type == COUNT ? "a whole number from " : "", min, key->max);
    if (key->type == COUNT)
        *(int *)to = (int)number;
    else
        *(double *)to = number;
    return 0;
}

static int read_key(const json_t *object, const struct key *key, void *to, struct err *err)
{
    const json_t *value = json_object_get(object, key->name);
    void *field = (char *)to + key->offset;
    if (!value)
        return key->is_optional ? 0 : err_set(err, "missing");
    return key->type == TEXT ? read_text(value, key, field, err)
                             : read_number(value, key, field, err);
}

static bool has_key(const struct keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->n; i++)
        if (!strcmp(keys->rows[i].name, name))
            return true;
    return false;
}

static int refuse_unknown(json_t *object, const char *path, const struct keys *keys,
                          const char *other, struct err *err)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        struct strbuf allowed = STRBUF_INIT;
        if (has_key(keys, name) || !strcmp(name, other))
            continue;
        for (size_t i = 0; i < keys->n; i++)
            strbuf_addf(&allowed, "%s%s", i ? ", " : "", keys->rows[i].name);
        err_set(err, "%s%.40s: unknown key: allowed are %s%s%s", path, name, allowed.text,
                other[0] ? ", " : "", other);
        strbuf_release(&allowed);
        return -1;
    }
    return 0;
}

/* `path` is what stands before the object's keys: "entries[3]." */
static int read_object(json_t *object, const char *path, const struct keys *keys, const char *other,
                       void *to, struct err *err)
{
    if (!json_is_object(object))
        return err_set(err, "%.*s%smust be an object", path[0] ? (int)strlen(path) - 1 : 0, path,
                       path[0] ? ": " : "");
    for (size_t i = 0; i < keys->n; i++) {
        struct err inner = ERR_INIT;
        if (read_key(object, &keys->rows[i], to, &inner))
            return err_set(err, "%s%s: %s", path, keys->rows[i].name, inner.text);
    }
    return refuse_unknown(object, path, keys, other, err);
}

static int read_entries(struct profile_file *file, const json_t *root, struct err *err)
{
    json_t *list = json_object_get(root, "entries");
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n < 1 || n > NET_MAX_LAYERS)
        return err_set(err, "entries: must be a list of 1 to %d", NET_MAX_LAYERS);
    file->entries = mem_zero(n, sizeof *file->entries);
    file->n_entries = (int)n;
    for (size_t i = 0; i < n; i++) {
        char path[32];
        snprintf(path, sizeof path, "entries[%zu].", i);
        if (read_object(json_array_get(list, i), path, &entry_keys, "", &file->entries[i], err))
            return -1;
    }
    return 0;
}

int profile_file_load(struct profile_file *file, const char *path, struct err *err)
{
    json_error_t where;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    *file = (struct profile_file){0};
    if (!root && where.line > 0)
        return err_set(err, "%s:%d:%d: %s", path, where.line, where.column, where.text);
    if (!root)
        return err_set(err, "%s", where.text); /* "unable to open PATH: ..." */
    int status = read_object(root, "", &file_keys, "entries", file, err);
    if (status == 0)
        status = read_entries(file, root, err);
    json_decref(root);
    if (status == 0)
        return 0;
    profile_file_release(file);
    return err_prefix(err, "%s", path);
}

static json_t *value_of(const void *object, const struct key *key)
{
    const void *field = field_of(object, key);
    if (key->type == TEXT) {
        const char *text = *(char *const *)field;
        return text ? json_string(text) : NULL;
    }
    if (key->type == COUNT)
        return json_integer(*(const int *)field);
    double number = *(const double *)field;
    bool is_whole = number == floor(number) && number < 1e15;
    return is_whole ? json_integer((json_int_t)number) : json_real(number);
}

static json_t *object_of(const void *from, const struct keys *keys)
{
    json_t *object = json_object();
    for (size_t i = 0; i < keys->n; i++) {
        json_t *value = value_of(from, &keys->rows[i]);
        if (value)
            json_object_set_new(object, keys->rows[i].name, value);
    }
    return object;
}

int profile_file_save(const struct profile_file *file, const char *path, struct err *err)
{
    json_t *root = object_of(file, &file_keys), *list = json_array();
    for (int i = 0; i < file->n_entries; i++)
        json_array_append_new(list, object_of(&file->entries[i], &entry_keys));
    json_object_set_new(root, "entries", list);
    int status = json_dump_file(root, path, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(root);
    return status ? err_set_errno(err, "%s: cannot be written", path) : 0;
}

static void release_texts(void *object, const struct keys *keys)
{
    for (size_t i = 0; i < keys->n; i++)
        if (keys->rows[i].type == TEXT)
            free(*(char **)((char *)object + keys->rows[i].offset));
}

void profile_file_release(struct profile_file *file)
{
    for (int i = 0; i < file->n_entries; i++)
        release_texts(&file->entries[i], &entry_keys);
    free(file->entries);
    release_texts(file, &file_keys);
    *file = (struct profile_file){0};
}

int profile_file_check(const struct profile_file *file, const struct profile *model,
                       struct err *err)
{
    if (file->n_entries != model->n_layers)
        return err_set(err, "entries: %d: the model has %d layers", file->n_entries,
                       model->n_layers);
    for (int i = 0; i < model->n_layers; i++) {
        const struct profile_entry *entry = &file->entries[i];
        const struct layer_profile *layer = &model->layers[i];
        char output[SHAPE_TEXT_BYTES];
        shape_format(&layer->output, output);
        if (strcmp(entry->name, layer->name))
            return err_set(err, "entries[%d].name: '%s': the model has '%s' there", i, entry->name,
                           layer->name);
        if (entry->output && strcmp(entry->output, output))
            return err_set(err, "entries[%d].output: '%s': in the model %s gives %s", i,
                           entry->output, layer->name, output);
    }
    return 0;
}

int profile_file_load_of(struct profile_file *file, const char *path, const struct net_spec *model,
                         struct err *err)
{
    struct profile profile;
    if (profile_file_load(file, path, err))
        return -1;
    int status = profile_make(&profile, model, err);
    if (status == 0) {
        status = profile_file_check(file, &profile, err) ? err_prefix(err, "%s", path) : 0;
        profile_release(&profile);
    }
    if (status)
        profile_file_release(file);
    return status;
}
