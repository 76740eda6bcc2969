/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/event_queue.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->sequence < b->sequence;
}

/* Both move a hole to where `event` belongs, and fill it. */
static void sift_up(struct event *heap, size_t hole, struct event event)
{
    for (; hole > 0 && is_before(&event, &heap[(hole - 1) / 2]); hole = (hole - 1) / 2)
        heap[hole] = heap[(hole - 1) / 2];
    heap[hole] = event;
}

static void sift_down(struct event *heap, size_t n, size_t hole, struct event event)
{
    for (size_t child; (child = 2 * hole + 1) < n; hole = child) {
        if (child + 1 < n && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (!is_before(&heap[child], &event))
            break;
        heap[hole] = heap[child];
    }
    heap[hole] = event;
}

void event_queue_release(struct event_queue *queue)
{
    free(queue->heap);
    *queue = (struct event_queue){0};
}

void event_queue_add(struct event_queue *queue, double at_us, int kind, int whom, void *what)
{
    assert(!isnan(at_us));
    queue->heap = mem_grow(queue->heap, queue->n, &queue->capacity, sizeof *queue->heap);
    struct event event = {at_us, queue->n_added++, kind, whom, what};
    sift_up(queue->heap, queue->n++, event);
}

double event_queue_next_us(const struct event_queue *queue)
{
    return queue->n ? queue->heap[0].at_us : HUGE_VAL;
}

bool event_queue_take(struct event_queue *queue, double now_us, struct event *event)
{
    if (queue->n == 0 || queue->heap[0].at_us > now_us)
        return false;
    *event = queue->heap[0];
    if (--queue->n > 0)
        sift_down(queue->heap, queue->n, 0, queue->heap[queue->n]);
    return true;
}

void event_queue_shift(struct event_queue *queue, double by_us)
{
    for (size_t i = 0; i < queue->n; i++)
        queue->heap[i].at_us += by_us;
    /* Times a rounding apart may have become the same: then the order of arrival decides. */
    for (size_t i = queue->n / 2; i-- > 0;)
        sift_down(queue->heap, queue->n, i, queue->heap[i]);
}
