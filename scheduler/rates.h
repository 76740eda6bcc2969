/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rates that an allocation of subchannels and powers gives (docs/MODEL.md): uplink by the
 * devices' power spectral density, downlink and broadcast by the server's fixed one. Rates in
 * bit/s.
 */
#ifndef SCHEDULER_RATES_H
#define SCHEDULER_RATES_H

#include "scheduler/latency.h"

void rates_init(struct rates *rates, int n_devices); /* zeros */
void rates_release(struct rates *rates);
void rates_copy(struct rates *to, const struct rates *from, int n_devices);

/* owner[M]: device or -1; psd[M] in W/Hz. */
void rates_evaluate(const struct problem *problem, const int *owner, const double *psd_w_per_hz,
                    struct rates *rates);

/* The same where R^BC is known, which no owner or power changes and which takes the longest. */
void rates_evaluate_own(const struct problem *problem, const int *owner, const double *psd_w_per_hz,
                        double broadcast_bps, struct rates *rates);

/* Taking turns: turn_psd[C][M], every device with the whole band; R^BC stays 0, nothing is
 * broadcast. */
void rates_evaluate_turns(const struct problem *problem, const double *turn_psd_w_per_hz,
                          struct rates *rates);

/* min_i sum_k B_k log2(1 + p_DL g_ik / N0) */
double rates_broadcast_bps(const struct problem *problem);

/* Rate of device i on subchannel k at the server's power. */
double rates_downlink_of_bps(const struct problem *problem, int device, int subchannel);

#endif
