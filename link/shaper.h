/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A link of a given rate as a first-in first-out queue that is told the time and never sleeps.
 *
 * A message that is pushed occupies the link for bits / rate after those before it. It comes back
 * whole from shaper_pop() once its last bit would have arrived, or piece by piece from
 * shaper_take(), never earlier. Whoever drives the shaper sleeps (or advances a virtual clock)
 * until shaper_next_us() or shaper_step_us(). Times are microseconds on the caller's clock, with
 * fractions, INFINITY for never; a clock that has run for a year is good to a hundredth of one.
 *
 * A sender in steps:
 *
 *     while (shaper_take(shaper, now_us, shaper_step_bytes(shaper, step_us), &piece))
 *         ...send piece.n_bytes of piece.cookie...
 *     ...sleep until shaper_step_us(shaper, shaper_step_bytes(shaper, step_us))...
 *
 * Every piece has its own due time, counted from the message's start: one that is woken late gets
 * all that is due by then and is back on time, so lateness never adds up and the last byte goes
 * when bits / rate says.
 */
#ifndef LINK_SHAPER_H
#define LINK_SHAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/capacity.h"

struct shaper;

/* rate_bps > 0, or INFINITY: nothing waits. */
struct shaper *shaper_new(double rate_bps);
void shaper_free(struct shaper *shaper); /* must be empty, or the cookies are the caller's loss */

/* For messages pushed from now on; those in the queue keep the end they were given. */
void shaper_set_rate(struct shaper *shaper, double rate_bps);

/*
 * In place of a rate a capacity (a recording, outages), whose second 0 is epoch_us; for messages
 * pushed from now on, not before epoch_us. Copied; what it points to is borrowed. shaper_set_rate()
 * ends it.
 */
void shaper_set_capacity(struct shaper *shaper, const struct capacity *capacity, double epoch_us);

/*
 * Messages pushed from now on arrive so much after they have left, without keeping the link
 * (propagation, and what a message waits for segments to be sent again). None overtakes: one after
 * a slower one arrives no earlier than it.
 */
void shaper_set_delay(struct shaper *shaper, double delay_s);

/* `cookie` comes back from shaper_pop(). Starts at now_us or when the link gets free, the later. */
void shaper_push(struct shaper *shaper, double now_us, double bits, void *cookie);

/* The link is taken until at least until_us (a broadcast occupies the air). */
void shaper_block(struct shaper *shaper, double until_us);

/* When the oldest message's last bit arrives; INFINITY when the queue is empty. */
double shaper_next_us(const struct shaper *shaper);

/* The oldest message if it has arrived by now_us, else NULL. */
void *shaper_pop(struct shaper *shaper, double now_us);

/* Part of the oldest message. */
struct shaper_piece {
    void *cookie;
    uint64_t offset_bytes, n_bytes; /* n_bytes 0 only for the last piece of an empty message */
    bool is_last; /* the message has left the queue; the cookie is the caller's again */
};

/*
 * What of the oldest message has arrived by now_us and was not taken yet, in whole steps of
 * step_bytes > 0, the last one shorter; false when there is no whole step yet. Never goes over the
 * end of a message: ask again until false. Messages are counted in whole bytes.
 */
bool shaper_take(struct shaper *shaper, double now_us, uint64_t step_bytes,
                 struct shaper_piece *piece);

/* When shaper_take() next has a piece; INFINITY when the queue is empty. */
double shaper_step_us(const struct shaper *shaper, uint64_t step_bytes);

/*
 * What step_bytes cuts the oldest message into equal steps of step_us at least, SHAPER_MAX_STEPS of them
 * at most; its whole size when step_us is INFINITY. The same for as long as it is the oldest. > 0.
 */
#define SHAPER_MAX_STEPS 64
uint64_t shaper_step_bytes(const struct shaper *shaper, double step_us);

/* What to ask for on the wall's clock: shorter steps cost more than they smooth. */
#define SHAPER_STEP_WALL_US 2000.0

/* When the link gets free; in the past when idle. */
double shaper_free_us(const struct shaper *shaper);

/* The clock of whoever drives now shows by_us more: every stamp kept here moves with it. */
void shaper_shift_clock(struct shaper *shaper, double by_us);

/* Bits that arrived in all, pieces included, for conservation checks and counters. */
double shaper_delivered_bits(const struct shaper *shaper);

#endif
