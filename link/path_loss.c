/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/mem.h"
#include "link/path_loss_models.h"

static const struct path_loss *const models[] = {
    &path_loss_samimi_los, &path_loss_samimi_nlos, &path_loss_free_space,
    &path_loss_umi,        &path_loss_uma,         &path_loss_table,
};

const struct path_loss *path_loss_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        if (!strcmp(models[i]->name, name))
            return models[i];
    return NULL;
}

const struct path_loss *path_loss_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(models) ? models[i] : NULL;
}
