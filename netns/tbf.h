/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arithmetic of the kernel's token bucket (qdisc tbf): the rate and burst with which a message of so
 * many bytes has passed in so many seconds, headers and all. Pure. Used by netns/.
 *
 * tbf counts Ethernet frames, so with S bytes on the stream F(S) = S + 66 ceil(S / 1448) bytes count:
 * 1448 bytes to a segment of an MTU of 1500, and with it 14 bytes of Ethernet, 20 of IP, 20 of TCP
 * and 12 of its time stamps. Acknowledgements go the other way and are not counted. The bucket is
 * full when its rate has just been set, so the first `burst` bytes do not wait and the rest has
 * (F - burst) / rate left: the rate is chosen for that.
 */
#ifndef NETNS_TBF_H
#define NETNS_TBF_H

#include <stdint.h>

#define TBF_SEGMENT_BYTES 1448 /* of the stream in a full frame */
#define TBF_HEADER_BYTES  66   /* of every frame */
#define TBF_FRAME_BYTES   (TBF_SEGMENT_BYTES + TBF_HEADER_BYTES)
/*
 * The kernel's work is by the piece, some 10 us each, so TCP may hand over several segments as one; held to
 * what is counted as TBF_PIECE_BYTES at most. A bucket cuts those that do not fit into it into frames when they
 * come, but never lets one pass that was in the queue before the bucket got too small for it.
 */
#define TBF_PIECE_SEGMENTS 11
#define TBF_PIECE_BYTES    ((TBF_PIECE_SEGMENTS + 1) * TBF_FRAME_BYTES)
/* About what a message takes besides its payloads: its control frame, ZMTP's frame headers. */
#define TBF_MESSAGE_BYTES 96

struct tbf {
    uint64_t bytes_per_s; /* > 0 */
    uint32_t burst_bytes; /* at least a frame: what is longer would never pass */
};

/* What tbf counts for a message whose payloads have so many bytes. */
double tbf_message_bytes(double payload_bytes);

/*
 * For so many counted bytes, to be through wall_s seconds after the first was sent; wall_s not finite
 * or not above 0: as good as no limit. The burst is two milliseconds of the rate, so that a timer that
 * is late by less costs nothing, but no more than a quarter of the bytes. However that may be it is a
 * frame at least, and the largest piece that may be queued: so few bytes are never held up.
 */
struct tbf tbf_for_bytes(double counted_bytes, double wall_s, uint32_t queued_piece_bytes);

#endif
