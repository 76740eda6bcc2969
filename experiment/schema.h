/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every key of an experiment file as a row: type, unit, range, default, help and where its value goes.
 * Reading, checking, printing and documenting are loops over these rows, so a new key is one row here and
 * one field in struct experiment.
 */
#ifndef EXPERIMENT_SCHEMA_H
#define EXPERIMENT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "base/units.h"
#include "experiment/distribution.h"
#include "experiment/experiment.h"

enum key_type {
    KEY_TEXT,     /* char *: anything but nothing, at most KEY_MAX_TEXT bytes */
    KEY_NAME,     /* char *: letters, digits, '-', '_', '.', the first a letter or digit */
    KEY_ADDRESS,  /* char *: tcp:// or ipc:// and more */
    KEY_FILE,     /* char *: absolute path of a file that was there, or the key's default */
    KEY_CHOICE,   /* char *: one of a list of names */
    KEY_MODELLED, /* bool: "modelled" or "native" */
    KEY_BOOLEAN,  /* bool: "true" or "false" */
    KEY_INTEGER,  /* int */
    KEY_SEED,     /* uint64_t */
    KEY_QUANTITY, /* double, SI */
    KEY_DRAWN,    /* double, SI, of each device: a quantity or a distribution */
    KEY_NAMES,    /* char ** and, right behind it, int: a list of names, maybe empty */
    KEY_SHAPE,    /* struct shape: [channels, height, width] or [features] */
    KEY_LAYERS,   /* a list of layers; read by model_yaml.c */
};

#define KEY_MAX_TEXT  1023
#define KEY_MAX_NAME  63
#define KEY_MAX_NAMES 512

struct key_row {
    const char *section, *key;
    enum key_type type;
    enum dimension dimension;
    double min, max;
    bool is_min_open, is_max_open; /* the bound itself is not allowed */
    bool takes_auto;               /* KEY_QUANTITY: "auto" too, which is 0 in the field */
    bool is_input_only;            /* resolved away: not in the printed experiment */
    const char
        *fallback;       /* the default, as it would be written; NULL: may be missing, stays zero */
    const char *choices; /* "a, b, c" */
    const char *copy;    /* KEY_FILE: what a result folder's copy ends in, ".csv" */
    /* Where the choices are another folder's: appends them, nothing when they are not known. */
    void (*add_choices)(const struct experiment_choices *choices, struct strbuf *out);
    const char *help;
    size_t offset; /* in struct experiment; "devices": in struct device_group; "model": in
                      struct model_keys */
};

enum section_kind { SECTION_MAPPING, SECTION_DEVICES, SECTION_MODEL, SECTION_MODEL_FILE };

struct section {
    const char *name;
    enum section_kind kind;
    const char *help;
};

/*
 * One entry of the list `devices`. The device comes first, so that an offset into the group is one into
 * the device too.
 */
#define GROUP_MAX_DRAWN 16
struct device_group {
    struct experiment_device device; /* name: the group's */
    int count;
    struct distribution drawn[GROUP_MAX_DRAWN]; /* in order of the KEY_DRAWN rows */
};

/* The section `model`, and a model file without its first two. */
struct model_keys {
    char *file, *weights;
    int n_classes; /* 0: as the model says */
    char *name;
    struct shape input;
};

const struct section *section_at(size_t i);           /* NULL past the last */
const struct section *section_find(const char *name); /* NULL when there is none */
const struct key_row *schema_at(size_t i);            /* NULL past the last */
const struct key_row *schema_find(const char *section, const char *key);

/* The section's rows in order: from NULL to the first, from the last to NULL. */
const struct key_row *schema_next(const char *section, const struct key_row *row);

/* How many KEY_DRAWN rows of its section stand before this one. */
size_t schema_drawn_index(const struct key_row *row);

/*
 * What is allowed, for messages and docs: "an integer in [1, 65536]", "a frequency in (0, 1e+12] Hz (units:
 * Hz, kHz, MHz, GHz)", "one of sl, psl, epsl". `choices` may be NULL.
 */
void schema_add_allowed(const struct key_row *row, const struct experiment_choices *choices,
                        struct strbuf *out);

/* "[0, 1)", in base units. */
void schema_add_range(double min, double max, bool is_min_open, bool is_max_open,
                      struct strbuf *out);

bool schema_in_range(const struct key_row *row, double value); /* false for NaN */

/* Whether `name` is one of "a, b, c"; an empty list takes every name. */
bool schema_is_choice(const char *list, const char *name);

/* The row's choices as "a, b, c" (empty when nobody knows), to be released. */
struct strbuf schema_choices(const struct key_row *row, const struct experiment_choices *choices);

#endif
