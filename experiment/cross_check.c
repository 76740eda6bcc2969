/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/cross_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/radio_setup.h"
#include "models/profile.h"

/* The node at section.key, or the nearest around it that was written. */
static const struct place *place_of(const struct yaml_node *root, const char *section,
                                    const char *key)
{
    const struct yaml_node *node = yaml_node_get(root, section);
    const struct yaml_node *value = node && key ? yaml_node_get(node, key) : NULL;
    return value ? &value->place : node ? &node->place : &root->place;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check_device_names(const struct experiment *e, const struct yaml_node *root,
                               struct complaints *c)
{
    struct key_path path = {NULL, "devices", 0};
    const char **names = mem_zero((size_t)e->n_devices, sizeof *names);
    for (int i = 0; i < e->n_devices; i++) {
        names[i] = e->devices[i].name;
        if (strlen(names[i]) > 63)
            complain(c, place_of(root, "devices", NULL), &path,
                     "device name '%s' is too long: at most 63 bytes with its number", names[i]);
    }
    qsort(names, (size_t)e->n_devices, sizeof *names, compare_names);
    for (int i = 1; i < e->n_devices; i++)
        if (strcmp(names[i], names[i - 1]) == 0)
            complain(c, place_of(root, "devices", NULL), &path,
                     "two devices are named '%s': names must differ", names[i]);
    free(names);
}

static void check_gains(const struct experiment *e, const struct yaml_node *root,
                        struct complaints *c)
{
    struct key_path radio = {NULL, "radio", 0}, path = {&radio, "subchannels", 0};
    long gains = (long)e->n_devices * e->radio.n_subchannels;
    bool is_flat = strcmp(e->radio.fading, "none") == 0 && strcmp(e->radio.path_loss, "table") != 0;
    long most = is_flat ? EXPERIMENT_MAX_FLAT_GAINS : EXPERIMENT_MAX_GAINS;
    if (gains > most)
        complain(c, place_of(root, "radio", "subchannels"), &path,
                 "value '%d': %d devices times %d subchannels must be at most %ld%s",
                 e->radio.n_subchannels, e->n_devices, e->radio.n_subchannels, most,
                 is_flat ? "" : " with fading or a table of gains");
}

/* "conv1, relu1, ...": the layers after which a cut may fall. */
static struct strbuf cut_names(const struct profile *profile)
{
    struct strbuf names = STRBUF_INIT;
    strbuf_addf(&names, "%s", "");
    for (int i = 0; i + 1 < profile->n_layers; i++)
        strbuf_addf(&names, "%s%s", i ? ", " : "", profile->layers[i].name);
    return names;
}

static bool is_cut(const struct profile *profile, const char *name)
{
    for (int i = 0; i + 1 < profile->n_layers; i++)
        if (strcmp(profile->layers[i].name, name) == 0)
            return true;
    return false;
}

static void check_cut(const struct experiment *e, int i, const struct profile *profile,
                      const struct yaml_node *root, struct complaints *c)
{
    struct key_path scheduler = {NULL, "scheduler", 0}, cuts = {&scheduler, "cuts", 0};
    struct key_path path = {&cuts, NULL, (size_t)i};
    const struct yaml_node *node = yaml_node_get(yaml_node_get(root, "scheduler"), "cuts");
    const struct place *place = &node->item[i]->place;
    const char *name = e->scheduler.cuts[i];
    for (int j = 0; j < i; j++)
        if (strcmp(e->scheduler.cuts[j], name) == 0)
            complain(c, place, &path, "value '%s' is there twice", name);
    if (!is_cut(profile, name)) {
        struct strbuf names = cut_names(profile);
        complain(c, place, &path, "value '%s': must be a layer before the last of model '%s': %s",
                 name, e->model.name, names.text);
        strbuf_release(&names);
    }
}

static void check_cuts(const struct experiment *e, const struct yaml_node *root,
                       struct complaints *c)
{
    struct key_path path = {NULL, "model", 0};
    struct profile profile = {0};
    struct err err = ERR_INIT;
    if (profile_make(&profile, &e->model, &err)) {
        complain(c, place_of(root, "model", NULL), &path, "%s", err.text);
        return;
    }
    if (profile.n_layers < 2)
        complain(c, place_of(root, "model", NULL), &path,
                 "a model of one layer cannot be split: at least 2 are wanted");
    for (int i = 0; i < e->scheduler.n_cuts; i++)
        check_cut(e, i, &profile, root, c);
    profile_release(&profile);
}

/* "radio.gains: what" at the key it begins with. */
static void complain_radio(const struct yaml_node *root, const struct err *err,
                           struct complaints *c)
{
    struct key_path radio = {NULL, "radio", 0};
    char key[32] = "";
    sscanf(err->text, "radio.%31[a-z_]", key);
    const char *what = strstr(err->text, ": ");
    struct key_path path = {&radio, key, 0};
    complain(c, place_of(root, "radio", key), &path, "%s", what ? what + 2 : err->text);
}

/* The files it names are there and right; what they hold is read again where it is needed. */
static void check_radio(const struct experiment *e, const struct yaml_node *root,
                        struct complaints *c)
{
    struct err err = ERR_INIT;
    struct channel *channel = radio_channel(e, &err);
    if (!channel)
        complain_radio(root, &err, c);
    struct links *links = radio_links(e, &err);
    if (!links)
        complain_radio(root, &err, c);
    channel_free(channel);
    links_free(links);
}

/* Keys of `data` that do not go together. */
static void check_data(const struct experiment *e, const struct yaml_node *root,
                       struct complaints *c)
{
    struct key_path data = {NULL, "data", 0}, partition = {&data, "partition", 0};
    struct key_path crop_padding = {&data, "crop_padding", 0}, flip = {&data, "flip", 0};
    char input[SHAPE_TEXT_BYTES];
    shape_format(&e->model.input, input);
    if (strcmp(e->data.partition, "local") == 0 && strcmp(e->data.format, "synthetic") == 0)
        complain(c, place_of(root, "data", "partition"), &partition,
                 "value 'local': data of the format synthetic are in no folder");
    if (e->data.crop_padding > 0 && e->model.input.n_dims != 3)
        complain(c, place_of(root, "data", "crop_padding"), &crop_padding,
                 "value '%d': only images are cropped, model '%s' takes %s", e->data.crop_padding,
                 e->model.name, input);
    if (strcmp(e->data.flip, "none") != 0 && e->model.input.n_dims != 3)
        complain(c, place_of(root, "data", "flip"), &flip,
                 "value '%s': only images are flipped, model '%s' takes %s", e->data.flip,
                 e->model.name, input);
}

void cross_check(const struct experiment *e, const struct yaml_node *root, struct complaints *c)
{
    size_t before = c->n;
    check_device_names(e, root, c);
    check_gains(e, root, c);
    if (c->n == before) /* a table of that many gains can be made */
        check_radio(e, root, c);
    check_cuts(e, root, c);
    check_data(e, root, c);
}
