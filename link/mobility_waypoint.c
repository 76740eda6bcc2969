/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random waypoint (Johnson and Maltz, "Dynamic Source Routing in Ad Hoc Wireless Networks", 1996):
 * walk straight to a place drawn uniformly in the cell at a speed drawn uniformly, pause, and
 * again. A device starts at its own distance, walking at once. The speed's lower bound is above 0,
 * without which walks would get ever slower.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "link/mobility_kinds.h"
#include "link/streams.h"

#define PI 3.14159265358979323846

/*
 * A leg: from leave_s at (from_x, from_y) to arrive_s at (to_x, to_y); the next one leaves at
 * next_s.
 */
struct walker {
    struct rng rng;
    double first_distance_m;
    double from_x, from_y, to_x, to_y;
    double leave_s, arrive_s, next_s;
};

struct walk {
    struct mobility_settings settings;
    struct walker *walkers; /* [n_devices] */
};

static void next_leg(const struct mobility_settings *s, struct walker *w)
{
    double r_m = s->cell_radius_m * sqrt(rng_uniform(&w->rng));
    double angle = rng_uniform_in(&w->rng, 0, 2 * PI);
    double speed = rng_uniform_in(&w->rng, s->speed_min_m_per_s, s->speed_max_m_per_s);

    w->from_x = w->to_x;
    w->from_y = w->to_y;
    w->to_x = r_m * cos(angle);
    w->to_y = r_m * sin(angle);
    w->leave_s = w->next_s;
    w->arrive_s = w->leave_s + hypot(w->to_x - w->from_x, w->to_y - w->from_y) / speed;
    w->next_s = w->arrive_s + s->pause_s;
}

static void start(const struct mobility_settings *s, struct walker *w, int device)
{
    double angle = mobility_first_angle(s->seed, device);

    rng_seed(&w->rng, s->seed, channel_stream(CHANNEL_WALK, device, 0));
    w->to_x = w->first_distance_m * cos(angle);
    w->to_y = w->first_distance_m * sin(angle);
    w->next_s = 0;
    next_leg(s, w);
}

static void *waypoint_open(const struct mobility_settings *settings, struct err *err)
{
    struct walk *walk = mem_zero(1, sizeof *walk);

    (void)err;
    walk->settings = *settings;
    walk->walkers = mem_zero((size_t)settings->n_devices, sizeof *walk->walkers);
    for (int i = 0; i < settings->n_devices; i++) {
        walk->walkers[i].first_distance_m = settings->distance_m[i];
        start(settings, &walk->walkers[i], i);
    }
    return walk;
}

static void waypoint_place(void *state, int device, double time_s, struct position *place)
{
    struct walk *walk = state;
    struct walker *w = &walk->walkers[device];

    if (time_s < w->leave_s)
        start(&walk->settings, w, device);
    while (time_s >= w->next_s)
        next_leg(&walk->settings, w);
    double way = w->arrive_s > w->leave_s ? (time_s - w->leave_s) / (w->arrive_s - w->leave_s) : 1;
    way = fmin(way, 1);
    place->x_m = w->from_x + way * (w->to_x - w->from_x);
    place->y_m = w->from_y + way * (w->to_y - w->from_y);
    place->distance_m = hypot(place->x_m, place->y_m);
}

static void waypoint_free(void *state)
{
    struct walk *walk = state;

    if (walk)
        free(walk->walkers);
    free(walk);
}

const struct mobility_kind mobility_waypoint = {
    .name = "waypoint",
    .help = "random waypoint: straight to a random place in the cell, a pause, and again",
    .open = waypoint_open,
    .place = waypoint_place,
    .free = waypoint_free,
};
