/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each link is to be, for whoever paces it outside (edge-server/link_kind.h): transfers as the schedule has
 * them, and nothing in the way of control messages, which take no time by the equations.
 */
#include "base/mem.h"
#include "edge-server/server_impl.h"

static void pace(struct server *server, const struct link_pace *pace)
{
    if (!server->link->paces_elsewhere)
        return;
    if (server->next_pace == server->n_paces)
        server->next_pace = server->n_paces = 0;
    server->paces =
        mem_grow(server->paces, server->n_paces, &server->pace_capacity, sizeof *server->paces);
    server->paces[server->n_paces++] = *pace;
}

/* Of bits at the round's rate, in the proportions of the round's transfer, as the rate has them in it. */
static void take_time(const struct server *server, struct link_pace *pace,
                      enum link_direction direction, double bits, double bps)
{
    const struct transfer *transfer =
        round_radio_transfer(server->in.schedule->radio, direction, pace->device);
    if (bps > 0)
        pace->transfer_s = bits / bps;
    pace->carry_s = pace->transfer_s;
    if (transfer->bits > 0) {
        pace->carry_s = transfer->carry_s * (bits / transfer->bits);
        pace->delay_s = transfer->delay_s * (bits / transfer->bits);
    }
}

/* The planned rate, or that of the transfer without segments sent again. */
static double rate_of(const struct server *server, enum link_direction direction, int device,
                      double planned_bps)
{
    const struct transfer *transfer =
        round_radio_transfer(server->in.schedule->radio, direction, device);
    return transfer->bits > 0 ? transfer->bits / (transfer->carry_s + transfer->delay_s)
                              : planned_bps;
}

void pacing_air(struct server *server)
{
    const struct rates *planned = &server->in.schedule->rates;
    struct rates *rates = &server->air_rates;
    if (!server->in.loses_frames) {
        air_set_rates(server->air, planned);
        return;
    }
    rates->broadcast_bps = rate_of(server, LINK_BROADCAST, 0, planned->broadcast_bps);
    for (int i = 0; i < server->n_seats; i++)
        rates->downlink_bps[i] = rate_of(server, LINK_DOWNLINK, i, planned->downlink_bps[i]);
    air_set_rates(server->air, rates);
}

void pacing_none(struct server *server)
{
    for (int i = 0; i < server->n_seats; i++) {
        pace(server, &(struct link_pace){.device = i, .is_uplink = true});
        pace(server, &(struct link_pace){.device = i, .is_uplink = false});
    }
}

void pacing_uplink(struct server *server, int seat)
{
    double batch = server->in.experiment->training.batch_size;
    double counted_bytes = batch * (double)back_cut_features(server->back) * sizeof(float);
    struct link_pace up = {.device = seat, .is_uplink = true};
    up.payload_bytes = (uint64_t)(counted_bytes + batch * sizeof(uint32_t)); /* and labels */
    take_time(server, &up, LINK_UPLINK, 8 * counted_bytes,
              server->in.schedule->rates.uplink_bps[seat]);
    pace(server, &up);
}

void pacing_downlink(struct server *server, int seat, const struct msg *msg,
                     enum link_direction direction)
{
    const struct rates *rates = &server->in.schedule->rates;
    struct link_pace down = {.device = seat, .payload_bytes = msg_payload_bytes(msg)};
    take_time(server, &down, direction, 8 * (double)down.payload_bytes,
              direction == LINK_BROADCAST ? rates->broadcast_bps : rates->downlink_bps[seat]);
    pace(server, &down);
}

static void pace_back(struct server *server, int seat, bool is_uplink, size_t bytes)
{
    struct link_pace back = {.device = seat, .is_uplink = is_uplink, .is_way_back = true};
    if (!link_is_impaired(server->in.experiment))
        return;
    back.payload_bytes = bytes;
    if (bytes > 0)
        take_time(server, &back, LINK_UPLINK, 8 * (double)bytes,
                  server->in.schedule->rates.uplink_bps[seat]);
    pace(server, &back);
}

void pacing_arrived(struct server *server, int seat)
{
    pace_back(server, seat, true, 0);
}

void pacing_answer(struct server *server, int seat)
{
    pace_back(server, seat, true, server_front_bytes(server));
}

void pacing_done(struct server *server, int seat)
{
    pace_back(server, seat, true, 0);
    pace_back(server, seat, false, 0);
}

const struct link_pace *server_next_pace(struct server *server)
{
    return server->next_pace < server->n_paces ? &server->paces[server->next_pace++] : NULL;
}
