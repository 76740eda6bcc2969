/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's side of the protocol (docs/PROTOCOL.md), without input or output: messages and the time go
 * in, messages and round records come out. Driven by the server's loop with ZeroMQ and the wall clock, by a
 * simulator with a virtual one.
 *
 * Time is modelled microseconds, INFINITY for never. The server's computing and the air to the devices are
 * emulated as the experiment says (link/pass.h, edge-server/air.h); what is measured is measured with the times
 * given here and the durations devices report.
 *
 * Between rounds it waits to be told to go on, so that a plan can be made: server_wanted_round() says for which
 * round; then schedule_next() and server_start_round().
 *
 * How to drive it: after any call, or when server_wake_us() has come, call server_advance() with the time as
 * it is then; set the links as server_next_pace() says until NULL, then send what server_next_message() gives until
 * NULL; take server_next_record() until NULL.
 */
#ifndef EDGE_SERVER_SERVER_H
#define EDGE_SERVER_SERVER_H

#include <stdint.h>

#include "edge-server/link_kind.h"
#include "edge-server/record.h"
#include "edge-server/schedule.h"
#include "experiment/experiment.h"
#include "models/partition.h"
#include "wire/message.h"

struct server;

struct server_inputs { /* all borrowed for the server's life */
    const struct experiment *experiment;
    const struct schedule *schedule;   /* opened; moved on by whoever drives, between rounds */
    const struct partition *partition; /* NULL: devices say how many samples they hold */
    int n_test_samples; /* that an evaluation covers; every device must have so many. Without a partition: at
                           most so many, 0 for no limit, and no more than the device with the fewest has */
    double
        step_us; /* what the emulated air carries goes in pieces that last so long; 0: whole, when it is due */
    double
        clock_every_us; /* between rounds, so often, devices are asked for their time; 0: never */
    bool
        loses_frames; /* the network does, for real: the air does not wait for the equations' losses */
};

struct server *server_new(const struct server_inputs *inputs, struct err *err);
void server_free(struct server *server); /* messages given out that lend its memory must be gone */

/* A message of some peer, taken over. Nothing a peer sends makes this fail: see server_state(). */
void server_receive(struct server *server, uint64_t peer, struct msg **msg, double now_us);

/* A peer is gone, and why. The run ends unless the peer was none of its devices. */
void server_lost(struct server *server, uint64_t peer, const char *reason);

/* Ends the run early: devices are told, the state is SERVER_FAILED with this reason. */
void server_stop(struct server *server, const char *reason);

/* The round that waits for the schedule, or 0; and its start, once the schedule is there. */
uint32_t server_wanted_round(const struct server *server);
void server_start_round(struct server *server, double now_us);

void server_advance(struct server *server, double now_us);
double server_wake_us(const struct server *server); /* INFINITY: only after a message */

/* The clock now shows by_us more than it did: every stamp kept here moves with it. */
void server_shift_clock(struct server *server, double by_us);

/* Only with a link kind that paces elsewhere; good until the next call. */
const struct link_pace *server_next_pace(struct server *server);

struct msg *server_next_message(struct server *server, uint64_t *peer); /* the caller's to free */

/* Once for each finished round, in order; good until the next but one round ends. */
const struct round_record *server_next_record(struct server *server);

enum server_state {
    SERVER_GATHERING,
    SERVER_CLOCKS,   /* between rounds: devices are asked for their time */
    SERVER_PLANNING, /* between rounds: server_wanted_round() */
    SERVER_TRAINING,
    SERVER_EVALUATING,
    SERVER_COLLECTING, /* training is over; the front weights come in */
    SERVER_DONE,
    SERVER_FAILED
};
enum server_state server_state(const struct server *server);
const char *server_failure(const struct server *server); /* one line; NULL unless SERVER_FAILED */

/* Once SERVER_DONE: the trained weights into the folder `dir` (edge-server/run_weights.h), unless the experiment
 * does not want them. */
int server_save_weights(const struct server *server, const char *dir, struct err *err);

/* While gathering: devices that are there and ready, and the name of one that is missing (or NULL). */
int server_n_ready(const struct server *server);
const char *server_missing(const struct server *server);

#endif
