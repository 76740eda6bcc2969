/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A value that may differ from device to device: a quantity, or a distribution of it, as written in a
 * device group: "1.2 GHz", "uniform(1 GHz, 1.6 GHz)", "normal(1.2 GHz, 100 MHz)", "disc(200 m)".
 */
#ifndef EXPERIMENT_DISTRIBUTION_H
#define EXPERIMENT_DISTRIBUTION_H

#include <stdint.h>

#include "base/err.h"
#include "base/strbuf.h"
#include "base/units.h"

struct key_row;

enum distribution_kind {
    DISTRIBUTION_CONSTANT, /* a */
    DISTRIBUTION_UNIFORM,  /* between a and b */
    DISTRIBUTION_NORMAL,   /* mean a, standard deviation b; redrawn until within the key's range */
    DISTRIBUTION_DISC, /* the distance from its centre of a place uniform in a disc of radius a */
};

struct distribution {
    enum distribution_kind kind;
    double a, b; /* SI: decibels are taken to linear before drawing */
};

/*
 * Reads one. Every value it can take must be within the row's range (a normal one excepted, which is cut
 * to it). -1 when it is none; what is allowed is schema_add_allowed()'s to say.
 */
int distribution_parse(const char *text, const struct key_row *row, struct distribution *d);

/*
 * Draws the value of one key of device number `device` of group `group`. Each has a random stream of its
 * own, made from seed, group, number and key, so that a further key, device or group changes no other draw. -1
 * when DISTRIBUTION_MAX_REDRAWS normal draws are all out of range.
 */
#define DISTRIBUTION_MAX_REDRAWS 1000
int distribution_draw(const struct distribution *d, const struct key_row *row, uint64_t seed,
                      const char *group, int device, double *value);

/* ", uniform(a, b), normal(mean, std)" and for lengths ", disc(radius)". */
void distribution_add_forms(enum dimension dimension, struct strbuf *out);

#endif
