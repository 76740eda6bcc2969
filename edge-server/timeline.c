/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When things happened in a round, into its record: called by turn.c and handover.c as they happen. */
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

void timeline_arrived(struct server *server, int seat, double forward_s, double now_us)
{
    struct device_times *times = &current_record(server)->devices[seat].times;
    times->forward_us = in_round_us(server, server->seats[seat].round_sent_us);
    times->forward_end_us = times->forward_us + forward_s * 1e6;
    times->arrived_us = in_round_us(server, now_us);
}

/* Front weights that come back keep the uplink busy after the backward pass; without them it ends with the answer. */
void timeline_done(struct server *server, int seat, const struct msg *msg, double now_us)
{
    struct device_times *times = &current_record(server)->devices[seat].times;
    double backward_us = msg->round_done.backward_s * 1e6;
    times->done_us = in_round_us(server, now_us);
    times->backward_us = msg->n_payloads > 0 ? in_round_us(server, server->seats[seat].answered_us)
                                             : times->done_us - backward_us;
    times->backward_end_us = times->backward_us + backward_us;
}
