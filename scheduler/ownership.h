/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding good owners: a matching that gives every device one usable subchannel (or says which
 * devices cannot all have one), a greedy start, and repair. Improvement is improve.h's.
 */
#ifndef SCHEDULER_OWNERSHIP_H
#define SCHEDULER_OWNERSHIP_H

#include <stdint.h>

#include "base/strbuf.h"
#include "scheduler/power.h"

/*
 * partner[C]: a usable subchannel of its own for every device, of good gain. false when there is
 * none, with the reason appended: the devices and how many subchannels they would have to share.
 */
bool ownership_match(const struct cell *cell, int *partner, struct strbuf *reason);

/* Everybody the partner, then each remaining subchannel to the device that would end last. */
void ownership_greedy(struct allocation *a, const int *partner);

/* Gives devices without a usable subchannel their partner. */
void ownership_repair(const struct cell *cell, const int *partner, int *owner);

/* Whether the device can send and receive on the subchannel at all. */
bool ownership_is_usable(const struct cell *cell, int device, int subchannel);

#endif
