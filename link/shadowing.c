/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/shadowing.h"

#include <math.h>

#include "link/streams.h"

#define PI 3.14159265358979323846

/* The field belongs to the cell: block 1 of the first device, whose own draw is block 0. */
void shadowing_init(struct shadowing *field, uint64_t seed)
{
    struct rng rng;

    rng_seed(&rng, seed, channel_stream(CHANNEL_SHADOWING, 0, 1));
    for (int i = 0; i < SHADOWING_WAVES; i++) {
        double left = 1 - rng_uniform(&rng), k = sqrt(1 / (left * left) - 1);
        double angle = rng_uniform_in(&rng, 0, 2 * PI);
        field->k_x[i] = k * cos(angle);
        field->k_y[i] = k * sin(angle);
        field->phase[i] = rng_uniform_in(&rng, 0, 2 * PI);
    }
}

double shadowing_at(const struct shadowing *field, double x_m, double y_m, double correlation_m)
{
    double x = x_m / correlation_m, y = y_m / correlation_m, sum = 0;

    for (int i = 0; i < SHADOWING_WAVES; i++)
        sum += cos(field->k_x[i] * x + field->k_y[i] * y + field->phase[i]);
    return sum * sqrt(2.0 / SHADOWING_WAVES);
}
