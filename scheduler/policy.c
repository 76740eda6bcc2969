/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/policy.h"

#include <string.h>

#include "base/mem.h"

static const struct policy policies[] = {
    {"exact", "global optimum within scheduler.gap, with a proven lower bound", policy_exact_solve},
};

const struct policy *policy_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(policies); i++)
        if (!strcmp(policies[i].name, name))
            return &policies[i];
    return NULL;
}

const struct policy *policy_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(policies) ? &policies[i] : NULL;
}

const char *const *policy_names(void)
{
    static const char *const names[] = {"exact", NULL};
    return names;
}

/* Every latency term grows with each of these numbers. */
static bool costs_no_more(const struct problem_cut *a, const struct problem_cut *b)
{
    return a->device_forward_flop <= b->device_forward_flop &&
           a->device_backward_flop <= b->device_backward_flop &&
           a->server_forward_flop <= b->server_forward_flop &&
           a->server_backward_flop <= b->server_backward_flop &&
           a->last_layer_backward_flop <= b->last_layer_backward_flop &&
           a->activation_bits <= b->activation_bits && a->gradient_bits <= b->gradient_bits &&
           a->front_bits <= b->front_bits;
}

void policy_choose_cuts(const struct problem *problem, bool *wanted)
{
    for (int j = 0; j < problem->n_cuts; j++) {
        wanted[j] = true;
        for (int other = 0; other < problem->n_cuts && wanted[j]; other++) {
            const struct problem_cut *a = &problem->cuts[other], *b = &problem->cuts[j];
            if (other != j && costs_no_more(a, b) && (!costs_no_more(b, a) || other > j))
                wanted[j] = false;
        }
    }
}
