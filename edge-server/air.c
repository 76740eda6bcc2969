/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/air.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

struct air {
    struct shaper *broadcast;
    struct shaper **downlinks;
    int n_devices;
    double step_us;
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
    air->step_us = HUGE_VAL;
    air->broadcast = shaper_new(HUGE_VAL);
    air->downlinks = mem_zero((size_t)n_devices, sizeof *air->downlinks);
    for (int i = 0; i < n_devices; i++)
        air->downlinks[i] = shaper_new(HUGE_VAL);
    if (rates)
        air_set_rates(air, rates);
    return air;
}

void air_set_rates(struct air *air, const struct rates *rates)
{
    shaper_set_rate(air->broadcast, usable(rates->broadcast_bps));
    for (int i = 0; i < air->n_devices; i++)
        shaper_set_rate(air->downlinks[i], usable(rates->downlink_bps[i]));
}

void air_free(struct air *air)
{
    if (!air)
        return;
    shaper_free(air->broadcast);
    for (int i = 0; i < air->n_devices; i++)
        shaper_free(air->downlinks[i]);
    free(air->downlinks);
    free(air);
}

void air_broadcast(struct air *air, double now_us, double bits, void *cookie)
{
    shaper_push(air->broadcast, now_us, bits, cookie);
    for (int i = 0; i < air->n_devices; i++)
        shaper_block(air->downlinks[i], shaper_free_us(air->broadcast));
}

void air_send(struct air *air, double now_us, int device, double bits, void *cookie)
{
    shaper_push(air->downlinks[device], now_us, bits, cookie);
}

void air_set_step(struct air *air, double step_us)
{
    air->step_us = step_us;
}

static bool take(const struct air *air, struct shaper *shaper, double now_us,
                 struct shaper_piece *piece)
{
    return shaper_take(shaper, now_us, shaper_step_bytes(shaper, air->step_us), piece);
}

bool air_take(struct air *air, double now_us, int *device, struct shaper_piece *piece)
{
    *device = AIR_ALL;
    bool is_taken = take(air, air->broadcast, now_us, piece);
    for (int i = 0; !is_taken && i < air->n_devices; i++) {
        is_taken = take(air, air->downlinks[i], now_us, piece);
        *device = i;
    }
    return is_taken;
}

static double step_us(const struct air *air, const struct shaper *shaper)
{
    return shaper_step_us(shaper, shaper_step_bytes(shaper, air->step_us));
}

double air_wake_us(const struct air *air)
{
    double wake_us = step_us(air, air->broadcast);
    for (int i = 0; i < air->n_devices; i++) {
        double next_us = step_us(air, air->downlinks[i]);
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
