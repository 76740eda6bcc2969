/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/capacity.h"

#include <math.h>

/* Without outages. */
static double free_end_s(const struct capacity *capacity, double start_s, double bits)
{
    if (capacity->trace)
        return trace_end_s(capacity->trace, start_s, bits);
    return bits > 0 ? start_s + bits / capacity->rate_bps : start_s;
}

static double free_bits(const struct capacity *capacity, double start_s, double end_s)
{
    if (capacity->trace)
        return trace_bits(capacity->trace, start_s, end_s);
    return end_s > start_s ? capacity->rate_bps * (end_s - start_s) : 0;
}

double capacity_end_s(const struct capacity *capacity, double start_s, double bits)
{
    struct outage outage;

    while (capacity->outages && outages_next(capacity->outages, start_s, &outage)) {
        if (start_s < outage.down_s) {
            double end_s = free_end_s(capacity, start_s, bits);
            if (end_s <= outage.down_s)
                return end_s;
            bits = fmax(bits - free_bits(capacity, start_s, outage.down_s), 0);
        }
        start_s = outage.up_s;
    }
    return free_end_s(capacity, start_s, bits);
}

double capacity_bits(const struct capacity *capacity, double start_s, double end_s)
{
    struct outage outage;
    double bits = 0;

    while (capacity->outages && start_s < end_s &&
           outages_next(capacity->outages, start_s, &outage)) {
        bits += free_bits(capacity, start_s, fmin(outage.down_s, end_s));
        start_s = outage.up_s;
    }
    return bits + free_bits(capacity, start_s, end_s);
}

/*
 * Of n segments, how many are lost: from one lost to the next is geometric, so work grows with the
 * losses.
 */
static double draw_lost(struct rng *rng, double n, double loss)
{
    double lost = 0, at = 0;

    for (;;) {
        at += 1 + floor(log1p(-rng_uniform(rng)) / log1p(-loss));
        if (!(at <= n))
            return lost;
        lost++;
    }
}

struct arrival capacity_arrival(const struct capacity *capacity,
                                const struct impairments *impairments, struct rng *rng,
                                double start_s, double bits)
{
    struct arrival arrival = {.propagation_s = impairments->delay_s};
    double left_s = capacity_end_s(capacity, start_s, bits), end_s = left_s;
    double n = ceil(bits / CAPACITY_SEGMENT_BITS);

    while (impairments->loss > 0 && n > 0 && end_s < HUGE_VAL) {
        n = draw_lost(rng, n, impairments->loss);
        if (n > 0)
            end_s = capacity_end_s(capacity, end_s + impairments->retransmission_s,
                                   fmin(n * CAPACITY_SEGMENT_BITS, bits));
    }
    if (end_s < HUGE_VAL)
        arrival.again_s = end_s - left_s;
    if (impairments->jitter_s > 0) {
        double jitter_s = rng_uniform_in(rng, 0, impairments->jitter_s);
        end_s += jitter_s;
        arrival.propagation_s += jitter_s;
    }
    arrival.at_s = end_s + impairments->delay_s;
    return arrival;
}
