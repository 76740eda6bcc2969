/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is to happen when, for whoever advances a clock by hand: events come out in the order of their times,
 * those of the same time in the order they went in. A binary heap: adding and taking cost O(log n).
 *
 * An event says whom it concerns and, if that is not enough, carries something; the queue looks at neither.
 * Used by the simulator (what parties do next) and the emulated air (whose downlink is next).
 */
#ifndef BASE_EVENT_QUEUE_H
#define BASE_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event {
    double at_us;
    uint64_t sequence; /* set by the queue */
    int kind, whom;    /* the user's */
    void *what;        /* the user's, or NULL */
};

struct event_queue {
    struct event *heap;
    size_t n, capacity;
    uint64_t n_added; /* ever */
};

/* A zeroed queue is empty. What events still in it carry is the user's to free before. */
void event_queue_release(struct event_queue *queue);

/* Not for a time of NaN. */
void event_queue_add(struct event_queue *queue, double at_us, int kind, int whom, void *what);

/* When the first event is due; INFINITY when there is none. */
double event_queue_next_us(const struct event_queue *queue);

/* Takes the first event out if it is due by now_us. */
bool event_queue_take(struct event_queue *queue, double now_us, struct event *event);

/* Every event is by_us later than it was. */
void event_queue_shift(struct event_queue *queue, double by_us);

#endif
