/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Emulated computing: a pass over layers is really computed at once, and is over when its modelled duration
 * has passed too. Used by device and server in the same way; told the time, never sleeps.
 *
 *     pass_start(&pass, now_us, modelled_s);  ...compute...
 *     while (!pass_is_over(&pass, now_us)) ...wait until pass_wake_us(&pass)...
 *
 * The first look at the clock after the computing is how its real duration gets known: pass_wake_us() asks
 * for that look at once. Times are modelled microseconds.
 */
#ifndef LINK_PASS_H
#define LINK_PASS_H

#include <stdbool.h>

struct pass {
    double start_us;
    double due_us;  /* start + modelled duration; start itself when not emulated */
    double busy_us; /* real computing; -1 until the first look */
};

/* modelled_s 0: not emulated, over as soon as computed. */
void pass_start(struct pass *pass, double now_us, double modelled_s);

bool pass_is_over(struct pass *pass, double now_us);
double pass_wake_us(const struct pass *pass);

/* After the first look: whether the computing took longer than modelled (never when not emulated). */
bool pass_overran(const struct pass *pass);
double pass_busy_s(const struct pass *pass);
double pass_elapsed_s(const struct pass *pass, double now_us);

/* The clock of whoever drives now shows by_us more. */
void pass_shift_clock(struct pass *pass, double by_us);

#endif
