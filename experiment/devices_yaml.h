/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list `devices`: groups as written, then the devices themselves, each with its own name and draws.
 * In two steps, because the draws need the seed, which may stand further down in the file.
 */
#ifndef EXPERIMENT_DEVICES_YAML_H
#define EXPERIMENT_DEVICES_YAML_H

#include "experiment/key_value.h"

struct device_groups {
    struct device_group *group;
    const struct yaml_node **node; /* where each was written; borrowed */
    size_t n;
};

void device_groups_read(struct loading *l, const struct yaml_node *node,
                        const struct key_path *path, struct device_groups *groups);
void device_groups_release(struct device_groups *groups);

/* Names and draws the devices of all groups into e->devices, and checks their files; only after no complaint. */
void device_groups_draw(struct loading *l, const struct device_groups *groups,
                        const struct key_path *path, struct experiment *e);

#endif
