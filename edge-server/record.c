/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void round_record_init(struct round_record *record, int n_devices)
{
    memset(record, 0, sizeof *record);
    latency_terms_init(&record->predicted, n_devices);
    latency_terms_init(&record->measured, n_devices);
    record->devices = mem_zero((size_t)n_devices, sizeof *record->devices);
}

void round_record_release(struct round_record *record)
{
    latency_terms_release(&record->predicted);
    latency_terms_release(&record->measured);
    free(record->devices);
    memset(record, 0, sizeof *record);
}

static void clear(struct latency_terms *terms)
{
    double *per_device[] = {terms->device_forward_s, terms->uplink_s, terms->downlink_s,
                            terms->device_backward_s, terms->handover_s};
    for (size_t i = 0; i < ARRAY_LEN(per_device); i++)
        memset(per_device[i], 0, (size_t)terms->n_devices * sizeof *per_device[i]);
    terms->server_forward_s = terms->server_backward_s = terms->broadcast_s = 0;
}

void round_record_reset(struct round_record *record)
{
    struct latency_terms predicted = record->predicted, measured = record->measured;
    struct device_record *devices = record->devices;
    clear(&predicted);
    clear(&measured);
    memset(devices, 0, (size_t)measured.n_devices * sizeof *devices);
    *record =
        (struct round_record){.predicted = predicted, .measured = measured, .devices = devices};
}
