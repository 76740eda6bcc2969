/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One value of one key: from YAML into the field its row names, back to YAML, and released. What is
 * refused is complained about with the value and what is allowed.
 */
#ifndef EXPERIMENT_KEY_VALUE_H
#define EXPERIMENT_KEY_VALUE_H

#include "experiment/schema.h"
#include "experiment/yaml_tree.h"

/* What goes along while an experiment is read. */
struct loading {
    struct complaints c;
    const struct experiment_choices *choices; /* NULL: any framework, any policy */
    const char *path;                         /* of the experiment file */
};

/* The row's field in the struct at `base` (schema.h says which); NULL for KEY_LAYERS. */
void *key_field(const struct key_row *row, void *base);

/*
 * Reads `node` into `field`, which stays as it is when the value is refused. A file is sought beside the experiment
 * file, or from the working directory when its name is from --set, and becomes an absolute path, so that the resolved
 * experiment finds it from any folder; one that is not there is refused. (One that is resolved away is left as it is
 * named, for messages about what it holds.)
 */
void key_read(struct loading *l, const struct key_row *row, const struct yaml_node *node,
              const struct key_path *path, void *field);

/* Sets the row's default, if it has one. Fails when the default is none of the choices. */
int key_set_default(const struct key_row *row, const struct experiment_choices *choices,
                    void *field);

/* The value as YAML that key_read() takes back to the very same. */
void key_print(const struct key_row *row, const void *field, struct strbuf *out);

/* Text as a YAML scalar that any reader takes as a string: quoted where need be. */
void key_print_text(const char *text, struct strbuf *out);

void key_release(const struct key_row *row, void *field);

/*
 * Reads a mapping (NULL or empty: defaults alone) into the struct at `base`: its keys by the rows of
 * `section`, defaults for the others; complains about unknown keys.
 */
void section_read(struct loading *l, const char *section, const struct yaml_node *node,
                  const struct key_path *path, void *base);
void section_release(const char *section, void *base);

/* "value 'x'", "value is a list", "no value": the start of most complaints. */
#define VALUE_TEXT_BYTES (SHOWN_BYTES + 16)
const char *key_value_text(const struct yaml_node *node, char buf[VALUE_TEXT_BYTES]);

#endif
