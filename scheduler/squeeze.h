/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Improvement where single moves and swaps no longer help: both stages are asked to end a little
 * sooner than they do, and owners are changed so long as that brings the devices nearer to it
 * together: the power they need in all, and what each lacks in power and in downlink rate. What
 * comes out is kept if the round got shorter.
 */
#ifndef SCHEDULER_SQUEEZE_H
#define SCHEDULER_SQUEEZE_H

#include <stdint.h>

#include "scheduler/power.h"

/* After improve_owners(); same arguments, same promise. */
double squeeze_owners(struct allocation *a, long max_tries, int64_t deadline_us);

#endif
