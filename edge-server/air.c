/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/air.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "link/shaper.h"

struct air {
    struct shaper *broadcast;
    struct shaper **downlinks;
    int n_devices;
    double broadcast_bps, *downlink_bps; /* given out early: the shapers' own rates have no limit */
    bool gives_out_early;
    double arrival_us; /* of what was given out last */
};

/* A rate of 0 belongs to a link that carries nothing under this plan. */
static double usable(double rate_bps)
{
    return rate_bps > 0 ? rate_bps : HUGE_VAL;
}

struct air *air_new(int n_devices, const struct rates *rates)
{
    struct air *air = mem_zero(1, sizeof *air);
    air->n_devices = n_devices;
    air->broadcast = shaper_new(HUGE_VAL);
    air->downlinks = mem_zero((size_t)n_devices, sizeof *air->downlinks);
    for (int i = 0; i < n_devices; i++)
        air->downlinks[i] = shaper_new(HUGE_VAL);
    air->downlink_bps = mem_zero((size_t)n_devices, sizeof *air->downlink_bps);
    if (rates)
        air_set_rates(air, rates);
    return air;
}

void air_set_rates(struct air *air, const struct rates *rates)
{
    air->broadcast_bps = usable(rates->broadcast_bps);
    for (int i = 0; i < air->n_devices; i++)
        air->downlink_bps[i] = usable(rates->downlink_bps[i]);
    if (air->gives_out_early)
        return;
    shaper_set_rate(air->broadcast, air->broadcast_bps);
    for (int i = 0; i < air->n_devices; i++)
        shaper_set_rate(air->downlinks[i], air->downlink_bps[i]);
}

void air_give_out_early(struct air *air)
{
    air->gives_out_early = true;
    shaper_set_rate(air->broadcast, HUGE_VAL);
    for (int i = 0; i < air->n_devices; i++)
        shaper_set_rate(air->downlinks[i], HUGE_VAL);
}

void air_free(struct air *air)
{
    if (!air)
        return;
    shaper_free(air->broadcast);
    for (int i = 0; i < air->n_devices; i++)
        shaper_free(air->downlinks[i]);
    free(air->downlinks);
    free(air->downlink_bps);
    free(air);
}

/* Early, a thing comes back when its turn begins, and the link is taken for as long as it takes. */
static void push(struct air *air, struct shaper *link, double rate_bps, double now_us, double bits,
                 void *cookie)
{
    shaper_push(link, now_us, bits, cookie);
    if (air->gives_out_early)
        shaper_block(link, shaper_free_us(link) + bits / rate_bps * 1e6);
}

void air_broadcast(struct air *air, double now_us, double bits, void *cookie)
{
    push(air, air->broadcast, air->broadcast_bps, now_us, bits, cookie);
    for (int i = 0; i < air->n_devices; i++)
        shaper_block(air->downlinks[i], shaper_free_us(air->broadcast));
}

void air_send(struct air *air, double now_us, int device, double bits, void *cookie)
{
    push(air, air->downlinks[device], air->downlink_bps[device], now_us, bits, cookie);
}

void *air_pop(struct air *air, double now_us, int *device)
{
    *device = AIR_ALL;
    struct shaper *link = air->broadcast;
    void *cookie = shaper_pop(link, now_us);
    for (int i = 0; !cookie && i < air->n_devices; i++) {
        link = air->downlinks[i];
        cookie = shaper_pop(link, now_us);
        *device = i;
    }
    double free_us = shaper_free_us(link);
    air->arrival_us = air->gives_out_early && free_us > now_us ? free_us : now_us;
    return cookie;
}

double air_arrival_us(const struct air *air)
{
    return air->arrival_us;
}

double air_wake_us(const struct air *air)
{
    double wake_us = shaper_next_us(air->broadcast);
    for (int i = 0; i < air->n_devices; i++) {
        double next_us = shaper_next_us(air->downlinks[i]);
        wake_us = next_us < wake_us ? next_us : wake_us;
    }
    return wake_us;
}

void air_shift_clock(struct air *air, double by_us)
{
    shaper_shift_clock(air->broadcast, by_us);
    for (int i = 0; i < air->n_devices; i++)
        shaper_shift_clock(air->downlinks[i], by_us);
}
