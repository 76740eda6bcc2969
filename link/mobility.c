/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/mem.h"
#include "link/mobility_kinds.h"
#include "link/streams.h"

static const struct mobility_kind *const kinds[] = {&mobility_none, &mobility_waypoint,
                                                    &mobility_positions};

const struct mobility_kind *mobility_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (!strcmp(kinds[i]->name, name))
            return kinds[i];
    return NULL;
}

const struct mobility_kind *mobility_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(kinds) ? kinds[i] : NULL;
}

double mobility_first_angle(uint64_t seed, int device)
{
    struct rng rng;

    rng_seed(&rng, seed, channel_stream(CHANNEL_ANGLE, device, 0));
    return rng_uniform_in(&rng, 0, 2 * 3.14159265358979323846);
}
