/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "models/optimizer.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

static const struct optimizer_ops *const kinds[] = {&optimizer_sgd, &optimizer_adamw};

const char *optimizer_kinds(void)
{
    return "sgd, adamw";
}

int optimizer_init(struct optimizer *optimizer, const char *kind, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i]->name, kind) == 0) {
            *optimizer = kinds[i]->fallback;
            optimizer->kind = kinds[i];
            return 0;
        }
    }
    return err_set(err, "'%.64s' is no optimizer: allowed are %s", kind, optimizer_kinds());
}

size_t optimizer_state_floats(const struct optimizer *optimizer, size_t n)
{
    return (size_t)optimizer->kind->n_state(optimizer) * n;
}

void optimizer_step(const struct optimizer *optimizer, float *params, const float *grads,
                    float *state, size_t n, uint64_t t)
{
    assert(t >= 1 && (state || optimizer_state_floats(optimizer, n) == 0));
    optimizer->kind->step(optimizer, params, grads, state, n, t);
}
