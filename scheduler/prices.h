/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the bound of lagrangian.h charges: for each device's rates in s per bit/s, for its power and for the total power
 * in s per W. All >= 0. Used by whoever looks for good ones (ascent.h, relaxation.h) and keeps them.
 */
#ifndef SCHEDULER_PRICES_H
#define SCHEDULER_PRICES_H

#include <stddef.h>

struct prices {
    double *uplink;   /* [C] a_i */
    double *downlink; /* [C] d_i */
    double *power;    /* [C] m_i */
    double total_power;
};

void prices_init(struct prices *prices, int n_devices);
void prices_release(struct prices *prices);
void prices_copy(struct prices *to, const struct prices *from, int n_devices);

/* As one list of prices_count() numbers, and back. */
size_t prices_count(int n_devices);
void prices_pack(const struct prices *prices, int n_devices, double *list);
void prices_unpack(struct prices *prices, int n_devices, const double *list);

#endif
