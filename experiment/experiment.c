/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/experiment.h"

#include <stdlib.h>
#include <string.h>

#include "experiment/cross_check.h"
#include "experiment/devices_yaml.h"
#include "experiment/idle_keys.h"
#include "experiment/key_value.h"
#include "experiment/model_yaml.h"
#include "experiment/overrides.h"

/* An experiment on its way in. */
struct load {
    struct loading loading;
    struct experiment *e;
    struct device_groups groups;
};

static void complain_section(struct loading *l, const struct yaml_node *key)
{
    struct key_path path = {NULL, key->text, 0};
    struct nearest nearest;
    struct strbuf names = STRBUF_INIT;
    nearest_init(&nearest, key->text);
    for (size_t i = 0; section_at(i) && section_at(i)->kind != SECTION_MODEL_FILE; i++) {
        nearest_offer(&nearest, section_at(i)->name);
        strbuf_addf(&names, "%s%s", i ? ", " : "", section_at(i)->name);
    }
    const struct key_row *row = NULL;
    for (size_t i = 0; schema_at(i) && !row; i++)
        if (strcmp(schema_at(i)->key, key->text) == 0)
            row = schema_at(i);
    if (nearest.name)
        complain(&l->c, &key->place, &path, "unknown section: did you mean '%s'?", nearest.name);
    else if (row)
        complain(&l->c, &key->place, &path, "unknown section: did you mean '%s.%s'?", row->section,
                 row->key);
    else
        complain(&l->c, &key->place, &path, "unknown section: allowed are %s", names.text);
    strbuf_release(&names);
}

/* `node`: NULL when the section is not there. */
static void read_section(struct load *load, const struct section *section,
                         const struct yaml_node *node, const struct yaml_node *root)
{
    struct key_path path = {NULL, section->name, 0};
    struct loading *l = &load->loading;
    if (section->kind == SECTION_MAPPING)
        section_read(l, section->name, node, &path, load->e);
    else if (!node)
        complain(&l->c, &root->place, &path, "missing: %s", section->help);
    else if (section->kind == SECTION_MODEL)
        model_read(l, node, &path, &load->e->model, &load->e->weights);
    else
        device_groups_read(l, node, &path, &load->groups);
}

/* Sections in the order of the file, so that complaints are in it too; then those it does not have. */
static void read_root(struct load *load, const struct yaml_node *root)
{
    const struct section *section;
    for (size_t i = 0; i < root->n; i++) {
        section = section_find(root->key[i]->text);
        if (section && section->kind != SECTION_MODEL_FILE)
            read_section(load, section, root->item[i], root);
        else
            complain_section(&load->loading, root->key[i]);
    }
    for (size_t i = 0; (section = section_at(i)); i++)
        if (section->kind != SECTION_MODEL_FILE && !yaml_node_get(root, section->name))
            read_section(load, section, NULL, root);
}

static void find_idle_keys(struct experiment *e, const struct yaml_node *root)
{
    struct strbuf lines = STRBUF_INIT;
    struct complaints warnings = {&lines, 0};
    idle_keys_find(e, root, &warnings);
    complaints_end(&warnings);
    e->warnings = lines.text;
}

static void read_tree(struct load *load, const struct yaml_node *root)
{
    struct complaints *c = &load->loading.c;
    struct key_path devices = {NULL, "devices", 0};
    char value[VALUE_TEXT_BYTES];
    if (root->kind != YAML_MAPPING) {
        complain(c, &root->place, NULL, "%s: must be a mapping of sections (model, devices, ...)",
                 key_value_text(root, value));
        return;
    }
    read_root(load, root);
    if (c->n == 0)
        device_groups_draw(&load->loading, &load->groups, &devices, load->e);
    if (c->n == 0)
        cross_check(load->e, root, c);
    if (c->n == 0)
        find_idle_keys(load->e, root);
    device_groups_release(&load->groups);
}

/* Real computing and real links take their time whatever is asked for. */
static void settle_time_scale(struct experiment *e)
{
    if (!e->testbed.models_compute || strcmp(e->testbed.link, "native") == 0)
        e->testbed.time_scale = 1;
}

int experiment_load(struct experiment *e, const char *path,
                    const struct experiment_override *overrides, size_t n_overrides,
                    const struct experiment_choices *choices, struct strbuf *errors)
{
    struct load load = {{{errors, 0}, choices, path}, e, {NULL, NULL, 0}};
    struct complaints *c = &load.loading.c;
    char **sources = NULL;
    memset(e, 0, sizeof *e);
    struct yaml_node *root = yaml_node_load(path, NULL, NULL, c);
    if (root) {
        overrides_apply(root, overrides, n_overrides, &sources, c);
        read_tree(&load, root);
    }
    yaml_node_free(root);
    overrides_free_sources(sources, n_overrides);
    complaints_end(c);
    if (c->n == 0) {
        settle_time_scale(e);
        return 0;
    }
    experiment_release(e);
    return -1;
}

void experiment_release(struct experiment *e)
{
    for (size_t i = 0; section_at(i); i++)
        if (section_at(i)->kind == SECTION_MAPPING)
            section_release(section_at(i)->name, e);
    for (int i = 0; i < e->n_devices; i++) {
        free(e->devices[i].name);
        free(e->devices[i].profile);
        free(e->devices[i].slowdown);
    }
    free(e->devices);
    net_spec_release(&e->model);
    free(e->weights);
    free(e->warnings);
    memset(e, 0, sizeof *e);
}

int model_load(struct net_spec *spec, const char *path, struct strbuf *errors)
{
    struct loading l = {{errors, 0}, NULL, path};
    *spec = (struct net_spec)NET_SPEC_INIT;
    model_read_file(&l, path, NULL, NULL, spec);
    complaints_end(&l.c);
    if (l.c.n == 0)
        return 0;
    net_spec_release(spec);
    return -1;
}
