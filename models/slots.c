/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/net.h"

#include <assert.h>
#include <string.h>

int slots_columns(const struct slots *slots)
{
    return slots->n_slots + slots->n_groups * (slots->batch - slots->n_slots);
}

static void mean_of_slot(const struct slots *slots, float *columns, size_t features, int slot)
{
    size_t group = (size_t)slots->batch * features;
    float *column = columns + (size_t)slot * features;
    for (size_t f = 0; f < features; f++) {
        double sum = 0;
        for (int i = 0; i < slots->n_groups; i++)
            sum += slots->weights[i] * (double)column[(size_t)i * group + f];
        column[f] = (float)sum;
    }
}

void slots_aggregate(const struct slots *slots, float *columns, size_t features)
{
    assert(slots->n_groups >= 1 && slots->n_slots >= 0 && slots->n_slots <= slots->batch);
    if (slots->n_groups == 1 || slots->n_slots == 0)
        return;
    for (int slot = 0; slot < slots->n_slots; slot++)
        mean_of_slot(slots, columns, features, slot);
    size_t kept = (size_t)(slots->batch - slots->n_slots) * features;
    for (size_t i = 1; i < (size_t)slots->n_groups; i++) {
        size_t to = (size_t)slots->n_slots * features + i * kept;
        size_t from = (i * (size_t)slots->batch + (size_t)slots->n_slots) * features;
        memmove(columns + to, columns + from, kept * sizeof *columns);
    }
}
