/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/key_value.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What KEY_NAMES fields look like. */
struct names {
    char **name;
    int n;
};
static_assert(offsetof(struct experiment, scheduler.n_cuts) ==
                  offsetof(struct experiment, scheduler.cuts) + offsetof(struct names, n),
              "a list of names is a pointer and its count");
static_assert(offsetof(struct experiment, scheduler.n_owners) ==
                  offsetof(struct experiment, scheduler.owners) + offsetof(struct names, n),
              "a list of names is a pointer and its count");

void *key_field(const struct key_row *row, void *base)
{
    if (row->type == KEY_LAYERS)
        return NULL;
    return (char *)base + row->offset;
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

static bool is_name(const char *text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return *text && !strchr("-_.", *text) && strlen(text) <= KEY_MAX_NAME &&
           text[strspn(text, letters)] == '\0';
}

static bool is_address(const char *text)
{
    return (strncmp(text, "tcp://", 6) == 0 || strncmp(text, "ipc://", 6) == 0) && text[6];
}

static bool is_text_allowed(const struct key_row *row, const char *text,
                            const struct experiment_choices *choices)
{
    if (!*text || strlen(text) > KEY_MAX_TEXT || has_control(text))
        return false;
    if (row->type == KEY_NAME)
        return is_name(text);
    if (row->type == KEY_ADDRESS)
        return is_address(text);
    struct strbuf list = schema_choices(row, choices);
    bool is_allowed = schema_is_choice(list.text, text);
    strbuf_release(&list);
    return is_allowed;
}

static bool parse_integer(const struct key_row *row, const char *text, int *value)
{
    double number;
    if (number_parse(text, &number, NULL) || number != floor(number) ||
        !schema_in_range(row, number))
        return false;
    *value = (int)number;
    return true;
}

static bool parse_seed(const char *text, uint64_t *seed)
{
    if (!*text || text[strspn(text, "0123456789")])
        return false;
    errno = 0;
    uint64_t read = strtoull(text, NULL, 10);
    if (errno)
        return false;
    *seed = read;
    return true;
}

static bool parse_quantity(const struct key_row *row, const char *text, double *value)
{
    double si;
    if (row->takes_auto && strcmp(text, "auto") == 0) {
        *value = 0;
        return true;
    }
    if (unit_parse(text, row->dimension, &si, NULL) || !schema_in_range(row, si))
        return false;
    *value = si;
    return true;
}

/* Every type that is written as one scalar. */
static bool parse(const struct key_row *row, const char *text,
                  const struct experiment_choices *choices, void *field)
{
    switch (row->type) {
    case KEY_TEXT:
    case KEY_NAME:
    case KEY_ADDRESS:
    case KEY_FILE:
    case KEY_CHOICE:
        if (!is_text_allowed(row, text, choices))
            return false;
        *(char **)field = mem_string(text);
        return true;
    case KEY_MODELLED:
        *(bool *)field = strcmp(text, "modelled") == 0;
        return *(bool *)field || strcmp(text, "native") == 0;
    case KEY_BOOLEAN:
        *(bool *)field = strcmp(text, "true") == 0;
        return *(bool *)field || strcmp(text, "false") == 0;
    case KEY_INTEGER:
        return parse_integer(row, text, field);
    case KEY_SEED:
        return parse_seed(text, field);
    case KEY_QUANTITY:
        return parse_quantity(row, text, field);
    case KEY_DRAWN:
        return distribution_parse(text, row, field) == 0;
    case KEY_NAMES:
    case KEY_SHAPE:
    case KEY_LAYERS:
        break;
    }
    return false;
}

const char *key_value_text(const struct yaml_node *node, char buf[VALUE_TEXT_BYTES])
{
    char text[SHOWN_BYTES];
    if (yaml_node_is_empty(node))
        return "no value";
    if (node->kind == YAML_SCALAR)
        snprintf(buf, VALUE_TEXT_BYTES, "value '%s'", shown(node->text, text));
    else
        snprintf(buf, VALUE_TEXT_BYTES, "value is %s", yaml_node_kind_text(node));
    return buf;
}

static void refuse(struct loading *l, const struct key_row *row, const struct yaml_node *node,
                   const struct key_path *path)
{
    char value[VALUE_TEXT_BYTES];
    struct strbuf allowed = STRBUF_INIT;
    schema_add_allowed(row, l->choices, &allowed);
    complain(&l->c, &node->place, path, "%s: must be %s", key_value_text(node, value),
             allowed.text);
    strbuf_release(&allowed);
}

static void read_names(struct loading *l, const struct key_row *row, const struct yaml_node *node,
                       const struct key_path *path, struct names *names)
{
    static const struct key_row one = {.type = KEY_NAME};
    if (node->kind != YAML_SEQUENCE || node->n > KEY_MAX_NAMES) {
        refuse(l, row, node, path);
        return;
    }
    names->name = mem_zero(node->n, sizeof *names->name);
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_node *item = node->item[i];
        struct key_path here = {path, NULL, i};
        if (item->kind == YAML_SCALAR && is_name(item->text))
            names->name[names->n++] = mem_string(item->text);
        else
            refuse(l, &one, item, &here);
    }
}

