/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/division_search.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define PROVEN 1e-7 /* a gap that needs no more work */

/* Rounds at a cut whose downlink stage ends within [from_s, to_s]. */
struct window {
    int cut;
    double from_s, to_s, bound_s;
};

struct search {
    struct exact_search *s;
    struct division division;
    struct window *windows; /* a heap, the least bound on top */
    size_t n, capacity;
    double work;
    int *owner;
};

static void sink(struct search *w, size_t p)
{
    for (;;) {
        size_t least = p;
        struct window moved = w->windows[p];
        for (size_t child = 2 * p + 1; child <= 2 * p + 2 && child < w->n; child++)
            if (w->windows[child].bound_s < w->windows[least].bound_s)
                least = child;
        if (least == p)
            return;
        w->windows[p] = w->windows[least];
        w->windows[least] = moved;
        p = least;
    }
}

static void push(struct search *w, struct window window)
{
    size_t p = w->n;

    w->windows = mem_grow(w->windows, w->n, &w->capacity, sizeof *w->windows);
    w->windows[w->n++] = window;
    for (; p > 0 && w->windows[(p - 1) / 2].bound_s > window.bound_s; p = (p - 1) / 2)
        w->windows[p] = w->windows[(p - 1) / 2];
    w->windows[p] = window;
}

static void start_windows(struct search *w)
{
    const struct exact_search *s = w->s;

    for (int j = 0; j < s->n_cuts; j++) {
        const struct cut_costs *costs = &s->cuts[j].costs;
        double last_s = costs->least_down_s;
        if (!s->cuts[j].is_started)
            continue;
        /* A round as good as the best leaves the downlink stage no more than this. */
        if (costs->downlink_bits > 0)
            last_s = fmax(last_s, s->best_s - costs->fixed_s - costs->least_up_s);
        push(w, (struct window){j, costs->least_down_s, last_s, s->cuts[j].least_s});
    }
}

static void take_owners(struct search *w, int j)
{
    struct cut_search *c = &w->s->cuts[j];
    struct allocation found;
    double total_s;

    allocation_init(&found, w->s->cell, &c->costs);
    allocation_set(&found, w->owner);
    total_s = allocation_total_s(&found);
    if (total_s < c->known_s) {
        allocation_set(&c->known, w->owner);
        c->known_s = total_s;
        exact_search_keep_if_best(w->s, j);
    }
    allocation_release(&found);
}

/* One question to the window on top, which then goes back, whole or halved. */
static void ask(struct search *w)
{
    struct window *top = &w->windows[0], other;
    const struct cut_costs *costs = &w->s->cuts[top->cut].costs;
    double aim_s = top->bound_s + 0.5 * (w->s->best_s - top->bound_s);
    double up_s = aim_s - costs->fixed_s - top->from_s;

    w->work += w->division.work;
    if (!division_can_meet(&w->division, costs, up_s, top->to_s, w->owner)) {
        top->bound_s = fmax(top->bound_s, aim_s * (1 - 1e-12));
        sink(w, 0);
        return;
    }
    take_owners(w, top->cut);
    if (top->to_s - top->from_s <= 1e-9 * top->to_s)
        return; /* the round found is as short as was asked for: the aim has moved */
    other = *top;
    top->to_s = other.from_s = top->from_s + 0.5 * (top->to_s - top->from_s);
    other.bound_s = fmax(other.bound_s, costs->fixed_s + other.from_s + costs->least_up_s);
    push(w, other);
}

static bool goes_on(const struct search *w)
{
    double gap = 1 - w->windows[0].bound_s / w->s->best_s;

    if (gap <= PROVEN || (w->work > DIVISION_EASY_WORK && gap <= w->s->gap))
        return false;
    return w->work < DIVISION_MAX_WORK && clock_now_us() < w->s->deadline_us;
}

void division_search_run(struct exact_search *s)
{
    struct search w = {.s = s, .owner = mem_zero((size_t)s->cell->n_subchannels, sizeof(int))};

    division_init(&w.division, s->cell);
    start_windows(&w);
    while (w.n > 0 && goes_on(&w))
        ask(&w);
    exact_search_close(s, w.n > 0 ? w.windows[0].bound_s : HUGE_VAL);
    division_release(&w.division);
    free(w.windows);
    free(w.owner);
}
