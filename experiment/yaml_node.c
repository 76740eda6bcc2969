/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/yaml_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct yaml_node *yaml_node_new(enum yaml_kind kind, const struct place *place)
{
    struct yaml_node *node = mem_zero(1, sizeof *node);
    node->kind = kind;
    node->place = *place;
    return node;
}

void yaml_node_append(struct yaml_node *node, struct yaml_node *key, struct yaml_node *item)
{
    size_t capacity = node->capacity;
    node->item = mem_grow(node->item, node->n, &node->capacity, sizeof *node->item);
    if (node->kind == YAML_MAPPING) {
        node->key = mem_grow(node->key, node->n, &capacity, sizeof *node->key);
        node->key[node->n] = key;
    }
    node->item[node->n++] = item;
}

void yaml_node_free(struct yaml_node *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->n; i++) {
        if (node->kind == YAML_MAPPING)
            yaml_node_free(node->key[i]);
        yaml_node_free(node->item[i]);
    }
    free(node->key);
    free(node->item);
    free(node->text);
    free(node);
}

/* Where the key stands in the mapping, or -1. */
static ptrdiff_t find_key(const struct yaml_node *node, const char *key)
{
    if (node && node->kind == YAML_MAPPING)
        for (size_t i = 0; i < node->n; i++)
            if (strcmp(node->key[i]->text, key) == 0)
                return (ptrdiff_t)i;
    return -1;
}

struct yaml_node *yaml_node_get(const struct yaml_node *node, const char *key)
{
    ptrdiff_t i = find_key(node, key);
    return i < 0 ? NULL : node->item[i];
}

bool yaml_node_is_empty(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && !node->is_quoted && !node->text[0];
}

void yaml_node_put(struct yaml_node *mapping, const char *key, struct yaml_node *value)
{
    ptrdiff_t i = find_key(mapping, key);
    if (i >= 0) {
        yaml_node_put_item(mapping, (size_t)i, value);
        return;
    }
    struct yaml_node *name = yaml_node_new(YAML_SCALAR, &value->place);
    name->text = mem_string(key);
    yaml_node_append(mapping, name, value);
}

void yaml_node_put_item(struct yaml_node *parent, size_t i, struct yaml_node *value)
{
    yaml_node_free(parent->item[i]);
    parent->item[i] = value;
}

const char *yaml_node_kind_text(const struct yaml_node *node)
{
    static const char *const texts[] = {"a single value", "a list", "a mapping"};
    return texts[node->kind];
}
