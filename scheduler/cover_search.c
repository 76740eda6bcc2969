/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/cover_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define STEPS     40   /* at a window */
#define MAX_STEPS 1280 /* at a narrow one, after several doublings */
#define NARROW    5e-4 /* width of a window that is not halved any more, of the stage */

void cover_search_init(struct cover_search *s, const struct cell *cell, int64_t deadline_us)
{
    memset(s, 0, sizeof *s);
    s->cell = cell;
    s->deadline_us = deadline_us;
    cover_init(&s->cover, cell);
}

static void window_release(struct cover_window *w)
{
    free(w->price);
    free(w->unit);
}

void cover_search_release(struct cover_search *s)
{
    for (size_t p = 0; p < s->n; p++)
        window_release(&s->windows[p]);
    free(s->windows);
    cover_release(&s->cover);
}

static void push(struct cover_search *s, struct cover_window window)
{
    size_t p = s->n;

    s->windows = mem_grow(s->windows, s->n, &s->capacity, sizeof *s->windows);
    s->windows[s->n++] = window;
    for (; p > 0 && s->windows[(p - 1) / 2].bound_s > window.bound_s; p = (p - 1) / 2)
        s->windows[p] = s->windows[(p - 1) / 2];
    s->windows[p] = window;
}

static struct cover_window pop(struct cover_search *s)
{
    struct cover_window top = s->windows[0], last = s->windows[--s->n];
    size_t p = 0;

    while (2 * p + 1 < s->n) {
        size_t child = 2 * p + 1;
        if (child + 1 < s->n && s->windows[child + 1].bound_s < s->windows[child].bound_s)
            child++;
        if (!(s->windows[child].bound_s < last.bound_s))
            break;
        s->windows[p] = s->windows[child];
        p = child;
    }
    if (s->n > 0)
        s->windows[p] = last;
    return top;
}

void cover_search_add(struct cover_search *s, int cut, const struct cut_costs *costs,
                      double bound_s, double best_s, const struct ascent *ascent)
{
    size_t bytes = s->cover.n_prices * sizeof(double);
    double to_s = costs->least_down_s;

    if (costs->downlink_bits > 0)
        to_s = fmax(to_s, best_s - costs->fixed_s - costs->least_up_s);
    cover_start(&s->cover, &ascent->at, &ascent->prices);
    push(s, (struct cover_window){cut, costs, costs->least_down_s, to_s, bound_s,
                                  mem_copy(s->cover.price, bytes), mem_copy(s->cover.unit, bytes),
                                  STEPS});
}

/* Raises the part of `window` between two ends and puts it on the heap. */
static void raise_part(struct cover_search *s, const struct cover_window *window, double from_s,
                       double to_s, double best_s, double enough_s)
{
    size_t bytes = s->cover.n_prices * sizeof(double);
    struct cover_window part = *window;

    memcpy(s->cover.price, window->price, bytes);
    memcpy(s->cover.unit, window->unit, bytes);
    part.from_s = from_s;
    part.to_s = to_s;
    part.bound_s = fmax(part.bound_s, cover_raise(&s->cover, window->costs, from_s, to_s, best_s,
                                                  enough_s, window->n_steps, s->deadline_us));
    part.price = mem_copy(s->cover.price, bytes);
    part.unit = mem_copy(s->cover.unit, bytes);
    s->work += (double)s->cover.n_steps * s->cell->n_devices * s->cell->n_subchannels;
    push(s, part);
}

bool cover_search_run(struct cover_search *s, double best_s, double enough_s, double max_work)
{
    double end = s->work + max_work;

    while (s->n > 0 && s->windows[0].bound_s < enough_s) {
        struct cover_window top = s->windows[0];
        double middle_s = top.from_s + 0.5 * (top.to_s - top.from_s);
        if (s->work >= end || clock_now_us() > s->deadline_us)
            return true;
        if (top.n_steps > MAX_STEPS)
            return false;
        top = pop(s);
        if (top.to_s - top.from_s <= NARROW * top.to_s) {
            top.n_steps *= 2;
            middle_s = top.to_s;
        } else {
            raise_part(s, &top, middle_s, top.to_s, best_s, enough_s);
        }
        raise_part(s, &top, top.from_s, middle_s, best_s, enough_s);
        window_release(&top);
    }
    return false;
}

double cover_search_bound_s(const struct cover_search *s)
{
    return s->n > 0 ? s->windows[0].bound_s : HUGE_VAL;
}

int cover_search_cut(const struct cover_search *s)
{
    return s->windows[0].cut;
}

void cover_search_owners(const struct cover_search *s, const int *known, int *owner)
{
    for (int k = 0; k < s->cell->n_subchannels; k++) {
        double most = 0;
        owner[k] = known[k];
        for (int i = 0; i < s->cell->n_devices; i++) {
            double share = s->cover.share[cell_at(s->cell, i, k)];
            if (share > most) {
                most = share;
                owner[k] = i;
            }
        }
    }
}
