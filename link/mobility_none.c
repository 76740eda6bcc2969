/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices that stay where they are. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "link/mobility_kinds.h"

static void *none_open(const struct mobility_settings *settings, struct err *err)
{
    struct position *places = mem_zero((size_t)settings->n_devices, sizeof *places);

    (void)err;
    for (int i = 0; i < settings->n_devices; i++) {
        double angle = mobility_first_angle(settings->seed, i), d_m = settings->distance_m[i];
        places[i] = (struct position){d_m * cos(angle), d_m * sin(angle), d_m};
    }
    return places;
}

static void none_place(void *state, int device, double time_s, struct position *place)
{
    (void)time_s;
    *place = ((const struct position *)state)[device];
}

const struct mobility_kind mobility_none = {
    .name = "none",
    .help = "devices stay where they are",
    .open = none_open,
    .place = none_place,
    .free = free,
};
