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

/*
 * When things happened to a device in a round: modelled microseconds since the round began, on the server's clock.
 * A device's passes are as long as it measured them. They begin where its own stamp says, placed on the server's clock,
 * if the server knows how far the device's clock is ahead; otherwise behind what the server saw before. Either way
 * between the instants that the server saw: whatever a device says, the times ascend in the order below.
 */
struct device_times {
    double forward_us; /* its forward pass begins: what it is handed over for the round is there */
    double forward_end_us;
    double arrived_us;  /* its activations, at the server */
    double backward_us; /* its gradient is complete */
    double backward_end_us;
    double done_us; /* its answer is at the server, with its front weights if they travel */
};

/* The server's side of one turn, on the same clock. */
struct turn_times {
    double start_us;
    double forward_us;   /* the last activations are there */
    double backward_us;  /* its forward pass is over */
    double gradients_us; /* its backward pass is over; gradients go on the air */
    double broadcast_end_us;
};

struct device_record {
    double loss;                            /* mean over its batch */
    double forward_busy_s, backward_busy_s; /* really computing */
    uint32_t n_overruns;
    uint64_t uplink_bytes, downlink_bytes; /* activations, and gradients of its own */
    struct device_times times;
    /*
     * From the device's own stamps as they are, modelled microseconds on the server's clock since the round began;
     * of no use without has_clock, and not finite if the stamps are absurd.
     */
    double forward_start_us, backward_start_us;
    bool has_clock;                       /* the device was asked for its time */
    double clock_offset_s, clock_bound_s; /* it is so much ahead of the server's, give or take */
};

struct round_record {
    uint32_t round; /* from 1 */
    int cut;        /* boundary: layers on the device */

    uint32_t plan_round;            /* the round from which its plan holds */
    struct latency_terms predicted; /* under the plan, on this round's radio */
    double predicted_s;
    struct latency_terms measured;
    double measured_s; /* from the first message of the round to the last answer */
    struct rates
        asked;       /* what the emulated links were paced to; zeros when they were not emulated */
    double start_us; /* modelled, since the run's first round began */
    struct turn_times
        *turns; /* [C]; n_turns of them: one for each device that takes one, or one for all */
    int n_turns;
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

/* A difference is large when it is more than this of what was predicted, and this much of the wall's time. */
#define DIFFERENCE_SHARE  0.05
#define DIFFERENCE_WALL_S 0.002

/* Whether the machine did not do as it was asked; a time scale of 0 is a virtual clock's. */
bool difference_is_large(double predicted_s, double measured_s, double time_scale);

void round_record_init(struct round_record *record, int n_devices);
void round_record_release(struct round_record *record);
void round_record_reset(struct round_record *record); /* numbers to zero, memory kept */

/* The turn that a device had its part in. */
const struct turn_times *round_record_turn(const struct round_record *record, int device);

#endif
