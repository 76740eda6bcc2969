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

static const struct transfer *transfer_of(const struct server *server,
                                          enum link_direction direction, int device)
{
    return round_radio_transfer(server->in.schedule->radio, direction, device);
}

/* Of bits at the transfer's rate, in its proportions, as the rate has them in it. */
static void take_time(const struct server *server, struct link_pace *pace,
                      enum link_direction direction, double bits)
{
    const struct transfer *transfer = transfer_of(server, direction, pace->device);
    if (transfer->rate_bps > 0)
        pace->transfer_s = bits / transfer->rate_bps;
    pace->carry_s = pace->transfer_s;
    if (transfer->bits > 0) {
        pace->carry_s = transfer->carry_s * (bits / transfer->bits);
        pace->delay_s = transfer->delay_s * (bits / transfer->bits);
    }
}

/* The transfer's rate, or what it would be without segments sent again. */
void pacing_air(struct server *server, enum link_direction direction, int seat)
{
    const struct transfer *transfer = transfer_of(server, direction, seat);
    bool is_for_all = direction == LINK_BROADCAST || direction == LINK_GAINED_BY_ALL;
    double rate_bps = transfer->rate_bps;
    if (!server->link->is_emulated)
        return;
    if (server->in.loses_frames && transfer->bits > 0)
        rate_bps = transfer->bits / (transfer->carry_s + transfer->delay_s);
    air_set_rate(server->air, is_for_all ? AIR_ALL : seat, rate_bps);
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
    take_time(server, &up, LINK_UPLINK, 8 * counted_bytes);
    pace(server, &up);
}

void pacing_layers(struct server *server, int seat)
{
    struct link_pace up = {.device = seat, .is_uplink = true};
    up.payload_bytes = handover_given_bytes(server, seat);
    take_time(server, &up, LINK_GIVEN, 8 * (double)up.payload_bytes);
    pace(server, &up);
}

void pacing_downlink(struct server *server, int seat, const struct msg *msg,
                     enum link_direction direction)
{
    struct link_pace down = {.device = seat, .payload_bytes = msg_payload_bytes(msg)};
    take_time(server, &down, direction, 8 * (double)down.payload_bytes);
    pace(server, &down);
}

/* For control alone. */
static void pace_back(struct server *server, int seat, bool is_uplink)
{
    if (link_is_impaired(server->in.experiment))
        pace(server,
             &(struct link_pace){.device = seat, .is_uplink = is_uplink, .is_way_back = true});
}

void pacing_arrived(struct server *server, int seat)
{
    pace_back(server, seat, true);
}

/* On ideal links the uplink is as it has to be since the activations. */
void pacing_answer(struct server *server, int seat)
{
    struct link_pace up = {.device = seat, .is_uplink = true};
    if (!(transfer_of(server, LINK_FRONT, seat)->bits > 0))
        return;
    up.payload_bytes = server_front_bytes(server);
    take_time(server, &up, LINK_FRONT, 8 * (double)up.payload_bytes);
    pace(server, &up);
}

void pacing_done(struct server *server, int seat)
{
    pace_back(server, seat, true);
    pace_back(server, seat, false);
}

const struct link_pace *server_next_pace(struct server *server)
{
    return server->next_pace < server->n_paces ? &server->paces[server->next_pace++] : NULL;
}
