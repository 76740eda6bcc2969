/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void round_record_init(struct round_record *record, int n_devices)
{
    memset(record, 0, sizeof *record);
    latency_terms_init(&record->measured, n_devices);
    record->devices = mem_zero((size_t)n_devices, sizeof *record->devices);
}

void round_record_release(struct round_record *record)
{
    latency_terms_release(&record->measured);
    free(record->devices);
    memset(record, 0, sizeof *record);
}

void round_record_reset(struct round_record *record)
{
    struct latency_terms measured = record->measured;
    struct device_record *devices = record->devices;
    size_t n = (size_t)measured.n_devices;
    memset(devices, 0, n * sizeof *devices);
    double *per_device[] = {measured.device_forward_s, measured.uplink_s, measured.downlink_s,
                            measured.device_backward_s, measured.handover_s};
    for (size_t i = 0; i < ARRAY_LEN(per_device); i++)
        memset(per_device[i], 0, n * sizeof *per_device[i]);
    measured.server_forward_s = measured.server_backward_s = measured.broadcast_s = 0;
    *record = (struct round_record){.measured = measured, .devices = devices};
}
