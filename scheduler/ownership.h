/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding good owners: a matching that gives every device one usable subchannel (or says which devices
 * cannot all have one), a greedy start, and local improvement by moves and swaps with exact power control.
 */
#ifndef SCHEDULER_OWNERSHIP_H
#define SCHEDULER_OWNERSHIP_H

#include <stdint.h>

#include "base/strbuf.h"
#include "scheduler/power.h"

/*
 * partner[C]: a usable subchannel of its own for every device, of good gain. false when there is none,
 * with the reason appended: the devices and how many subchannels they would have to share.
 */
bool ownership_match(const struct cell *cell, int *partner, struct strbuf *reason);

/* Everybody the partner, then each remaining subchannel to the device that would end last. */
void ownership_greedy(struct allocation *a, const int *partner);

/* Gives devices without a usable subchannel their partner. */
void ownership_repair(const struct cell *cell, const int *partner, int *owner);

/*
 * Moves and swaps subchannels as long as the round gets shorter by 1e-7 of itself, until the deadline (on
 * clock_now_us()). Returns the round's length.
 */
double ownership_improve(struct allocation *a, int64_t deadline_us);

#endif
