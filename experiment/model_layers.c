/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/model_layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct layer_arg *find_arg(const struct layer_ops *kind, const char *key)
{
    size_t n;
    const struct layer_arg *args = layer_kind_args(kind, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(args[i].key, key) == 0)
            return &args[i];
    return NULL;
}

static bool is_branch(const struct layer_ops *kind, const char *key)
{
    for (size_t i = 0; layer_kind_branch(kind, i); i++)
        if (strcmp(layer_kind_branch(kind, i), key) == 0)
            return true;
    return false;
}

static const struct layer_ops *find_kind(const char *name)
{
    const struct layer_ops *kind = NULL;
    for (size_t i = 0; (kind = layer_kind_at(i)); i++)
        if (strcmp(layer_kind_name(kind), name) == 0)
            break;
    return kind;
}

static void complain_kind(struct loading *l, const struct yaml_node *key,
                          const struct key_path *path)
{
    struct nearest nearest;
    struct strbuf kinds = STRBUF_INIT;
    nearest_init(&nearest, key->text);
    for (size_t i = 0; layer_kind_at(i); i++) {
        nearest_offer(&nearest, layer_kind_name(layer_kind_at(i)));
        strbuf_addf(&kinds, "%s%s", i ? ", " : "", layer_kind_name(layer_kind_at(i)));
    }
    complain(&l->c, &key->place, path, "unknown kind of layer: %s%s%sallowed are %s",
             nearest.name ? "did you mean '" : "", nearest.name ? nearest.name : "",
             nearest.name ? "'? " : "", kinds.text);
    strbuf_release(&kinds);
}

static void complain_arg(struct loading *l, const struct layer_ops *kind,
                         const struct yaml_node *key, const struct key_path *path)
{
    struct nearest nearest;
    struct strbuf keys = STRBUF_INIT;
    size_t n;
    const struct layer_arg *args = layer_kind_args(kind, &n);
    nearest_init(&nearest, key->text);
    strbuf_addf(&keys, "name");
    nearest_offer(&nearest, "name");
    for (size_t i = 0; i < n; i++) {
        nearest_offer(&nearest, args[i].key);
        strbuf_addf(&keys, ", %s", args[i].key);
    }
    for (size_t i = 0; layer_kind_branch(kind, i); i++) {
        nearest_offer(&nearest, layer_kind_branch(kind, i));
        strbuf_addf(&keys, ", %s", layer_kind_branch(kind, i));
    }
    complain(&l->c, &key->place, path, "unknown key: %s%s%sallowed are %s",
             nearest.name ? "did you mean '" : "", nearest.name ? nearest.name : "",
             nearest.name ? "'? " : "", keys.text);
    strbuf_release(&keys);
}

static bool parse_arg(const struct layer_arg *arg, const struct yaml_node *node, double *value)
{
    if (node->kind != YAML_SCALAR)
        return false;
    if (arg->choices) {
        *value = layer_arg_choice(arg, node->text);
        return *value >= 0;
    }
    if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0)
        *value = node->text[0] == 't';
    else if (number_parse(node->text, value, NULL))
        return false;
    return *value >= arg->min && *value <= arg->max &&
           (!arg->is_integer || *value == floor(*value));
}

static void complain_choice(struct loading *l, const struct layer_arg *arg,
                            const struct yaml_node *node, const struct key_path *path)
{
    char value[VALUE_TEXT_BYTES];
    struct strbuf names = STRBUF_INIT;
    for (size_t i = 0; arg->choices[i]; i++)
        strbuf_addf(&names, "%s%s", i ? ", " : "", arg->choices[i]);
    complain(&l->c, &node->place, path, "%s: allowed are %s", key_value_text(node, value),
             names.text);
    strbuf_release(&names);
}

static void read_arg(struct loading *l, const struct layer_arg *arg, const struct yaml_node *node,
                     const struct key_path *path, struct layer_spec *layer)
{
    double number;
    struct err err = ERR_INIT;
    if (parse_arg(arg, node, &number)) {
        if (layer_spec_set(layer, arg->key, number, &err))
            complain(&l->c, &node->place, path, "%s", err.text);
        return;
    }
    if (arg->choices) {
        complain_choice(l, arg, node, path);
        return;
    }
    char value[VALUE_TEXT_BYTES];
    struct strbuf range = STRBUF_INIT;
    schema_add_range(arg->min, arg->max, false, false, &range);
    bool is_boolean = arg->is_integer && arg->min == 0 && arg->max == 1;
    complain(&l->c, &node->place, path, "%s: must be %s%s", key_value_text(node, value),
             is_boolean        ? "true or false"
             : arg->is_integer ? "an integer in "
                               : "a number in ",
             is_boolean ? "" : range.text);
    strbuf_release(&range);
}

/* The arguments and inner lists of a layer whose kind and name are settled. */
static void read_args(struct loading *l, const struct yaml_node *node, const struct key_path *path,
                      int depth, struct layer_spec *layer)
{
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_node *key = node->key[i];
        struct key_path here = {path, key->text, 0};
        const struct layer_arg *arg = find_arg(layer->kind, key->text);
        if (arg)
            read_arg(l, arg, node->item[i], &here, layer);
        else if (is_branch(layer->kind, key->text))
            model_layers_read(l, node->item[i], &here, depth + 1,
                              layer_spec_branch(layer, key->text, NULL));
        else if (strcmp(key->text, "name") != 0)
            complain_arg(l, layer->kind, key, &here);
    }
}

