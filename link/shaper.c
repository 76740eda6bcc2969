/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/shaper.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* How a message is carried, as it was set when the message was pushed. */
struct carrier {
    double rate_bps;
    bool has_capacity; /* in place of the rate */
    struct capacity capacity;
    double epoch_us;
    double delay_us;
};

struct message {
    struct carrier carrier;
    double start_us, end_us; /* on the link */
    double not_before_us;    /* the message before has arrived */
    double arrival_us;       /* of its last bit */
    double bits;
    uint64_t taken_bytes;
    void *cookie;
};

struct shaper {
    struct carrier carrier;
    double free_us; /* when the last bit of the queue, or of a block, has gone */
    double last_arrival_us;
    struct message *queue;
    size_t first, n, capacity; /* the queue is queue[first .. n) */
    double delivered_bits;
};

struct shaper *shaper_new(double rate_bps)
{
    struct shaper *shaper = mem_zero(1, sizeof *shaper);

    shaper->free_us = shaper->last_arrival_us = -HUGE_VAL; /* idle since ever */
    shaper_set_rate(shaper, rate_bps);
    return shaper;
}

void shaper_free(struct shaper *shaper)
{
    if (!shaper)
        return;
    free(shaper->queue);
    free(shaper);
}

void shaper_set_rate(struct shaper *shaper, double rate_bps)
{
    assert(rate_bps > 0);
    shaper->carrier.rate_bps = rate_bps;
    shaper->carrier.has_capacity = false;
}

void shaper_set_capacity(struct shaper *shaper, const struct capacity *capacity, double epoch_us)
{
    shaper->carrier.capacity = *capacity;
    shaper->carrier.has_capacity = true;
    shaper->carrier.epoch_us = epoch_us;
}

void shaper_set_delay(struct shaper *shaper, double delay_s)
{
    assert(delay_s >= 0);
    shaper->carrier.delay_us = delay_s * 1e6;
}

/* When so many bits that start to leave at start_us have left. */
static double left_by(const struct carrier *carrier, double start_us, double bits)
{
    if (carrier->has_capacity) {
        double start_s = (start_us - carrier->epoch_us) * 1e-6;
        double end_s = capacity_end_s(&carrier->capacity, fmax(start_s, 0), bits);
        return start_us + fmax((end_s - start_s) * 1e6, 0);
    }
    return isinf(carrier->rate_bps) ? start_us : start_us + bits * 1e6 / carrier->rate_bps;
}

static double arrived_by(const struct message *message, double left_us)
{
    return fmax(left_us + message->carrier.delay_us, message->not_before_us);
}

/*
 * The popped front of the array is reused once it is half of it, so a steady queue does not grow.
 */
static struct message *room_for_one(struct shaper *shaper)
{
    if (shaper->n == shaper->capacity && shaper->first * 2 >= shaper->n) {
        for (size_t i = shaper->first; i < shaper->n; i++)
            shaper->queue[i - shaper->first] = shaper->queue[i];
        shaper->n -= shaper->first;
        shaper->first = 0;
    }
    shaper->queue = mem_grow(shaper->queue, shaper->n, &shaper->capacity, sizeof *shaper->queue);
    return &shaper->queue[shaper->n++];
}

void shaper_push(struct shaper *shaper, double now_us, double bits, void *cookie)
{
    struct message *message = room_for_one(shaper);

    assert(bits >= 0);
    shaper_block(shaper, now_us);
    *message = (struct message){.carrier = shaper->carrier,
                                .start_us = shaper->free_us,
                                .end_us = left_by(&shaper->carrier, shaper->free_us, bits),
                                .not_before_us = shaper->last_arrival_us,
                                .bits = bits,
                                .cookie = cookie};
    message->arrival_us = arrived_by(message, message->end_us);
    shaper->free_us = message->end_us;
    shaper->last_arrival_us = message->arrival_us;
}

void shaper_block(struct shaper *shaper, double until_us)
{
    shaper->free_us = fmax(shaper->free_us, until_us);
}

double shaper_next_us(const struct shaper *shaper)
{
    return shaper->first == shaper->n ? HUGE_VAL : shaper->queue[shaper->first].arrival_us;
}

void *shaper_pop(struct shaper *shaper, double now_us)
{
    struct message *message;

    if (shaper_next_us(shaper) > now_us || shaper->first == shaper->n)
        return NULL;
    message = &shaper->queue[shaper->first++];
    shaper->delivered_bits += fmax(message->bits - 8.0 * (double)message->taken_bytes, 0);
    return message->cookie;
}

static uint64_t whole_bytes(const struct message *message)
{
    return (uint64_t)ceil(message->bits / 8);
}

/* When the first n bytes of a message, not all of it, have arrived. */
static double bytes_due_us(const struct message *message, uint64_t n)
{
    return arrived_by(message, left_by(&message->carrier, message->start_us, 8.0 * (double)n));
}

/*
 * Steps are counted from the message's start, so that a late piece does not delay those behind it.
 */
bool shaper_take(struct shaper *shaper, double now_us, uint64_t step_bytes,
                 struct shaper_piece *piece)
{
    assert(step_bytes > 0);
    if (shaper->first == shaper->n)
        return false;
    struct message *message = &shaper->queue[shaper->first];
    uint64_t total = whole_bytes(message), taken = message->taken_bytes, n = 0;
    bool is_last = shaper_next_us(shaper) <= now_us;
    while (!is_last && taken + n + step_bytes < total &&
           bytes_due_us(message, taken + n + step_bytes) <= now_us)
        n += step_bytes;
    if (is_last)
        n = total - taken;
    else if (n == 0)
        return false;
    *piece = (struct shaper_piece){message->cookie, taken, n, is_last};
    if (is_last) {
        shaper_pop(shaper, now_us);
        return true;
    }
    message->taken_bytes += n;
    shaper->delivered_bits += 8.0 * (double)n;
    return true;
}

double shaper_step_us(const struct shaper *shaper, uint64_t step_bytes)
{
    if (shaper->first == shaper->n)
        return HUGE_VAL;
    const struct message *message = &shaper->queue[shaper->first];
    uint64_t next = message->taken_bytes + step_bytes;
    return next < whole_bytes(message) ? bytes_due_us(message, next) : shaper_next_us(shaper);
}

uint64_t shaper_step_bytes(const struct shaper *shaper, double step_us)
{
    if (shaper->first == shaper->n)
        return 1;
    const struct message *message = &shaper->queue[shaper->first];
    uint64_t total = whole_bytes(message) > 0 ? whole_bytes(message) : 1;
    double n_steps = fmin((message->end_us - message->start_us) / step_us, SHAPER_MAX_STEPS);
    uint64_t n = n_steps >= 1 ? (uint64_t)n_steps : 1;
    return (total + n - 1) / n;
}

double shaper_free_us(const struct shaper *shaper)
{
    return shaper->free_us;
}

double shaper_delivered_bits(const struct shaper *shaper)
{
    return shaper->delivered_bits;
}

void shaper_shift_clock(struct shaper *shaper, double by_us)
{
    shaper->free_us += by_us;
    shaper->last_arrival_us += by_us;
    shaper->carrier.epoch_us += by_us;
    for (size_t i = shaper->first; i < shaper->n; i++) {
        struct message *message = &shaper->queue[i];
        message->carrier.epoch_us += by_us;
        message->start_us += by_us;
        message->end_us += by_us;
        message->not_before_us += by_us;
        message->arrival_us += by_us;
    }
}
