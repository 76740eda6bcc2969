/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/yaml_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"

struct reader {
    yaml_parser_t parser;
    const char *text; /* of the whole source, for places of reader errors */
    const char *source;
    bool is_one_line;
    size_t n_nodes;
    struct complaints *c;
};

static struct place place_of(const struct reader *r, const yaml_mark_t *mark)
{
    return (struct place){r->source, r->is_one_line ? 0 : mark->line + 1, mark->column + 1};
}

/* libyaml gives no line for a byte it cannot read, only an offset. */
static yaml_mark_t mark_of_offset(const char *text, size_t offset)
{
    yaml_mark_t mark = {offset, 0, 0};
    for (size_t i = 0; i < offset; i++) {
        mark.column = text[i] == '\n' ? 0 : mark.column + 1;
        mark.line += text[i] == '\n';
    }
    return mark;
}

static void complain_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    yaml_mark_t mark = p->error == YAML_READER_ERROR ? mark_of_offset(r->text, p->problem_offset)
                                                     : p->problem_mark;
    struct place place = place_of(r, &mark);
    complain(r->c, &place, NULL, "not YAML: %s%s%s", p->context ? p->context : "",
             p->context ? ", " : "", p->problem ? p->problem : "out of memory");
}

/* The next event, complained about and false when there is none. */
static bool next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return true;
    complain_syntax(r);
    return false;
}

/* What an experiment has no use for, and a bomb would be made of. NULL when the event is fine. */
static const char *refusal(const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return "aliases (*name) are not taken: write the value out";
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
            return "a NUL byte is no text";
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor)
        return "anchors (&name) are not taken: write the value out";
    return tag ? "tags (!name) are not taken" : NULL;
}

static struct yaml_node *read_node(struct reader *r, const yaml_event_t *event,
                                   const struct key_path *path, size_t depth);

static bool read_items(struct reader *r, struct yaml_node *node, const struct key_path *path,
                       size_t depth)
{
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event))
            return false;
        struct key_path here = {path, NULL, node->n};
        bool is_end = event.type == YAML_SEQUENCE_END_EVENT;
        struct yaml_node *item = is_end ? NULL : read_node(r, &event, &here, depth);
        yaml_event_delete(&event);
        if (is_end || !item)
            return is_end;
        yaml_node_append(node, NULL, item);
    }
}

static bool read_entry(struct reader *r, struct yaml_node *node, struct yaml_node *key,
                       const struct key_path *path, size_t depth)
{
    yaml_event_t event;
    if (!next_event(r, &event))
        return false;
    struct key_path here = {path, key->text, 0};
    struct yaml_node *value = read_node(r, &event, &here, depth);
    yaml_event_delete(&event);
    if (!value)
        return false;
    yaml_node_append(node, key, value);
    return true;
}

static bool read_entries(struct reader *r, struct yaml_node *node, const struct key_path *path,
                         size_t depth)
{
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event))
            return false;
        bool is_end = event.type == YAML_MAPPING_END_EVENT;
        struct yaml_node *key = is_end ? NULL : read_node(r, &event, path, depth);
        yaml_event_delete(&event);
        if (is_end || !key)
            return is_end;
        if (key->kind != YAML_SCALAR)
            complain(r->c, &key->place, path, "%s cannot be a key: a word is wanted",
                     yaml_node_kind_text(key));
        if (key->kind != YAML_SCALAR || !read_entry(r, node, key, path, depth)) {
            yaml_node_free(key);
            return false;
        }
    }
}

struct entry {
    const struct yaml_node *key;
    size_t i;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->key->text, y->key->text);
    return order ? order : (x->i > y->i) - (x->i < y->i);
}

static void complain_duplicate(struct reader *r, const struct yaml_node *key,
                               const struct yaml_node *first, const struct key_path *path)
{
    struct key_path here = {path, key->text, 0};
    if (first->place.line)
        complain(r->c, &key->place, &here, "the key is there twice, first in line %zu",
                 first->place.line);
    else
        complain(r->c, &key->place, &here, "the key is there twice");
}

/* Drops the entries whose item is NULL. */
static void compact(struct yaml_node *node)
{
    size_t n = 0;
    for (size_t i = 0; i < node->n; i++) {
        if (node->item[i]) {
            node->key[n] = node->key[i];
            node->item[n++] = node->item[i];
        } else {
            yaml_node_free(node->key[i]);
        }
    }
    node->n = n;
}

/* Keeps the first of each key; by sorting, since a hostile mapping may have a million keys. */
static void drop_duplicates(struct reader *r, struct yaml_node *node, const struct key_path *path)
{
    if (node->n < 2)
        return;
    struct entry *entries = mem_resize(NULL, node->n, sizeof *entries);
    for (size_t i = 0; i < node->n; i++)
        entries[i] = (struct entry){node->key[i], i};
    qsort(entries, node->n, sizeof *entries, compare_entries);
    const struct entry *first = &entries[0];
    for (size_t i = 1; i < node->n; i++) {
        if (strcmp(entries[i].key->text, first->key->text) != 0) {
            first = &entries[i];
            continue;
        }
        complain_duplicate(r, entries[i].key, first->key, path);
        yaml_node_free(node->item[entries[i].i]);
        node->item[entries[i].i] = NULL;
    }
    compact(node);
    free(entries);
}

