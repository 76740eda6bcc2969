/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The channel of every device over modelled time: place, line of sight, path loss, shadowing and
 * fading put together into power gains. Everything random comes from the seed and the device's
 * number, so a gain depends on device, subchannel, round and time alone, not on what was asked
 * before, and a further device changes no other.
 *
 *     gain = antenna_gain x 10^(-(L(d) + sigma s)/10) x |h|^2
 *
 * L is the path loss at the place of that time. Line of sight, where the model draws it: each
 * device has one number u, uniform, and sees the server wherever the model's probability is above
 * u. s is standard normal: one number of the device's own, or the field of link/shadowing.h at its
 * place. |h|^2 is drawn anew in each block of fading.
 */
#ifndef LINK_CHANNEL_H
#define LINK_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "link/mobility.h"
#include "link/radio.h"

enum channel_shadowing {
    SHADOWING_NONE,
    SHADOWING_FIXED,      /* a number for each device */
    SHADOWING_CORRELATED, /* a field over the cell */
};

/* As long as one draw of the fading lasts. */
enum channel_block {
    BLOCK_RUN,
    BLOCK_ROUND,
    BLOCK_TIME, /* coherence_s */
};

struct channel_settings { /* borrowed for channel_new(), except path_loss, fading and mobility */
    uint64_t seed;
    const char *const *names; /* [n_devices] */
    const double *distance_m; /* [n_devices] at time 0 */
    int n_devices, n_subchannels;
    const struct path_loss *path_loss;
    const struct fading *fading;
    const struct mobility_kind *mobility;
    const char *gains_path;     /* path loss `table` only */
    const char *positions_path; /* mobility `positions` only */
    double carrier_hz, antenna_gain, rician_k;
    enum channel_shadowing shadowing;
    enum channel_block block;
    double coherence_s;
    double speed_min_m_per_s, speed_max_m_per_s, pause_s, cell_radius_m;
};

struct channel;

/* NULL when one of the files is not what it should be. */
struct channel *channel_new(const struct channel_settings *settings, struct err *err);
void channel_free(struct channel *channel);

/* Whether the gains never change. */
bool channel_is_constant(const struct channel *channel);

/* Whether a device's gain is the same on every subchannel; channel_flat_gain() is then that. */
bool channel_is_flat(const struct channel *channel);
double channel_flat_gain(struct channel *channel, int device, double time_s);

/* gain[n_subchannels] of a device in round `round` (from 1), which begins at time_s >= 0. */
void channel_gains(struct channel *channel, int device, uint32_t round, double time_s,
                   double *gain);

/* Where it is, and whether it sees the server. */
void channel_place(struct channel *channel, int device, double time_s, struct position *place,
                   bool *is_los);

#endif
