/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/link_kind.h"

#include <string.h>

#include "base/mem.h"

static const struct link_kind link_modelled = {
    .name = "modelled",
    .help = "messages are held back in server and agents until they would have arrived",
    .is_emulated = true,
    .paces_itself = true,
};

static const struct link_kind link_native = {
    .name = "native",
    .help = "nothing is held back: whatever network there is",
};

static const struct link_kind *const kinds[] = {&link_modelled, &link_netns, &link_native};

bool link_is_impaired(const struct experiment *e)
{
    return e->radio.delay_s > 0 || e->radio.jitter_s > 0 || e->radio.loss > 0;
}

const struct link_kind *link_kind_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}
