/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A link of a given rate as a first-in first-out queue that is told the time and never sleeps.
 *
 * A message that is pushed occupies the link for bits / rate after those before it; shaper_pop() gives it
 * back once its last bit would have arrived, never earlier. Whoever drives the shaper sleeps (or advances
 * a virtual clock) until shaper_next_us(). Times are microseconds on the caller's clock; the fraction of a
 * microsecond that a message ends on is carried to the next, so that no rate is lost by rounding.
 */
#ifndef LINK_SHAPER_H
#define LINK_SHAPER_H

#include <stdbool.h>
#include <stdint.h>

struct shaper;

/* rate_bps > 0, or INFINITY: nothing waits. */
struct shaper *shaper_new(double rate_bps);
void shaper_free(struct shaper *shaper); /* must be empty, or the cookies are the caller's loss */

/* For messages pushed from now on; those in the queue keep the end they were given. */
void shaper_set_rate(struct shaper *shaper, double rate_bps);

/* `cookie` comes back from shaper_pop(). Starts at now_us or when the link gets free, the later. */
void shaper_push(struct shaper *shaper, int64_t now_us, double bits, void *cookie);

/* The link is taken until at least until_us (a broadcast occupies the air). */
void shaper_block(struct shaper *shaper, int64_t until_us);

/* When the oldest message's last bit arrives, rounded up; INT64_MAX when the queue is empty. */
int64_t shaper_next_us(const struct shaper *shaper);

/* The oldest message if it has arrived by now_us, else NULL. */
void *shaper_pop(struct shaper *shaper, int64_t now_us);

/* When the link gets free, rounded up; in the past when idle. */
int64_t shaper_free_us(const struct shaper *shaper);

/* Bits that arrived in all, for conservation checks and counters. */
double shaper_delivered_bits(const struct shaper *shaper);

#endif
