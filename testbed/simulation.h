/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server and its devices on a virtual clock, in one process: the very round logic that runs over ZeroMQ
 * (edge-server/server.h, device-agent/device.h), with messages handed over in memory. An event queue says what
 * happens next, and each kind of event has one function that handles it; the clock jumps from event to event.
 *
 * What is sent arrives at once: the emulated links are inside the parties, which let a message go when its last
 * bit would be there. Computing takes what the model says, whatever it takes in fact.
 *
 *     while (server is not over) {
 *         if (server_wanted_round(server)) {
 *             simulation_restart_clock(simulation);
 *             ...schedule_next(), server_start_round(server, 0)...
 *             simulation_take_sent(simulation);
 *         }
 *         simulation_step(simulation);
 *     }
 *
 * The clock begins anew with each round, so that a phase is as exact in the last round as in the first.
 */
#ifndef TESTBED_SIMULATION_H
#define TESTBED_SIMULATION_H

#include "edge-server/server.h"
#include "experiment/experiment.h"

struct simulation;

/* Both borrowed. Devices come when the first steps are taken. */
struct simulation *simulation_new(const struct experiment *e, struct server *server);

/* The server may be freed once this is gone, and not before. */
void simulation_free(struct simulation *simulation);

/* Handles the next event; false when nothing will ever happen again. */
bool simulation_step(struct simulation *simulation);

/* Now is 0 from here on. Between rounds. */
void simulation_restart_clock(struct simulation *simulation);

/* After somebody else than the simulation has called the server: what it wants sent is on its way. */
void simulation_take_sent(struct simulation *simulation);

double simulation_now_us(const struct simulation *simulation);

#endif
