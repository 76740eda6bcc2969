/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/radio.h"

#include <string.h>

#include "base/mem.h"

static double no_fading(struct rng *rng)
{
    (void)rng;
    return 1;
}

/* |h|^2 of a complex Gaussian h with E|h|^2 = 1 is exponential with mean 1. */
static double rayleigh(struct rng *rng)
{
    return rng_exponential(rng);
}

static const struct fading models[] = {
    {"none", "every subchannel has the gain of the path", no_fading},
    {"rayleigh", "independent per device and subchannel, power gain exponential with mean 1",
     rayleigh},
};

const struct fading *fading_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        if (!strcmp(models[i].name, name))
            return &models[i];
    return NULL;
}

const struct fading *fading_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(models) ? &models[i] : NULL;
}