static void check_required(struct loading *l, const struct yaml_node *key,
                           const struct yaml_node *node, const struct key_path *path,
                           const struct layer_ops *kind)
{
    size_t n;
    const struct layer_arg *args = layer_kind_args(kind, &n);
    for (size_t i = 0; i < n; i++) {
        struct key_path here = {path, args[i].key, 0};
        if (args[i].is_required && !yaml_node_get(node, args[i].key))
            complain(&l->c, &key->place, &here, "missing: %s", args[i].help ? args[i].help : "");
    }
}

/* `key` is the kind; `node` its arguments, NULL for a kind alone. */
static void read_layer(struct loading *l, const struct yaml_node *key, const struct yaml_node *node,
                       const struct key_path *path, int depth, struct layer_list *list)
{
    char value[VALUE_TEXT_BYTES];
    struct err err = ERR_INIT;
    struct key_path here = {path, key->text, 0}, name_path = {&here, "name", 0};
    const struct layer_ops *kind = find_kind(key->text);
    const struct yaml_node *name = yaml_node_get(node, "name");
    if (!kind) {
        complain_kind(l, key, &here);
        return;
    }
    if (node && node->kind != YAML_MAPPING && !yaml_node_is_empty(node)) {
        complain(&l->c, &node->place, &here, "%s: must be a mapping of the layer's arguments",
                 key_value_text(node, value));
        return;
    }
    if (name && name->kind != YAML_SCALAR) {
        complain(&l->c, &name->place, &name_path, "%s: must be a name",
                 key_value_text(name, value));
        return;
    }
    struct layer_spec *layer = layer_list_add(list, key->text, name ? name->text : "", &err);
    if (!layer) {
        complain(&l->c, name ? &name->place : &key->place, &here, "%s", err.text);
        return;
    }
    check_required(l, key, node, &here, kind);
    if (node && node->kind == YAML_MAPPING)
        read_args(l, node, &here, depth, layer);
}

void model_layers_read(struct loading *l, const struct yaml_node *node, const struct key_path *path,
                       int depth, struct layer_list *list)
{
    char value[VALUE_TEXT_BYTES];
    if (node->kind != YAML_SEQUENCE) {
        complain(&l->c, &node->place, path, "%s: must be a list of layers",
                 key_value_text(node, value));
        return;
    }
    if (depth > NET_MAX_DEPTH) {
        complain(&l->c, &node->place, path, "nested too deeply: at most %d levels of layers",
                 NET_MAX_DEPTH);
        return;
    }
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_node *item = node->item[i];
        struct key_path here = {path, NULL, i};
        if (i >= NET_MAX_LAYERS) {
            complain(&l->c, &item->place, &here, "too many layers: at most %d in a list",
                     NET_MAX_LAYERS);
            return;
        }
        if (item->kind == YAML_MAPPING && item->n == 1)
            read_layer(l, item->key[0], item->item[0], &here, depth, list);
        else if (item->kind == YAML_SCALAR && !yaml_node_is_empty(item))
            read_layer(l, item, NULL, &here, depth, list);
        else
            complain(&l->c, &item->place, &here, "%s: must be one layer, `kind: {key: value}`",
                     key_value_text(item, value));
    }
}

static void print_arg(const struct layer_arg *arg, double value, struct strbuf *out)
{
    char number[NUMBER_TEXT_BYTES];
    const char *choice = layer_arg_choice_name(arg, value);
    if (choice)
        strbuf_addf(out, "%s: %s", arg->key, choice);
    else if (arg->is_integer && arg->min == 0 && arg->max == 1)
        strbuf_addf(out, "%s: %s", arg->key, value != 0 ? "true" : "false");
    else
        strbuf_addf(out, "%s: %s", arg->key, number_format(value, number));
}

/* "{name: conv1, out_channels: 6}"; only what was given, so that defaults stay defaults. */
static void print_flat(const struct layer_spec *layer, struct strbuf *out)
{
    size_t n;
    const struct layer_arg *args = layer_kind_args(layer->kind, &n);
    const char *comma = "";
    strbuf_addf(out, "{");
    if (layer->name[0]) {
        strbuf_addf(out, "name: ");
        key_print_text(layer->name, out);
        comma = ", ";
    }
    for (size_t i = 0; i < n; i++) {
        if (!layer->has_arg[i])
            continue;
        strbuf_addf(out, "%s", comma);
        print_arg(&args[i], layer->args[i], out);
        comma = ", ";
    }
    strbuf_addf(out, "}\n");
}

static void print_composite(const struct layer_spec *layer, int indent, struct strbuf *out)
{
    size_t n;
    const struct layer_arg *args = layer_kind_args(layer->kind, &n);
    if (layer->name[0]) {
        strbuf_addf(out, "\n%*sname: ", indent, "");
        key_print_text(layer->name, out);
    }
    for (size_t i = 0; i < n; i++) {
        if (!layer->has_arg[i])
            continue;
        strbuf_addf(out, "\n%*s", indent, "");
        print_arg(&args[i], layer->args[i], out);
    }
    for (size_t i = 0; layer_kind_branch(layer->kind, i); i++) {
        strbuf_addf(out, "\n%*s%s:%s", indent, "", layer_kind_branch(layer->kind, i),
                    layer->branch[i].n ? "\n" : " []");
        model_layers_print(&layer->branch[i], indent + 2, out);
        if (layer->branch[i].n)
            out->text[--out->n] = '\0'; /* the newline: each entry here begins with one */
    }
    strbuf_addf(out, "\n");
}

void model_layers_print(const struct layer_list *list, int indent, struct strbuf *out)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct layer_spec *layer = &list->layers[i];
        strbuf_addf(out, "%*s- %s:", indent, "", layer_kind_name(layer->kind));
        if (layer_kind_branch(layer->kind, 0)) {
            print_composite(layer, indent + 4, out);
        } else {
            strbuf_addf(out, " ");
            print_flat(layer, out);
        }
    }
}
