/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known of one round when it is over: predicted and measured terms of the latency equation, loss,
 * accuracy, bytes. Made by the round logic, read by whoever writes results or shows progress. Times are
 * modelled seconds.
 */
#ifndef EDGE_SERVER_RECORD_H
#define EDGE_SERVER_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/latency.h"

struct device_record {
    double loss;                            /* mean over its batch */
    double forward_busy_s, backward_busy_s; /* really computing */
    uint32_t n_overruns;
};

struct round_record {
    uint32_t round; /* from 1 */
    int cut;        /* boundary: layers on the device */

    uint32_t plan_round;            /* the round from which its plan holds */
    struct latency_terms predicted; /* under the plan, on this round's radio */
    double predicted_s;
    struct latency_terms measured;
    double measured_s; /* from the first message of the round to the last answer */
    double server_busy_s;

    bool has_learned; /* otherwise there are no losses */
    double loss;      /* sum_i lambda_i mean_j l_ij */
    bool is_evaluated;
    double accuracy, test_loss; /* if is_evaluated */

    uint64_t uplink_bytes, downlink_bytes, broadcast_bytes,
        handover_bytes;     /* tensors on the link */
    int columns_below_last; /* that went backward below the last layer, over all turns */
    bool is_late;        /* the round took over 5 % and 2 ms of wall time longer than predicted */
    uint32_t n_overruns; /* passes, of devices and server, that computed longer than modelled */
    struct device_record *devices; /* [C] */
};

void round_record_init(struct round_record *record, int n_devices);
void round_record_release(struct round_record *record);
void round_record_reset(struct round_record *record); /* numbers to zero, memory kept */

#endif
