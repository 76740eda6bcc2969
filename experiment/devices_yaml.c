/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/devices_yaml.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/device_files.h"

void device_groups_read(struct loading *l, const struct yaml_node *node,
                        const struct key_path *path, struct device_groups *groups)
{
    char value[VALUE_TEXT_BYTES];
    if (node->kind != YAML_SEQUENCE || node->n == 0 || node->n > EXPERIMENT_MAX_DEVICES) {
        complain(&l->c, &node->place, path,
                 "%s: must be a list of 1 to %d groups, `- {name: pi, count: 5}` each",
                 node->kind == YAML_SEQUENCE && !node->n ? "value '[]'"
                                                         : key_value_text(node, value),
                 EXPERIMENT_MAX_DEVICES);
        return;
    }
    groups->group = mem_zero(node->n, sizeof *groups->group);
    groups->node = mem_zero(node->n, sizeof *groups->node);
    groups->n = node->n;
    long total = 0;
    for (size_t i = 0; i < node->n; i++) {
        struct key_path here = {path, NULL, i};
        groups->node[i] = node->item[i];
        section_read(l, "devices", node->item[i], &here, &groups->group[i]);
        device_files_check_keys(l, node->item[i], &here, &groups->group[i].device);
        total += groups->group[i].count;
    }
    if (total > EXPERIMENT_MAX_DEVICES)
        complain(&l->c, &node->place, path, "%ld devices in all: at most %d are taken", total,
                 EXPERIMENT_MAX_DEVICES);
}

void device_groups_release(struct device_groups *groups)
{
    for (size_t i = 0; i < groups->n; i++)
        section_release("devices", &groups->group[i]);
    free(groups->group);
    free(groups->node);
    *groups = (struct device_groups){NULL, NULL, 0};
}

static void draw_device(struct loading *l, const struct device_group *group,
                        const struct yaml_node *node, const struct key_path *path, uint64_t seed,
                        int number, struct experiment_device *device)
{
    const struct key_row *row = NULL;
    while ((row = schema_next("devices", row))) {
        if (row->type != KEY_DRAWN)
            continue;
        const struct distribution *d = &group->drawn[schema_drawn_index(row)];
        if (!distribution_draw(d, row, seed, group->device.name, number, key_field(row, device)))
            continue;
        const struct yaml_node *value = yaml_node_get(node, row->key);
        struct key_path here = {path, row->key, 0};
        char text[VALUE_TEXT_BYTES];
        struct strbuf range = STRBUF_INIT;
        schema_add_range(row->min, row->max, row->is_min_open, row->is_max_open, &range);
        complain(&l->c, &value->place, &here, "%s: %d draws in a row were not in %s %s",
                 key_value_text(value, text), DISTRIBUTION_MAX_REDRAWS, range.text,
                 unit_symbol(row->dimension));
        strbuf_release(&range);
    }
}

void device_groups_draw(struct loading *l, const struct device_groups *groups,
                        const struct key_path *path, struct experiment *e)
{
    int n = 0, n_unnamed = 0;
    for (size_t i = 0; i < groups->n; i++)
        n += groups->group[i].count;
    e->devices = mem_zero((size_t)n, sizeof *e->devices);
    for (size_t i = 0; i < groups->n; i++) {
        const struct device_group *group = &groups->group[i];
        const char *name = group->device.name;
        bool is_named = yaml_node_get(groups->node[i], "name") != NULL;
        struct key_path here = {path, NULL, i};
        size_t before = l->c.n;
        for (int j = 0; j < group->count && l->c.n == before; j++) {
            struct experiment_device *device = &e->devices[e->n_devices++];
            int number = is_named ? j : n_unnamed++;
            device->name = is_named && group->count == 1 ? mem_string(name)
                                                         : mem_format("%s-%d", name, number);
            device->profile = group->device.profile ? mem_string(group->device.profile) : NULL;
            device->slowdown = group->device.slowdown ? mem_string(group->device.slowdown) : NULL;
            draw_device(l, group, groups->node[i], &here, e->seed, number, device);
        }
    }
    device_files_check(l, groups, path, &e->model);
}
