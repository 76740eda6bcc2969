/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/phase.h"

#include "base/mem.h"

#define ROW(key, label, is_per_device)                                                             \
    {                                                                                              \
#key, label, offsetof(struct latency_terms, key##_s), is_per_device                        \
    }

const struct phase phases[] = {
    ROW(device_forward, "device forward", true),
    ROW(uplink, "uplink", true),
    ROW(server_forward, "server forward", false),
    ROW(server_backward, "server backward", false),
    ROW(broadcast, "broadcast", false),
    ROW(downlink, "downlink", true),
    ROW(device_backward, "device backward", true),
    ROW(handover, "hand-over of layers", true),
};
const size_t n_phases = ARRAY_LEN(phases);

static const void *term(const struct phase *phase, const struct latency_terms *terms)
{
    return (const char *)terms + phase->offset;
}

double phase_of_device(const struct phase *phase, const struct latency_terms *terms, int device)
{
    double *const *values = term(phase, terms);
    return (*values)[device];
}

double phase_of_round(const struct phase *phase, const struct latency_terms *terms,
                      bool takes_turns)
{
    if (!phase->is_per_device)
        return *(const double *)term(phase, terms);
    double round = 0;
    for (int i = 0; i < terms->n_devices; i++) {
        double value = phase_of_device(phase, terms, i);
        if (takes_turns)
            round += value;
        else if (value > round)
            round = value;
    }
    return round;
}
