/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/shaper.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define STEP_S         1e-3
#define STEP_MIN_BYTES UINT64_C(4096)
#define STEP_MAX_BYTES UINT64_C(262144)

/*
 * An instant as whole microseconds and a fraction in [0, 1): a double alone would lose the fraction
 * on a clock that has run for years.
 */
struct instant {
    int64_t us;
    double fraction_us;
};

/* How a message is carried, as it was set when the message was pushed. */
struct carrier {
    double rate_bps;
    bool has_capacity; /* in place of the rate */
    struct capacity capacity;
    int64_t epoch_us;
    double delay_us;
};

struct message {
    struct carrier carrier;
    struct instant start, end; /* on the link */
    struct instant not_before; /* the message before has arrived */
    struct instant arrival;    /* of its last bit */
    double bits;
    uint64_t taken_bytes;
    void *cookie;
};

struct shaper {
    struct carrier carrier;
    struct instant free; /* when the last bit of the queue, or of a block, has gone */
    struct instant last_arrival;
    struct message *queue;
    size_t first, n, capacity; /* the queue is queue[first .. n) */
    double delivered_bits;
};

/* 2^62 us: no clock gets there, and adding to it does not overflow. */
#define FOREVER_US (INT64_MAX / 2)

static struct instant later_by(struct instant t, double us)
{
    double whole;

    if (us >= (double)(FOREVER_US - t.us))
        return (struct instant){FOREVER_US, 0};
    t.fraction_us += modf(us, &whole);
    t.us += (int64_t)whole;
    if (t.fraction_us >= 1) {
        t.fraction_us -= 1;
        t.us += 1;
    }
    return t;
}

static int64_t rounded_up(struct instant t)
{
    return t.us + (t.fraction_us > 0);
}

static struct instant later_of(struct instant a, struct instant b)
{
    bool is_a = a.us > b.us || (a.us == b.us && a.fraction_us >= b.fraction_us);
    return is_a ? a : b;
}

struct shaper *shaper_new(double rate_bps)
{
    struct shaper *shaper = mem_zero(1, sizeof *shaper);

    shaper->free.us = INT64_MIN / 2; /* idle since ever, whatever the clock's zero is */
    shaper->last_arrival = shaper->free;
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

void shaper_set_capacity(struct shaper *shaper, const struct capacity *capacity, int64_t epoch_us)
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

/* Seconds as doubles leave some picoseconds behind, which are no further microsecond to wait. */
static double whole_us(double us)
{
    return fabs(us - nearbyint(us)) < 1e-4 ? nearbyint(us) : us;
}

/* When so many bits that start to leave at `start` have left. */
static struct instant left_by(const struct carrier *carrier, struct instant start, double bits)
{
    if (carrier->has_capacity) {
        double start_s = ((double)(start.us - carrier->epoch_us) + start.fraction_us) * 1e-6;
        double end_s = capacity_end_s(&carrier->capacity, fmax(start_s, 0), bits);
        return later_by(start, whole_us(fmax((end_s - start_s) * 1e6, 0)));
    }
    return isinf(carrier->rate_bps) ? start : later_by(start, bits * 1e6 / carrier->rate_bps);
}

static struct instant arrived_by(const struct message *message, struct instant left)
{
    return later_of(later_by(left, message->carrier.delay_us), message->not_before);
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

void shaper_push(struct shaper *shaper, int64_t now_us, double bits, void *cookie)
{
    struct message *message = room_for_one(shaper);

    assert(bits >= 0);
    if (shaper->free.us < now_us)
        shaper->free = (struct instant){now_us, 0};
    *message = (struct message){.carrier = shaper->carrier,
                                .start = shaper->free,
                                .end = left_by(&shaper->carrier, shaper->free, bits),
                                .not_before = shaper->last_arrival,
                                .bits = bits,
                                .cookie = cookie};
    message->arrival = arrived_by(message, message->end);
    shaper->free = message->end;
    shaper->last_arrival = message->arrival;
}

void shaper_block(struct shaper *shaper, int64_t until_us)
{
    if (shaper->free.us < until_us)
        shaper->free = (struct instant){until_us, 0};
}

int64_t shaper_next_us(const struct shaper *shaper)
{
    if (shaper->first == shaper->n)
        return INT64_MAX;
    return rounded_up(shaper->queue[shaper->first].arrival);
}

void *shaper_pop(struct shaper *shaper, int64_t now_us)
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
static int64_t bytes_due_us(const struct message *message, uint64_t n)
{
    struct instant left = left_by(&message->carrier, message->start, 8.0 * (double)n);
    return rounded_up(arrived_by(message, left));
}

/*
 * Steps are counted from the message's start, so that a late piece does not delay those behind it.
 */
bool shaper_take(struct shaper *shaper, int64_t now_us, uint64_t step_bytes,
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

int64_t shaper_step_us(const struct shaper *shaper, uint64_t step_bytes)
{
    if (shaper->first == shaper->n)
        return INT64_MAX;
    const struct message *message = &shaper->queue[shaper->first];
    uint64_t next = message->taken_bytes + step_bytes;
    return next < whole_bytes(message) ? bytes_due_us(message, next) : shaper_next_us(shaper);
}

uint64_t shaper_step_bytes(double rate_bps)
{
    double bytes = rate_bps * STEP_S / 8;

    if (!(bytes < (double)STEP_MAX_BYTES))
        return STEP_MAX_BYTES;
    return bytes > (double)STEP_MIN_BYTES ? (uint64_t)bytes : STEP_MIN_BYTES;
}

int64_t shaper_free_us(const struct shaper *shaper)
{
    return rounded_up(shaper->free);
}

double shaper_delivered_bits(const struct shaper *shaper)
{
    return shaper->delivered_bits;
}
