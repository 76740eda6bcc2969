/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/model_yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/model_layers.h"

/* name, input and layers of a mapping, wherever it stands. */
static void read_body(struct loading *l, const struct yaml_node *node, const struct key_path *path,
                      const struct model_keys *keys, struct net_spec *spec)
{
    static const char *const required[] = {"input", "layers"};
    const struct yaml_node *layers = yaml_node_get(node, "layers");
    struct key_path layers_path = {path, "layers", 0};
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        struct key_path here = {path, required[i], 0};
        if (!yaml_node_get(node, required[i]))
            complain(&l->c, &node->place, &here, "missing: %s",
                     schema_find("model file", required[i])->help);
    }
    snprintf(spec->name, sizeof spec->name, "%s", keys->name ? keys->name : "model");
    spec->input = keys->input;
    if (layers)
        model_layers_read(l, layers, &layers_path, 0, &spec->layers);
}

/* The whole check, told at `node`, if nothing was wrong before. */
static void check(struct loading *l, const struct yaml_node *node, const struct key_path *path,
                  size_t complaints_before, const struct net_spec *spec)
{
    struct err err = ERR_INIT;
    if (l->c.n == complaints_before && net_spec_check(spec, &err))
        complain(&l->c, &node->place, path, "%s", err.text);
}

static void read_file_root(struct loading *l, const struct yaml_node *root, struct net_spec *spec)
{
    struct model_keys keys = {0};
    section_read(l, "model file", root, NULL, &keys);
    if (root->kind == YAML_MAPPING || yaml_node_is_empty(root))
        read_body(l, root, NULL, &keys, spec);
    section_release("model file", &keys);
}

void model_read_file(struct loading *l, const char *path, const struct yaml_node *asked,
                     const struct key_path *asked_path, struct net_spec *spec)
{
    size_t before = l->c.n;
    struct yaml_node *root = yaml_node_load(path, asked, asked_path, &l->c);
    if (!root)
        return;
    struct key_path layers_path = {NULL, "layers", 0};
    read_file_root(l, root, spec);
    const struct yaml_node *layers = yaml_node_get(root, "layers");
    check(l, layers ? layers : root, &layers_path, before, spec);
    yaml_node_free(root);
}

static void read_named_file(struct loading *l, const struct yaml_node *node,
                            const struct key_path *path, const struct model_keys *keys,
                            struct net_spec *spec)
{
    static const char *const inline_only[] = {"name", "layers"};
    for (size_t i = 0; i < ARRAY_LEN(inline_only); i++) {
        const struct yaml_node *other = yaml_node_get(node, inline_only[i]);
        struct key_path here = {path, inline_only[i], 0};
        if (other)
            complain(&l->c, &other->place, &here, "not together with model.file: either or");
    }
    if (!keys->file)
        return; /* refused before */
    struct key_path file_path = {path, "file", 0};
    model_read_file(l, keys->file, yaml_node_get(node, "file"), &file_path, spec);
}

/* The keys that replace what a model file says; each is checked on its own, so that blame is clear. */
static void replace(struct loading *l, const struct yaml_node *node, const struct key_path *path,
                    const struct model_keys *keys, struct net_spec *spec)
{
    const struct yaml_node *classes = yaml_node_get(node, "classes"),
                           *input = yaml_node_get(node, "input");
    struct key_path classes_path = {path, "classes", 0}, input_path = {path, "input", 0};
    struct err err = ERR_INIT;
    if (classes && net_spec_set_classes(spec, keys->n_classes, &err))
        complain(&l->c, &classes->place, &classes_path, "value '%d': %s", keys->n_classes,
                 err.text);
    if (input) {
        size_t before = l->c.n;
        spec->input = keys->input;
        check(l, input, &input_path, before, spec);
    }
}

void model_read(struct loading *l, const struct yaml_node *node, const struct key_path *path,
                struct net_spec *spec, char **weights)
{
    struct model_keys keys = {0};
    size_t before = l->c.n;
    section_read(l, "model", node, path, &keys);
    const struct yaml_node *layers = yaml_node_get(node, "layers");
    if (yaml_node_get(node, "file")) {
        read_named_file(l, node, path, &keys, spec);
    } else if (node->kind == YAML_MAPPING || yaml_node_is_empty(node)) {
        if (yaml_node_get(node, "input") || layers)
            read_body(l, node, path, &keys, spec);
        else
            complain(&l->c, &node->place, path, "missing: either `file`, or `input` and `layers`");
        struct key_path layers_path = {path, "layers", 0};
        check(l, layers ? layers : node, &layers_path, before, spec);
    }
    if (l->c.n == before)
        replace(l, node, path, &keys, spec);
    *weights = keys.weights;
    keys.weights = NULL;
    section_release("model", &keys);
}

void model_print(const struct net_spec *spec, int indent, struct strbuf *out)
{
    strbuf_addf(out, "%*sname: ", indent, "");
    key_print_text(spec->name, out);
    strbuf_addf(out, " # of the model\n%*sinput: ", indent, "");
    key_print(schema_find("model", "input"), &spec->input, out);
    strbuf_addf(out, " # shape of one sample: [channels, height, width] or [features]\n");
    strbuf_addf(out, "%*slayers: # the layers, first to last\n", indent, "");
    model_layers_print(&spec->layers, indent + 2, out);
}
