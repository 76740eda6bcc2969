/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the server's own instants and the durations and stamps of devices say that each phase of a round took. */
#include <math.h>

#include "edge-server/server_impl.h"

/* A device's stamp, since the round began. */
double measure_stamp_us(const struct server *server, int seat, double stamp_s)
{
    return stamp_s * 1e6 - server->seats[seat].clock.offset_us - server->round_start_us;
}

/* No clock is looked at again before the round is over. */
void measure_clock(struct server *server, int seat)
{
    const struct clock_offset *clock = &server->seats[seat].clock;
    struct device_record *device = &current_record(server)->devices[seat];
    device->has_clock = clock->is_known;
    device->clock_offset_s = clock->offset_us * 1e-6;
    device->clock_bound_s = clock->bound_us * 1e-6;
}

/*
 * A round's weights took until the forward pass began, which is known if the clock is: the hand-over's, not the
 * uplink's. A ROUND without weights is no hand-over: its trip has no phase of its own and stays in the uplink's, or the
 * phases would not add up to the round.
 */
void measure_uplink(struct server *server, int seat, double forward_s, double now_us)
{
    struct round_record *record = current_record(server);
    const struct seat *from = &server->seats[seat];
    double since_s = (now_us - from->round_sent_us) * 1e-6, handover_s = 0;
    if (from->gains_from >= 0) {
        double sent_us = from->round_sent_us - server->round_start_us;
        handover_s = fmax(record->devices[seat].times.forward_us - sent_us, 0) * 1e-6;
        record->measured.handover_s[from->gains_from] += handover_s;
    }
    record->measured.device_forward_s[seat] = forward_s;
    record->measured.uplink_s[seat] = since_s - forward_s - handover_s;
}

/* What came down to `seat` is the hand-over of device `of`. */
void measure_handover(struct server *server, int of, int seat, double now_us)
{
    double elapsed_s = (now_us - server->seats[seat].round_sent_us) * 1e-6;
    current_record(server)->measured.handover_s[of] += elapsed_s;
    server->seats[seat].gains_from = of;
}

/*
 * What is left of the time between the gradient's start on the downlink and the answer, after the device's
 * own backward pass, is the downlink's, and with it the answer's trip, which has no phase. When the front part comes
 * back with the answer, the downlink ends where the backward pass begins (where its emulation ends, if the device's
 * clock is not known), and the rest is the hand-over's.
 */
void measure_downlink(struct server *server, int seat, const struct msg *msg, double now_us)
{
    struct latency_terms *measured = &current_record(server)->measured;
    struct turn *turn = &server->turn;
    double backward_s = msg->round_done.backward_s;
    double whole_s = (now_us - turn->broadcast_end_us) * 1e-6 - backward_s;
    measured->device_backward_s[seat] = backward_s;
    measured->downlink_s[seat] = whole_s;
    if (msg->n_payloads == 0)
        return;
    double end_us = current_record(server)->devices[seat].times.backward_us;
    double downlink_s = (server->round_start_us + end_us - turn->broadcast_end_us) * 1e-6;
    measured->downlink_s[seat] = downlink_s;
    measured->handover_s[seat] += whole_s - downlink_s;
}

/*
 * Passes are timed from when a process gets to its input. Time that messages and processes spend queueing on a
 * machine that does not keep up shows here, in the whole.
 */
bool measure_is_late(const struct server *server, const struct round_record *record)
{
    const struct experiment *e = server->in.experiment;
    return e->testbed.models_compute && server->link->is_emulated &&
           record->measured_s > record->predicted_s &&
           difference_is_large(record->predicted_s, record->measured_s, e->testbed.time_scale);
}
