/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/rates.h"

void round_record_init(struct round_record *record, int n_devices)
{
    memset(record, 0, sizeof *record);
    latency_terms_init(&record->predicted, n_devices);
    latency_terms_init(&record->measured, n_devices);
    rates_init(&record->asked, n_devices);
    record->turns = mem_zero((size_t)n_devices, sizeof *record->turns);
    record->devices = mem_zero((size_t)n_devices, sizeof *record->devices);
}

void round_record_release(struct round_record *record)
{
    latency_terms_release(&record->predicted);
    latency_terms_release(&record->measured);
    rates_release(&record->asked);
    free(record->turns);
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
    struct round_record kept = {.predicted = record->predicted,
                                .measured = record->measured,
                                .asked = record->asked,
                                .turns = record->turns,
                                .devices = record->devices};
    size_t n = (size_t)kept.measured.n_devices;
    clear(&kept.predicted);
    clear(&kept.measured);
    memset(kept.asked.uplink_bps, 0, n * sizeof *kept.asked.uplink_bps);
    memset(kept.asked.downlink_bps, 0, n * sizeof *kept.asked.downlink_bps);
    kept.asked.broadcast_bps = 0;
    memset(kept.turns, 0, n * sizeof *kept.turns);
    memset(kept.devices, 0, n * sizeof *kept.devices);
    *record = kept;
}

const struct turn_times *round_record_turn(const struct round_record *record, int device)
{
    return &record->turns[record->n_turns > 1 ? device : 0];
}

bool difference_is_large(double predicted_s, double measured_s, double time_scale)
{
    double difference_s = fabs(measured_s - predicted_s);
    return difference_s > DIFFERENCE_SHARE * predicted_s &&
           difference_s * time_scale > DIFFERENCE_WALL_S;
}
