/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A section of an experiment: a mapping whose keys are rows of the schema.
 */
#include <stdlib.h>
#include <string.h>

#include "experiment/key_value.h"

/* Where a key of the section's struct goes while reading: a drawn one is kept as its distribution. */
static void *reading_field(const struct key_row *row, void *base)
{
    if (row->type == KEY_DRAWN)
        return &((struct device_group *)base)->drawn[schema_drawn_index(row)];
    return key_field(row, base);
}

/* The section other than this one that has the key, NULL when there is none. */
static const struct key_row *find_elsewhere(const char *section, const char *key)
{
    const struct key_row *row;
    for (size_t i = 0; (row = schema_at(i)); i++)
        if (strcmp(row->key, key) == 0 && strcmp(row->section, section) != 0 &&
            section_find(row->section)->kind != SECTION_MODEL_FILE)
            return row;
    return NULL;
}

static void complain_unknown(struct loading *l, const char *section, const struct yaml_node *key,
                             const struct key_path *path)
{
    struct nearest nearest;
    struct strbuf keys = STRBUF_INIT;
    const struct key_row *row = NULL, *other = find_elsewhere(section, key->text);
    nearest_init(&nearest, key->text);
    while ((row = schema_next(section, row))) {
        nearest_offer(&nearest, row->key);
        strbuf_addf(&keys, "%s%s", keys.n ? ", " : "", row->key);
    }
    if (nearest.name)
        complain(&l->c, &key->place, path, "unknown key: did you mean '%s'?", nearest.name);
    else if (other)
        complain(&l->c, &key->place, path, "unknown key: did you mean '%s.%s'?", other->section,
                 other->key);
    else
        complain(&l->c, &key->place, path, "unknown key: allowed are %s", keys.text);
    strbuf_release(&keys);
}

static void set_default(struct loading *l, const struct key_row *row, const struct yaml_node *node,
                        const struct key_path *path, void *base)
{
    if (key_set_default(row, l->choices, reading_field(row, base)) == 0)
        return;
    struct place nowhere = {"default", 0, 0};
    struct key_path here = {path, row->key, 0};
    struct strbuf allowed = STRBUF_INIT;
    schema_add_allowed(row, l->choices, &allowed);
    complain(&l->c, node ? &node->place : &nowhere, &here, "default value '%s': must be %s",
             row->fallback, allowed.text);
    strbuf_release(&allowed);
}

void section_read(struct loading *l, const char *section, const struct yaml_node *node,
                  const struct key_path *path, void *base)
{
    const struct key_row *row = NULL;
    char value[VALUE_TEXT_BYTES];
    if (node && node->kind != YAML_MAPPING && !yaml_node_is_empty(node))
        complain(&l->c, &node->place, path, "%s: must be a mapping, `key: value` each",
                 key_value_text(node, value));
    bool is_mapping = node && node->kind == YAML_MAPPING;
    for (size_t i = 0; is_mapping && i < node->n; i++) {
        struct key_path here = {path, node->key[i]->text, 0};
        row = schema_find(section, node->key[i]->text);
        if (row)
            key_read(l, row, node->item[i], &here, reading_field(row, base));
        else
            complain_unknown(l, section, node->key[i], &here);
    }
    row = NULL;
    while ((row = schema_next(section, row)))
        if (!yaml_node_get(node, row->key))
            set_default(l, row, node, path, base);
}

void section_release(const char *section, void *base)
{
    const struct key_row *row = NULL;
    while ((row = schema_next(section, row)))
        if (row->type != KEY_DRAWN && row->type != KEY_LAYERS)
            key_release(row, key_field(row, base));
}
