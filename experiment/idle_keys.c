/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/idle_keys.h"

#include <string.h>

#include "base/mem.h"
#include "experiment/key_value.h"

/* `key` counts where `by` has one of `values`; NULL: where it has another value than its default. */
struct idle_row {
    const char *section, *key, *by_section, *by, *values;
};

#define FADED "samimi-los, samimi-nlos, umi, uma" /* by obstacles, with a deviation */

static const struct idle_row rows[] = {
    {"model", "weights", "training", "learning", "true"},
    {"data", "shards_per_device", "data", "partition", "shards"},
    {"data", "alpha", "data", "partition", "dirichlet"},
    {"training", "aggregation_ratio", "training", "framework", "epsl"},
    {"training", "aggregation", "training", "framework", "epsl"},
    {"training", "momentum", "training", "optimizer", "sgd"},
    {"training", "beta1", "training", "optimizer", "adamw"},
    {"training", "beta2", "training", "optimizer", "adamw"},
    {"training", "eps", "training", "optimizer", "adamw"},
    {"radio", "carrier", "radio", "path_loss", "free-space, umi, uma"},
    {"radio", "antenna_gain", "radio", "path_loss", FADED ", free-space"},
    {"radio", "shadowing", "radio", "path_loss", FADED},
    {"radio", "gains", "radio", "path_loss", "table"},
    {"radio", "rician_k", "radio", "fading", "rician"},
    {"radio", "fading_block", "radio", "fading", "rayleigh, rician"},
    {"radio", "coherence_time", "radio", "fading_block", "time"},
    {"radio", "speed_min", "radio", "mobility", "waypoint"},
    {"radio", "speed_max", "radio", "mobility", "waypoint"},
    {"radio", "pause", "radio", "mobility", "waypoint"},
    {"radio", "cell_radius", "radio", "mobility", "waypoint"},
    {"radio", "positions", "radio", "mobility", "positions"},
    {"radio", "retransmission", "radio", "loss", NULL},
    {"radio", "outage_length", "radio", "outage_every", NULL},
    {"scheduler", "owners", "scheduler", "policy", "fixed"},
    {"testbed", "netem", "testbed", "link", "netns"},
};

/* As it would be written, to be released. */
static struct strbuf value_text(const struct experiment *e, const struct key_row *key)
{
    struct strbuf text = STRBUF_INIT;
    key_print(key, (const char *)e + key->offset, &text);
    return text;
}

static bool is_default(const struct experiment *e, const struct key_row *key)
{
    struct experiment standard = {0};
    void *field = key_field(key, &standard);
    if (!key->fallback || key_set_default(key, NULL, field))
        return false;
    struct strbuf mine = value_text(e, key), wanted = value_text(&standard, key);
    bool is_same = strcmp(mine.text, wanted.text) == 0;
    strbuf_release(&mine);
    strbuf_release(&wanted);
    key_release(key, field);
    return is_same;
}

static bool counts(const struct experiment *e, const struct idle_row *row, const struct key_row *by,
                   const char *value)
{
    return row->values ? schema_is_choice(row->values, value) : !is_default(e, by);
}

static void check_row(const struct experiment *e, const struct idle_row *row,
                      const struct yaml_node *node, struct complaints *warnings)
{
    const struct key_row *key = schema_find(row->section, row->key);
    const struct key_row *by = schema_find(row->by_section, row->by);
    struct key_path section = {NULL, row->section, 0}, path = {&section, row->key, 0};
    struct strbuf value = value_text(e, by);
    /* A key without default is written to be used. */
    if (!counts(e, row, by, value.text) && !(key->fallback && is_default(e, key)))
        complain(warnings, &node->place, &path,
                 "warning: changes nothing with %s.%s %s: it counts with %s", row->by_section,
                 row->by, value.text, row->values ? row->values : "another value of that");
    strbuf_release(&value);
}

void idle_keys_find(const struct experiment *e, const struct yaml_node *root,
                    struct complaints *warnings)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct yaml_node *section = yaml_node_get(root, rows[i].section);
        const struct yaml_node *node = section ? yaml_node_get(section, rows[i].key) : NULL;
        if (node)
            check_row(e, &rows[i], node, warnings);
    }
}
