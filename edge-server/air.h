/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The emulated air from the server to the devices: a downlink of its own for each, and a broadcast that all
 * hear at once and that keeps the downlinks waiting. Told the time, never sleeps (link/shaper.h).
 */
#ifndef EDGE_SERVER_AIR_H
#define EDGE_SERVER_AIR_H

#include <stdbool.h>
#include <stdint.h>

#include "link/shaper.h"
#include "scheduler/latency.h"

struct air;

#define AIR_ALL (-1) /* in place of a device: the broadcast */

/* rates NULL: not emulated, everything arrives at once. */
struct air *air_new(int n_devices, const struct rates *rates);
void air_free(struct air *air);

/* Of what is sent from now on: of all links, or of one (or AIR_ALL). Not for an air that is not emulated. */
void air_set_rates(struct air *air, const struct rates *rates);
void air_set_rate(struct air *air, int device, double rate_bps);

/*
 * From now on air_pop() gives out what begins to be sent, in the same order as always, and somebody else
 * paces it: each thing as soon as the link is free by the rates.
 */
void air_give_out_early(struct air *air);

void air_broadcast(struct air *air, double now_us, double bits, void *cookie);
void air_send(struct air *air, double now_us, int device, double bits, void *cookie);

/* Things arrive in pieces that last step_us; INFINITY, to begin with: whole. */
void air_set_step(struct air *air, double step_us);

/* A piece of something that was due by now_us (link/shaper.h), and whose it is, or AIR_ALL. False: none. */
bool air_take(struct air *air, double now_us, int *device, struct shaper_piece *piece);

/* When what air_pop() gave out just now has arrived: now_us, or, given out early, when it will have. */
double air_arrival_us(const struct air *air);

double air_wake_us(const struct air *air); /* INFINITY: nothing on its way */

/* The clock now shows by_us more. */
void air_shift_clock(struct air *air, double by_us);

#endif