static bool parse_shape(const struct key_row *row, const struct yaml_node *node,
                        struct shape *shape)
{
    struct shape read = {(int)node->n, {0}};
    if (node->kind != YAML_SEQUENCE || (node->n != 1 && node->n != SHAPE_MAX_DIMS))
        return false;
    double features = 1;
    for (size_t i = 0; i < node->n; i++) {
        if (node->item[i]->kind != YAML_SCALAR ||
            !parse_integer(row, node->item[i]->text, &read.dim[i]))
            return false;
        features *= read.dim[i];
    }
    if (features > SHAPE_MAX_FEATURES)
        return false;
    *shape = read;
    return true;
}

/* The file that `name` means, as seen from the working directory. To be freed. */
static char *beside(const char *name, const struct yaml_node *node, const char *experiment_path)
{
    const char *slash = strrchr(experiment_path, '/');
    bool is_override = node->place.line == 0;
    if (name[0] == '/' || !slash || is_override)
        return mem_string(name);
    return mem_format("%.*s/%s", (int)(slash - experiment_path), experiment_path, name);
}

static void read_file_path(struct loading *l, const struct key_row *row,
                           const struct yaml_node *node, const struct key_path *path, char **field)
{
    if (row->fallback && strcmp(node->text, row->fallback) == 0)
        return;
    char *named = beside(node->text, node, l->path);
    char *found = row->is_input_only ? mem_string(named) : realpath(named, NULL);
    if (!found)
        complain(&l->c, &node->place, path, "%.400s: %s", named, strerror(errno));
    else if (strlen(found) > KEY_MAX_TEXT)
        complain(&l->c, &node->place, path, "%.100s...: its path has more than %d bytes", found,
                 KEY_MAX_TEXT);
    free(named);
    free(*field);
    *field = found;
}

void key_read(struct loading *l, const struct key_row *row, const struct yaml_node *node,
              const struct key_path *path, void *field)
{
    bool is_read;
    if (row->type == KEY_LAYERS)
        return;
    if (row->type == KEY_NAMES) {
        read_names(l, row, node, path, field);
        return;
    }
    if (row->type == KEY_SHAPE)
        is_read = parse_shape(row, node, field);
    else
        is_read = node->kind == YAML_SCALAR && parse(row, node->text, l->choices, field);
    if (!is_read)
        refuse(l, row, node, path);
    else if (row->type == KEY_FILE)
        read_file_path(l, row, node, path, field);
}

int key_set_default(const struct key_row *row, const struct experiment_choices *choices,
                    void *field)
{
    if (!row->fallback || row->type == KEY_NAMES)
        return 0;
    return parse(row, row->fallback, choices, field) ? 0 : -1;
}

void key_release(const struct key_row *row, void *field)
{
    if (row->type == KEY_NAMES) {
        struct names *names = field;
        for (int i = 0; i < names->n; i++)
            free(names->name[i]);
        free(names->name);
        *names = (struct names){NULL, 0};
    } else if (row->type <= KEY_CHOICE) {
        free(*(char **)field);
        *(char **)field = NULL;
    }
}

/* Words that some YAML reader or other takes for something else than a string. */
static bool is_reserved(const char *text)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

void key_print_text(const char *text, struct strbuf *out)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
    bool starts_plain = *text && !strchr("0123456789-.", *text);
    if (starts_plain && !is_reserved(text) && text[strspn(text, plain)] == '\0') {
        strbuf_addf(out, "%s", text);
        return;
    }
    strbuf_addf(out, "\"");
    for (; *text; text++)
        strbuf_addf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    strbuf_addf(out, "\"");
}

static void print_names(const struct names *names, struct strbuf *out)
{
    strbuf_addf(out, "[");
    for (int i = 0; i < names->n; i++) {
        strbuf_addf(out, "%s", i ? ", " : "");
        key_print_text(names->name[i], out);
    }
    strbuf_addf(out, "]");
}

static void print_shape(const struct shape *shape, struct strbuf *out)
{
    strbuf_addf(out, "[");
    for (int i = 0; i < shape->n_dims; i++)
        strbuf_addf(out, "%s%d", i ? ", " : "", shape->dim[i]);
    strbuf_addf(out, "]");
}

void key_print(const struct key_row *row, const void *field, struct strbuf *out)
{
    char number[NUMBER_TEXT_BYTES];
    const char *symbol = unit_symbol(row->dimension);
    switch (row->type) {
    case KEY_TEXT:
    case KEY_NAME:
    case KEY_ADDRESS:
    case KEY_FILE:
    case KEY_CHOICE:
        key_print_text(*(char *const *)field, out);
        break;
    case KEY_MODELLED:
        strbuf_addf(out, "%s", *(const bool *)field ? "modelled" : "native");
        break;
    case KEY_BOOLEAN:
        strbuf_addf(out, "%s", *(const bool *)field ? "true" : "false");
        break;
    case KEY_INTEGER:
        strbuf_addf(out, "%d", *(const int *)field);
        break;
    case KEY_SEED:
        strbuf_addf(out, "%" PRIu64, *(const uint64_t *)field);
        break;
    case KEY_QUANTITY:
    case KEY_DRAWN:
        if (row->takes_auto && *(const double *)field == 0) {
            strbuf_addf(out, "auto");
            break;
        }
        strbuf_addf(out, "%s%s%s", number_format(*(const double *)field, number),
                    *symbol ? " " : "", symbol);
        break;
    case KEY_NAMES:
        print_names(field, out);
        break;
    case KEY_SHAPE:
        print_shape(field, out);
        break;
    case KEY_LAYERS:
        break;
    }
}
