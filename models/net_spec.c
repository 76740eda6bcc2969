/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/net_spec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "models/layer.h"
#include "models/program.h"

static void layer_list_release(struct layer_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        for (size_t b = 0; b < LAYER_MAX_BRANCHES; b++)
            layer_list_release(&list->layers[i].branch[b]);
    }
    free(list->layers);
    *list = (struct layer_list){NULL, 0, 0};
}

void net_spec_release(struct net_spec *spec)
{
    layer_list_release(&spec->layers);
    *spec = (struct net_spec)NET_SPEC_INIT;
}

static struct layer_list layer_list_copy(const struct layer_list *from)
{
    struct layer_list to = {NULL, from->n, from->n};
    if (from->n == 0)
        return to;
    to.layers = mem_copy(from->layers, from->n * sizeof *from->layers);
    for (size_t i = 0; i < from->n; i++) {
        for (size_t b = 0; b < LAYER_MAX_BRANCHES; b++)
            to.layers[i].branch[b] = layer_list_copy(&from->layers[i].branch[b]);
    }
    return to;
}

void net_spec_copy(struct net_spec *to, const struct net_spec *from)
{
    *to = *from;
    to->layers = layer_list_copy(&from->layers);
}

static const struct layer_ops *find_kind(const char *name, struct err *err)
{
    struct strbuf choices = STRBUF_INIT;
    const struct layer_ops *kind;
    for (size_t i = 0; (kind = layer_kind_at(i)); i++) {
        if (strcmp(layer_kind_name(kind), name) == 0)
            break;
        strbuf_addf(&choices, "%s%s", i ? ", " : "", layer_kind_name(kind));
    }
    if (!kind)
        err_set(err, "'%.64s' is no kind of layer: allowed are %s", name, choices.text);
    strbuf_release(&choices);
    return kind;
}

/* Names end up in state_dict keys, CSV cells and file names. */
static int check_name(const char *name, struct err *err)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    if (strlen(name) >= NET_MAX_NAME)
        return err_set(err, "name '%.64s...': at most %d characters", name, NET_MAX_NAME - 1);
    if (name[strspn(name, allowed)])
        return err_set(err, "name '%s': allowed are letters, digits, '_', '.' and '-'", name);
    return 0;
}

struct layer_spec *layer_list_add(struct layer_list *list, const char *kind, const char *name,
                                  struct err *err)
{
    const struct layer_ops *ops = find_kind(kind, err);
    if (!ops || check_name(name ? name : "", err))
        return NULL;
    if (list->n >= NET_MAX_LAYERS) {
        err_set(err, "more than %d layers in one list", NET_MAX_LAYERS);
        return NULL;
    }
    list->layers = mem_grow(list->layers, list->n, &list->capacity, sizeof *list->layers);
    struct layer_spec *layer = &list->layers[list->n++];
    *layer = (struct layer_spec){.kind = ops};
    snprintf(layer->name, sizeof layer->name, "%s", name ? name : "");
    for (size_t i = 0; i < ops->n_args; i++)
        layer->args[i] = ops->args[i].fallback;
    return layer;
}

static int unknown_arg(const struct layer_ops *kind, const char *key, struct err *err)
{
    struct strbuf choices = STRBUF_INIT;
    for (size_t i = 0; i < kind->n_args; i++)
        strbuf_addf(&choices, "%s%s", i ? ", " : "", kind->args[i].key);
    err_set(err, "'%.64s' is no argument of %s: allowed are %s", key, kind->name,
            choices.n ? choices.text : "none");
    strbuf_release(&choices);
    return -1;
}

int layer_spec_set(struct layer_spec *layer, const char *key, double value, struct err *err)
{
    for (size_t i = 0; i < layer->kind->n_args; i++) {
        const struct layer_arg *arg = &layer->kind->args[i];
        if (strcmp(arg->key, key) != 0)
            continue;
        if (!(value >= arg->min && value <= arg->max) || (arg->is_integer && value != floor(value)))
            return err_set(err, "%s: value %.9g: allowed is %s from %.9g to %.9g", key, value,
                           arg->is_integer ? "a whole number" : "a number", arg->min, arg->max);
        layer->args[i] = value;
        layer->has_arg[i] = true;
        return 0;
    }
    return unknown_arg(layer->kind, key, err);
}

int layer_arg_choice(const struct layer_arg *arg, const char *name)
{
    for (int i = 0; arg->choices && arg->choices[i]; i++) {
        if (strcmp(arg->choices[i], name) == 0)
            return i;
    }
    return -1;
}

const char *layer_arg_choice_name(const struct layer_arg *arg, double value)
{
    return arg->choices && value >= arg->min && value <= arg->max ? arg->choices[(int)value] : NULL;
}

struct layer_list *layer_spec_branch(struct layer_spec *layer, const char *key, struct err *err)
{
    const char *const *branches = layer->kind->branches;
    for (size_t i = 0; i < LAYER_MAX_BRANCHES && branches[i]; i++) {
        if (strcmp(branches[i], key) == 0)
            return &layer->branch[i];
    }
    if (!branches[0])
        err_set(err, "'%.64s': %s has no inner lists of layers", key, layer->kind->name);
    else
        err_set(err, "'%.64s' is no inner list of %s: allowed are %s%s%s", key, layer->kind->name,
                branches[0], branches[1] ? ", " : "", branches[1] ? branches[1] : "");
    return NULL;
}

int net_spec_set_classes(struct net_spec *spec, int n_classes, struct err *err)
{
    struct layer_spec *last = spec->layers.n ? &spec->layers.layers[spec->layers.n - 1] : NULL;
    if (!last || last->kind != &layer_linear)
        return err_set(err,
                       "the number of classes can be set only where the last layer is linear; "
                       "it is %s",
                       last ? last->kind->name : "missing");
    return layer_spec_set(last, "out_features", n_classes, err);
}

int net_spec_check(const struct net_spec *spec, struct err *err)
{
    struct program program;
    if (program_init(&program, spec, err))
        return -1;
    program_release(&program);
    return 0;
}
