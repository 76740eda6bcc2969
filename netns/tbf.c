/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "netns/tbf.h"

#include <math.h>

#define FREE_BYTES_PER_S 1.25e10 /* 100 Gbit/s: more than a veth pair carries */
#define FREE_BURST_BYTES (1u << 20)
#define BURST_S          2e-3
#define BURST_SHARE      8 /* of a message, at most */

double tbf_counted_bytes(double stream_bytes)
{
    return stream_bytes + TBF_HEADER_BYTES * ceil(stream_bytes / TBF_SEGMENT_BYTES);
}

struct tbf tbf_for_message(double payload_bytes, double wall_s)
{
    struct tbf tbf = {(uint64_t)FREE_BYTES_PER_S, FREE_BURST_BYTES};
    double counted = tbf_counted_bytes(payload_bytes + TBF_MESSAGE_BYTES);
    double share = counted / BURST_SHARE;
    if (!isfinite(wall_s) || counted > FREE_BYTES_PER_S * wall_s)
        return tbf;
    double burst = fmax(TBF_FRAME_BYTES, fmin(counted / wall_s * BURST_S, share));
    double rate = fmax(counted - burst, share) / wall_s;
    tbf.burst_bytes = (uint32_t)fmin(burst, FREE_BURST_BYTES);
    tbf.bytes_per_s = (uint64_t)fmax(rate, 1);
    return tbf;
}
