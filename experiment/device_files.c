/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "experiment/device_files.h"

#include <string.h>

#include "base/mem.h"
#include "experiment/slowdowns.h"
#include "models/profile_file.h"

/* The value of `key` in `node`, and its path: where to complain. */
#define COMPLAIN(l, node, path, name, ...)                                                         \
    do {                                                                                           \
        struct key_path here_ = {path, name, 0};                                                   \
        complain(&(l)->c, &yaml_node_get(node, name)->place, &here_, __VA_ARGS__);                 \
    } while (0)

void device_files_check_keys(struct loading *l, const struct yaml_node *node,
                             const struct key_path *path, const struct experiment_device *device)
{
    static const char *const replaced[] = {"clock", "cycles_per_flop"};
    for (size_t i = 0; device->profile && i < ARRAY_LEN(replaced); i++)
        if (yaml_node_get(node, replaced[i]))
            COMPLAIN(l, node, path, replaced[i], "not together with profile: either or");
}

/* Whether the text is there and another than that of the group before. */
static bool is_new(const char *text, const char *before)
{
    return text && (!before || strcmp(text, before) != 0);
}

static int check_profile(const char *path, const struct net_spec *model, struct err *err)
{
    struct profile_file file;
    if (profile_file_load_of(&file, path, model, err))
        return -1;
    profile_file_release(&file);
    return 0;
}

static int check_slowdown(const char *path, struct err *err)
{
    struct slowdown slowdown;
    if (slowdown_load(&slowdown, path, err))
        return -1;
    slowdown_release(&slowdown);
    return 0;
}

void device_files_check(struct loading *l, const struct device_groups *groups,
                        const struct key_path *path, const struct net_spec *model)
{
    const struct experiment_device none = {0}, *before = &none;
    for (size_t i = 0; i < groups->n; i++) {
        const struct experiment_device *device = &groups->group[i].device;
        struct key_path here = {path, NULL, i};
        struct err err = ERR_INIT;
        if (is_new(device->profile, before->profile) && check_profile(device->profile, model, &err))
            COMPLAIN(l, groups->node[i], &here, "profile", "%s", err.text);
        err = (struct err)ERR_INIT;
        if (is_new(device->slowdown, before->slowdown) && check_slowdown(device->slowdown, &err))
            COMPLAIN(l, groups->node[i], &here, "slowdown", "%s", err.text);
        before = device;
    }
}
