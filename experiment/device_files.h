/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files that an entry of the list `devices` names: its measured profile and its slow-downs. They are found when the
 * entry is read (key_value.h) and looked into once the model is known; what they hold is read again where it is needed.
 */
#ifndef EXPERIMENT_DEVICE_FILES_H
#define EXPERIMENT_DEVICE_FILES_H

#include "experiment/devices_yaml.h"

/* Complains about a profile beside clock or cycles_per_flop. */
void device_files_check_keys(struct loading *l, const struct yaml_node *node,
                             const struct key_path *path, const struct experiment_device *device);

/* Whether the files can be read and profiles are the model's. */
void device_files_check(struct loading *l, const struct device_groups *groups,
                        const struct key_path *path, const struct net_spec *model);

#endif
