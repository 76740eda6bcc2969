/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When things happened in a round, into its record: called by turn.c and handover.c as they happen. */
#include <math.h>

#include "edge-server/server_impl.h"
#include "scheduler/rates.h"

static double in_round_us(const struct server *server, double now_us)
{
    return now_us - server->round_start_us;
}

static struct turn_times *times_of_turn(struct server *server)
{
    return &current_record(server)->turns[server->turn.index];
}

void timeline_start_round(struct server *server, double now_us)
{
    struct round_record *record = current_record(server);
    if (record->round == 1)
        server->run_start_us = now_us;
    server->round_start_us = now_us;
    record->start_us = now_us - server->run_start_us;
    record->n_turns = server->framework->takes_turns ? server->n_seats : 1;
    if (server->link->is_emulated)
        rates_copy(&record->asked, &server->in.schedule->rates, server->n_seats);
}

void timeline_start_turn(struct server *server, double now_us)
{
    times_of_turn(server)->start_us = in_round_us(server, now_us);
}

void timeline_forward(struct server *server, double now_us)
{
    times_of_turn(server)->forward_us = in_round_us(server, now_us);
}

void timeline_backward(struct server *server, double now_us)
{
    times_of_turn(server)->backward_us = in_round_us(server, now_us);
}

void timeline_gradients(struct server *server)
{
    const struct turn *turn = &server->turn;
    struct turn_times *times = times_of_turn(server);
    times->gradients_us = in_round_us(server, turn->gradients_us);
    times->broadcast_end_us = in_round_us(server, turn->broadcast_end_us);
}

/* Of a device's pass, between two instants that the server saw itself; both ends are in the round. */
struct pass_place {
    double from_us, to_us;
    double pass_us; /* as the device says */
    double start_us;
};

/*
 * Stamps and durations come from outside, and an aligned clock is off by its bound and by what it drifted since: what
 * cannot be is moved to the nearest that can. fmax() and fmin() leave out a start that is not a number. What the air
 * gave out early is there at a modelled instant, which an answer may come before.
 */
static void place(const struct pass_place *p, double *start_us, double *end_us)
{
    double from_us = fmin(p->from_us, p->to_us);
    double latest_us = fmax(from_us, p->to_us - p->pass_us);
    *start_us = fmin(fmax(p->start_us, from_us), latest_us);
    *end_us = fmin(*start_us + p->pass_us, p->to_us);
}

void timeline_arrived(struct server *server, int seat, double forward_s, double now_us)
{
    struct device_record *device = &current_record(server)->devices[seat];
    struct device_times *times = &device->times;
    struct pass_place at = {.from_us = in_round_us(server, server->seats[seat].round_sent_us),
                            .to_us = in_round_us(server, now_us),
                            .pass_us = forward_s * 1e6};
    at.start_us = device->has_clock ? device->forward_start_us : at.from_us;
    times->arrived_us = at.to_us;
    place(&at, &times->forward_us, &times->forward_end_us);
}

/*
 * Where nobody asked for the time: front weights that come back keep the uplink busy after the backward pass;
 * without them it ends with the answer.
 */
void timeline_done(struct server *server, int seat, const struct msg *msg, double now_us)
{
    struct device_record *device = &current_record(server)->devices[seat];
    struct device_times *times = &device->times;
    struct pass_place at = {.from_us = in_round_us(server, server->seats[seat].answered_us),
                            .to_us = in_round_us(server, now_us),
                            .pass_us = msg->round_done.backward_s * 1e6};
    at.start_us = msg->n_payloads > 0 ? at.from_us : at.to_us - at.pass_us;
    if (device->has_clock)
        at.start_us = device->backward_start_us;
    times->done_us = at.to_us;
    place(&at, &times->backward_us, &times->backward_end_us);
}
