/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/air.h"

#include <math.h>
#include <stdlib.h>

#include "base/event_queue.h"
#include "base/mem.h"

struct air {
    struct shaper *broadcast;
    struct shaper **downlinks;
    int n_devices;
    double broadcast_bps, *downlink_bps; /* given out early: the shapers' own rates have no limit */
    bool gives_out_early;
    double arrival_us; /* of what was given out last */
    double step_us;
    struct event_queue due; /* one of each link that carries something: its next piece */
};

static struct shaper *link_of(const struct air *air, int device)
{
    return device == AIR_ALL ? air->broadcast : air->downlinks[device];
}

static uint64_t step_bytes(const struct air *air, const struct shaper *link)
{
    return shaper_step_bytes(link, air->step_us);
}

static void note_next(struct air *air, int device)
{
    const struct shaper *link = link_of(air, device);
    double next_us = shaper_step_us(link, step_bytes(air, link));
    if (next_us < HUGE_VAL)
        event_queue_add(&air->due, next_us, 0, device, NULL);
}

/* Early, a thing comes back when its turn begins, and the link is taken for as long as it takes. */
static void push(struct air *air, int device, double rate_bps, double now_us, double bits,
                 void *cookie)
{
    struct shaper *link = link_of(air, device);
    bool was_empty = isinf(shaper_next_us(link));
    shaper_push(link, now_us, bits, cookie);
    if (air->gives_out_early)
        shaper_block(link, shaper_free_us(link) + bits / rate_bps * 1e6);
    if (was_empty)
        note_next(air, device);
}

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
    air->downlink_bps = mem_zero((size_t)n_devices, sizeof *air->downlink_bps);
    if (rates)
        air_set_rates(air, rates);
    return air;
}

void air_set_rates(struct air *air, const struct rates *rates)
{
    air_set_rate(air, AIR_ALL, rates->broadcast_bps);
    for (int i = 0; i < air->n_devices; i++)
        air_set_rate(air, i, rates->downlink_bps[i]);
}

void air_set_rate(struct air *air, int device, double rate_bps)
{
    double *bps = device == AIR_ALL ? &air->broadcast_bps : &air->downlink_bps[device];
    *bps = usable(rate_bps);
    if (!air->gives_out_early)
        shaper_set_rate(link_of(air, device), *bps);
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
    event_queue_release(&air->due);
    free(air);
}

void air_broadcast(struct air *air, double now_us, double bits, void *cookie)
{
    push(air, AIR_ALL, air->broadcast_bps, now_us, bits, cookie);
    for (int i = 0; i < air->n_devices; i++)
        shaper_block(air->downlinks[i], shaper_free_us(air->broadcast));
}

void air_send(struct air *air, double now_us, int device, double bits, void *cookie)
{
    push(air, device, air->downlink_bps[device], now_us, bits, cookie);
}

void air_set_step(struct air *air, double step_us)
{
    air->step_us = step_us;
}

bool air_take(struct air *air, double now_us, int *device, struct shaper_piece *piece)
{
    struct event event;
    while (event_queue_take(&air->due, now_us, &event)) {
        struct shaper *link = link_of(air, event.whom);
        bool is_taken = shaper_take(link, now_us, step_bytes(air, link), piece);
        note_next(air, event.whom);
        *device = event.whom;
        if (!is_taken)
            continue;
        double free_us = shaper_free_us(link);
        air->arrival_us = air->gives_out_early && free_us > now_us ? free_us : now_us;
        return true;
    }
    return false;
}

double air_arrival_us(const struct air *air)
{
    return air->arrival_us;
}

double air_wake_us(const struct air *air)
{
    return event_queue_next_us(&air->due);
}

void air_shift_clock(struct air *air, double by_us)
{
    shaper_shift_clock(air->broadcast, by_us);
    for (int i = 0; i < air->n_devices; i++)
        shaper_shift_clock(air->downlinks[i], by_us);
    event_queue_shift(&air->due, by_us);
}
