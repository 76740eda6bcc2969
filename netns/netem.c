/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "netns/netem.h"

#include <math.h>

#include "netns/tbf.h"

#define SEGMENT_BYTES 1500.0 /* of the equations: link/capacity.h */
#define MAX_DELAY_S   1e9    /* far more than a run waits, and fits into nanoseconds */

double netem_frame_loss(double segment_loss)
{
    return -expm1(log1p(-segment_loss) * TBF_SEGMENT_BYTES / SEGMENT_BYTES);
}

struct netem netem_for(double delay_s, double segment_loss)
{
    return (struct netem){
        .delay_ns = (int64_t)llround(fmin(delay_s, MAX_DELAY_S) * 1e9),
        .loss = (uint32_t)llround(netem_frame_loss(segment_loss) * UINT32_MAX),
    };
}
