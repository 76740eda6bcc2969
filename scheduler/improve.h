/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Local improvement of owners: moves of a subchannel to another device and swaps of two, with exact
 * power control. A try costs what its two devices own, not what the cell holds: as long as the
 * downlink stage stays as it is, the round gets shorter if these two need less power for the same
 * end of the uplink stage.
 */
#ifndef SCHEDULER_IMPROVE_H
#define SCHEDULER_IMPROVE_H

#include <stdint.h>

#include "scheduler/power.h"

/*
 * Until nothing helps, after max_tries, or at the deadline (on clock_now_us()). Returns the round's
 * length, never more than it was.
 */
double improve_owners(struct allocation *a, long max_tries, int64_t deadline_us);

#endif
