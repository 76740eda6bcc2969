/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The numbers of problem.json by name: one row a key, used by the reader, its messages and the
 * writer. Their ranges are problem_check()'s business.
 */
#ifndef SCHEDULER_PROBLEM_KEYS_H
#define SCHEDULER_PROBLEM_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct number_key {
    const char *key;
    size_t offset; /* of the double in its struct */
    bool is_optional;
};

struct number_keys {
    const struct number_key *rows;
    size_t n;
};

/* A device's measured times: a list with a number for each cut. */
struct times_key {
    const char *key;
    size_t offset; /* of the double * in struct problem_device */
};

struct times_keys {
    const struct times_key *rows;
    size_t n;
};

extern const struct number_keys problem_number_keys;     /* struct problem */
extern const struct number_keys server_number_keys;      /* struct problem, object "server" */
extern const struct number_keys device_number_keys;      /* struct problem_device */
extern const struct number_keys no_number_keys;          /* of a U-shaped problem itself */
extern const struct number_keys u_device_number_keys;    /* struct problem_device, U-shaped */
extern const struct number_keys cut_number_keys;         /* struct problem_cut */
extern const struct times_keys times_keys, u_times_keys; /* the second U-shaped */

static inline double *number_at(void *object, const struct number_key *key)
{
    return (double *)(void *)((char *)object + key->offset);
}

static inline double number_of(const void *object, const struct number_key *key)
{
    return *(const double *)(const void *)((const char *)object + key->offset);
}

static inline double **times_at(void *device, const struct times_key *key)
{
    return (double **)(void *)((char *)device + key->offset);
}

static inline const double *times_of(const void *device, const struct times_key *key)
{
    return *(double *const *)(const void *)((const char *)device + key->offset);
}

#endif
