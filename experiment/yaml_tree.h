/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A YAML document as a tree of nodes that know where they stand. The schema and the model reader walk it;
 * nothing outside yaml_tree.c sees libyaml.
 *
 * Only what an experiment needs is taken: one document, string keys, no anchors, aliases or tags. Every
 * size is limited. A node owns its children; places borrow the name of the source.
 */
#ifndef EXPERIMENT_YAML_TREE_H
#define EXPERIMENT_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "experiment/complaints.h"

#define YAML_MAX_BYTES (4u << 20)
#define YAML_MAX_DEPTH 32
#define YAML_MAX_NODES 1000000

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    struct place place;
    char *text;     /* YAML_SCALAR: without quotes, escapes resolved, no NUL within */
    bool is_quoted; /* YAML_SCALAR: "" is text, nothing at all is a key without a value */
    /* YAML_SEQUENCE: n items. YAML_MAPPING: n values, key[i] before item[i], no key twice. */
    struct yaml_node **key, **item;
    size_t n, capacity;
};

/*
 * The document in text[0..n), or NULL with a complaint. Keys that are there twice are complained about,
 * and the first one is kept. `source` is borrowed by every place in the tree. Empty text gives an empty
 * scalar.
 */
struct yaml_node *yaml_node_parse(const char *text, size_t n, const char *source, bool is_one_line,
                                  struct complaints *c);

/* That of a file. One that cannot be read is complained about at `asked`, the node that names it, if any. */
struct yaml_node *yaml_node_load(const char *path, const struct yaml_node *asked,
                                 const struct key_path *asked_path, struct complaints *c);
void yaml_node_free(struct yaml_node *node); /* NULL is fine */

/* The value of a key, NULL when it is not there or `node` is no mapping. */
struct yaml_node *yaml_node_get(const struct yaml_node *node, const char *key);

/* A key without a value ("relu:"). */
bool yaml_node_is_empty(const struct yaml_node *node);

/* Puts `value` (taken) in the place of the key's value, or of item `i`, or adds the key. */
void yaml_node_put(struct yaml_node *mapping, const char *key, struct yaml_node *value);
void yaml_node_put_item(struct yaml_node *parent, size_t i, struct yaml_node *value);

/* A node without children or text; and the next entry of a mapping (both taken), of a sequence (key NULL). */
struct yaml_node *yaml_node_new(enum yaml_kind kind, const struct place *place);
void yaml_node_append(struct yaml_node *node, struct yaml_node *key, struct yaml_node *item);

/* "a list", "a mapping", for messages. */
const char *yaml_node_kind_text(const struct yaml_node *node);

#endif
