/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "link/radio.h"

#include <math.h>

#define LN_2 0.693147180559945309417

/* log1p, because far devices have signal-to-noise ratios where 1 + x rounds to 1. */
double subchannel_rate_bps(double bandwidth_hz, double psd_w_per_hz, double gain,
                           double noise_psd_w_per_hz)
{
    return bandwidth_hz * log1p(psd_w_per_hz * gain / noise_psd_w_per_hz) / LN_2;
}
