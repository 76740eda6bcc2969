/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random streams of the channel: one for each purpose, device and block of time, so that no draw of
 * one moves those of another. Fading of block 0 is stream RNG_CHANNEL + device.
 */
#ifndef LINK_STREAMS_H
#define LINK_STREAMS_H

#include <stdint.h>

#include "base/rng.h"

enum channel_purpose {
    CHANNEL_FADING,
    CHANNEL_LINE_OF_SIGHT,
    CHANNEL_SHADOWING,
    CHANNEL_ANGLE,
    CHANNEL_WALK,
    CHANNEL_OUTAGES,
    CHANNEL_UPLINK, /* jitter and loss of a round's transfers: block is the round */
    CHANNEL_DOWNLINK,
    CHANNEL_BROADCAST,
    CHANNEL_GIVEN, /* hand-overs */
    CHANNEL_FRONT,
    CHANNEL_GAINED,
    CHANNEL_GAINED_BY_ALL,
};

/* Unique for fewer than 2^28 blocks; later ones begin again. */
static inline uint64_t channel_stream(enum channel_purpose purpose, int device, uint64_t block)
{
    return RNG_CHANNEL + (uint64_t)device + ((uint64_t)purpose << 32) + (block << 36);
}

#endif
