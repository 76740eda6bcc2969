/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "netns/tbf.h"

#include <math.h>

#define FREE_BYTES_PER_S 1.25e10 /* 100 Gbit/s: more than a veth pair carries */
#define FREE_BURST_BYTES (1u << 20)
#define BURST_S          2e-3
#define BURST_SHARE      4 /* of what is to go, at most */

double tbf_message_bytes(double payload_bytes)
{
    double stream_bytes = payload_bytes + TBF_MESSAGE_BYTES;
    return stream_bytes + TBF_HEADER_BYTES * ceil(stream_bytes / TBF_SEGMENT_BYTES);
}

struct tbf tbf_for_bytes(double counted_bytes, double wall_s, uint32_t queued_piece_bytes)
{
    struct tbf tbf = {(uint64_t)FREE_BYTES_PER_S, FREE_BURST_BYTES};
    double share = counted_bytes / BURST_SHARE;
    if (!isfinite(wall_s) || wall_s <= 0 || counted_bytes > FREE_BYTES_PER_S * wall_s)
        return tbf;
    double least = fmax(TBF_FRAME_BYTES, queued_piece_bytes);
    double burst = fmax(least, fmin(counted_bytes / wall_s * BURST_S, share));
    double rate = fmax(counted_bytes - burst, share) / wall_s;
    tbf.burst_bytes = (uint32_t)fmin(burst, FREE_BURST_BYTES);
    tbf.bytes_per_s = (uint64_t)fmax(rate, 1);
    return tbf;
}
