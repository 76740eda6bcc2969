/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a network is, before any memory is taken for it: an ordered list of layers with their arguments.
 * Built from YAML by experiment/, from a wire message by the agent, by hand in tests; turned into
 * something that computes by net_new(). A cut may fall between any two entries of the list; a composite
 * (residual) is one entry.
 *
 * Names follow PyTorch's state_dict: a layer named "layer1.0.conv1" has weights "layer1.0.conv1.weight"
 * and "layer1.0.conv1.bias". Argument names are those of torch.nn (out_channels, kernel_size, ...).
 */
#ifndef MODELS_NET_SPEC_H
#define MODELS_NET_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "models/shape.h"

#define LAYER_MAX_ARGS     12
#define LAYER_MAX_BRANCHES 2
#define NET_MAX_LAYERS     512 /* in one list; also bounds what is read from files and wire */
#define NET_MAX_DEPTH      4   /* composites within composites */
#define NET_MAX_NAME       64  /* bytes of a name, NUL included */

/*
 * One argument of a layer kind: a number (booleans are 0 and 1, a choice its place in the list), validated
 * wherever it comes from.
 */
struct layer_arg {
    const char *key;
    double min, max;
    double fallback;  /* when not given and not required */
    bool is_required; /* must be given */
    bool is_integer;
    const char *help;           /* one line, with the unit if there is one */
    const char *const *choices; /* names of the values 0, 1, ..., NULL at the end; NULL: a number */
};

struct layer_ops; /* models/layer.h: a kind of layer, one row of the table of kinds */

struct layer_spec;
struct layer_list {
    struct layer_spec *layers;
    size_t n, capacity;
};

struct layer_spec {
    const struct layer_ops *kind;
    char name[NET_MAX_NAME];                      /* "" for layers without weights, if not given */
    double args[LAYER_MAX_ARGS];                  /* by the kind's rows */
    bool has_arg[LAYER_MAX_ARGS];                 /* given, as opposed to fallen back on */
    struct layer_list branch[LAYER_MAX_BRANCHES]; /* composites only, by the kind's branch names */
};

struct net_spec {
    char name[NET_MAX_NAME];
    struct shape input; /* of one sample */
    struct layer_list layers;
};

#define NET_SPEC_INIT                                                                              \
    {                                                                                              \
        {0}, {0, {0}},                                                                             \
        {                                                                                          \
            NULL, 0, 0                                                                             \
        }                                                                                          \
    }
void net_spec_release(struct net_spec *spec);
void net_spec_copy(struct net_spec *to, const struct net_spec *from); /* `to` is uninitialised */

/*
 * Appends a layer of the kind called `kind` with its fallback arguments. The pointer is good until the
 * next append to the same list. Fails on an unknown kind (the error lists the kinds), a bad or too long
 * name, or a full list.
 */
struct layer_spec *layer_list_add(struct layer_list *list, const char *kind, const char *name,
                                  struct err *err);

/* Sets one argument. The error names the allowed range, or the kind's arguments when `key` is none. */
int layer_spec_set(struct layer_spec *layer, const char *key, double value, struct err *err);

/* The value of the choice called `name`, or -1; the name of a choice, or NULL where there is none. */
int layer_arg_choice(const struct layer_arg *arg, const char *name);
const char *layer_arg_choice_name(const struct layer_arg *arg, double value);

/* The branch called `key` of a composite ("body", "shortcut"), or NULL with the kind's branch names. */
struct layer_list *layer_spec_branch(struct layer_spec *layer, const char *key, struct err *err);

/* Sets the number of classes: out_features of the last layer, which must be linear. */
int net_spec_set_classes(struct net_spec *spec, int n_classes, struct err *err);

/*
 * The whole check: required arguments present, unique names for layers with weights, shapes that fit one
 * another, limits. net_new() and profile do it too; this is for saying so early.
 */
int net_spec_check(const struct net_spec *spec, struct err *err);

/* For readers and writers of specs: what a kind is called, and its rows. */
const char *layer_kind_name(const struct layer_ops *kind);
const char *layer_kind_help(const struct layer_ops *kind);
const struct layer_arg *layer_kind_args(const struct layer_ops *kind, size_t *n);
const char *layer_kind_branch(const struct layer_ops *kind, size_t i); /* NULL past the last */
const struct layer_ops *layer_kind_at(size_t i);                       /* NULL past the last */

#endif