static struct yaml_node *read_node(struct reader *r, const yaml_event_t *event,
                                   const struct key_path *path, size_t depth)
{
    struct place place = place_of(r, &event->start_mark);
    const char *refused = refusal(event);
    if (!refused && depth >= YAML_MAX_DEPTH)
        refused = "nested too deeply: at most 32 levels are taken";
    if (!refused && ++r->n_nodes > YAML_MAX_NODES)
        refused = "too long: at most 1000000 values are taken";
    if (refused) {
        complain(r->c, &place, path, "%s", refused);
        return NULL;
    }
    struct yaml_node *node = yaml_node_new(YAML_SCALAR, &place);
    bool is_read = true;
    if (event->type == YAML_SCALAR_EVENT) {
        node->text = mem_string((const char *)event->data.scalar.value);
        node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        node->kind = YAML_SEQUENCE;
        is_read = read_items(r, node, path, depth + 1);
    } else {
        node->kind = YAML_MAPPING;
        is_read = read_entries(r, node, path, depth + 1);
        if (is_read)
            drop_duplicates(r, node, path);
    }
    if (is_read)
        return node;
    yaml_node_free(node);
    return NULL;
}

/* The one document of the stream; an empty stream is an empty scalar. */
static struct yaml_node *read_document(struct reader *r, const yaml_event_t *event)
{
    if (event->type == YAML_STREAM_END_EVENT) {
        struct place start = {r->source, r->is_one_line ? 0 : 1, 1};
        struct yaml_node *node = yaml_node_new(YAML_SCALAR, &start);
        node->text = mem_string("");
        return node;
    }
    yaml_event_t first;
    if (!next_event(r, &first))
        return NULL;
    struct yaml_node *node = read_node(r, &first, NULL, 0);
    yaml_event_delete(&first);
    return node;
}

/* Whether nothing but the end of the document and of the stream follows. */
static bool read_end(struct reader *r)
{
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event))
            return false;
        yaml_event_type_t type = event.type;
        struct place place = place_of(r, &event.start_mark);
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            return true;
        if (type != YAML_DOCUMENT_END_EVENT) {
            complain(r->c, &place, NULL, "a second document begins: one is taken");
            return false;
        }
    }
}

static struct yaml_node *read_stream(struct reader *r)
{
    yaml_event_t event;
    do {
        if (!next_event(r, &event))
            return NULL;
        if (event.type == YAML_STREAM_START_EVENT)
            yaml_event_delete(&event);
        else
            break;
    } while (true);
    bool is_empty = event.type == YAML_STREAM_END_EVENT;
    struct yaml_node *node = read_document(r, &event);
    yaml_event_delete(&event);
    if (node && !is_empty && !read_end(r)) {
        yaml_node_free(node);
        return NULL;
    }
    return node;
}

struct yaml_node *yaml_node_parse(const char *text, size_t n, const char *source, bool is_one_line,
                                  struct complaints *c)
{
    struct reader r = {.text = text, .source = source, .is_one_line = is_one_line, .c = c};
    struct place start = {source, 0, 0};
    if (n > YAML_MAX_BYTES) {
        complain(c, &start, NULL, "too large: at most %u bytes are taken", YAML_MAX_BYTES);
        return NULL;
    }
    if (!yaml_parser_initialize(&r.parser)) {
        complain(c, &start, NULL, "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
    struct yaml_node *node = read_stream(&r);
    yaml_parser_delete(&r.parser);
    return node;
}

/* The whole file, or -1 with errno; stops one chunk above the limit, which is enough to know. */
static int read_file(const char *path, struct strbuf *text)
{
    char chunk[16384];
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    size_t n;
    while (text->n <= YAML_MAX_BYTES && (n = fread(chunk, 1, sizeof chunk, file)) > 0)
        strbuf_add(text, chunk, n);
    int saved = ferror(file) ? errno : 0;
    fclose(file);
    errno = saved;
    return saved ? -1 : 0;
}

struct yaml_node *yaml_node_load(const char *path, const struct yaml_node *asked,
                                 const struct key_path *asked_path, struct complaints *c)
{
    struct strbuf text = STRBUF_INIT;
    struct yaml_node *node = NULL;
    if (read_file(path, &text)) {
        struct place place = {path, 0, 0};
        if (asked)
            complain(c, &asked->place, asked_path, "cannot read '%s': %s", path, strerror(errno));
        else
            complain(c, &place, NULL, "cannot be read: %s", strerror(errno));
    } else {
        node = yaml_node_parse(text.n ? text.text : "", text.n, path, false, c);
    }
    strbuf_release(&text);
    return node;
}
