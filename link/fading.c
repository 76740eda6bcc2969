/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/radio.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

static double no_fading(struct rng *rng, double rician_k)
{
    (void)rng;
    (void)rician_k;
    return 1;
}

/* |h|^2 of a complex Gaussian h with E|h|^2 = 1 is exponential with mean 1. */
static double rayleigh(struct rng *rng, double rician_k)
{
    (void)rician_k;
    return rng_exponential(rng);
}

/*
 * h = sqrt(K/(K+1)) + complex Gaussian of variance 1/(K+1): Rice, Bell Syst. Tech. J. 23, 1944. K =
 * 0 is Rayleigh.
 */
static double rician(struct rng *rng, double rician_k)
{
    double scatter = sqrt(0.5 / (rician_k + 1));
    double re = sqrt(rician_k / (rician_k + 1)) + scatter * rng_normal(rng);
    double im = scatter * rng_normal(rng);

    return re * re + im * im;
}

static const struct fading models[] = {
    {"none", "every subchannel has the gain of the path", no_fading},
    {"rayleigh", "independent per device and subchannel, power gain exponential with mean 1",
     rayleigh},
    {"rician", "a direct path with K times the power of the rest, independent per subchannel",
     rician},
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
