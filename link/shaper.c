/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/shaper.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"

/*
 * An instant as whole microseconds and a fraction in [0, 1): a double alone would lose the fraction on a
 * clock that has run for years.
 */
struct instant {
    int64_t us;
    double fraction_us;
};

struct message {
    struct instant end;
    double bits;
    void *cookie;
};

struct shaper {
    double rate_bps;
    struct instant free; /* when the last bit of the queue, or of a block, has gone */
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

struct shaper *shaper_new(double rate_bps)
{
    struct shaper *shaper = mem_zero(1, sizeof *shaper);

    shaper->free.us = INT64_MIN / 2; /* idle since ever, whatever the clock's zero is */
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
    shaper->rate_bps = rate_bps;
}

/* The popped front of the array is reused once it is half of it, so a steady queue does not grow. */
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
    if (!isinf(shaper->rate_bps))
        shaper->free = later_by(shaper->free, bits * 1e6 / shaper->rate_bps);
    *message = (struct message){shaper->free, bits, cookie};
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
    return rounded_up(shaper->queue[shaper->first].end);
}

void *shaper_pop(struct shaper *shaper, int64_t now_us)
{
    struct message *message;

    if (shaper_next_us(shaper) > now_us || shaper->first == shaper->n)
        return NULL;
    message = &shaper->queue[shaper->first++];
    shaper->delivered_bits += message->bits;
    return message->cookie;
}

int64_t shaper_free_us(const struct shaper *shaper)
{
    return rounded_up(shaper->free);
}

double shaper_delivered_bits(const struct shaper *shaper)
{
    return shaper->delivered_bits;
}
