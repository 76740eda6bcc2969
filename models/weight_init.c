/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/weight_init.h"

#include <math.h>
#include <string.h>

enum {
    DEFAULT,
    KAIMING_UNIFORM,
    KAIMING_NORMAL,
    KAIMING_NORMAL_FAN_OUT,
    XAVIER_UNIFORM,
    XAVIER_NORMAL
};

const char *const weight_init_names[WEIGHT_INIT_N + 1] = {
    [DEFAULT] = "default",
    [KAIMING_UNIFORM] = "kaiming_uniform",
    [KAIMING_NORMAL] = "kaiming_normal",
    [KAIMING_NORMAL_FAN_OUT] = "kaiming_normal_fan_out",
    [XAVIER_UNIFORM] = "xavier_uniform",
    [XAVIER_NORMAL] = "xavier_normal",
};

static double variance(const struct layer_tensor *weight, int choice)
{
    double fan_in = (double)weight->n / weight->dim[0];
    double fan_out = (double)weight->n / weight->dim[1];
    if (choice == KAIMING_NORMAL_FAN_OUT)
        return 2 / fan_out;
    if (choice == XAVIER_UNIFORM || choice == XAVIER_NORMAL)
        return 2 / (fan_in + fan_out);
    return choice == DEFAULT ? 1 / (3 * fan_in) : 2 / fan_in;
}

void weight_init(const struct layer *layer, int choice, float *params, struct rng *rng)
{
    const struct layer_tensor *weight = &layer->tensors[0];
    size_t n = layer_n_params(layer);
    double v = variance(weight, choice), bound = sqrt(3 * v), deviation = sqrt(v);
    bool is_normal =
        choice == KAIMING_NORMAL || choice == KAIMING_NORMAL_FAN_OUT || choice == XAVIER_NORMAL;
    size_t n_drawn = choice == DEFAULT ? n : weight->n;
    for (size_t i = 0; i < n_drawn; i++)
        params[i] =
            (float)(is_normal ? deviation * rng_normal(rng) : rng_uniform_in(rng, -bound, bound));
    memset(params + n_drawn, 0, (n - n_drawn) * sizeof *params);
}
