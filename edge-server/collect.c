/* SPDX-License-Identifier: GPL-3.0-or-later */
/* After the last round: the devices' front parts are fetched, so that a trained network is left. */
#include <string.h>

#include "edge-server/run_weights.h"
#include "edge-server/server_impl.h"

static bool is_one_front(const struct server *server)
{
    return run_weights_is_one_front(server->in.experiment, server->framework->takes_turns);
}

void collect_start(struct server *server)
{
    const struct experiment *e = server->in.experiment;
    if (!e->training.learns || strcmp(e->training.save_weights, "never") == 0) {
        server_finish(server);
        return;
    }
    server->state = SERVER_COLLECTING;
    pacing_none(server);
    int first = is_one_front(server) ? server->n_seats - 1 : 0; /* the newest is the last one's */
    for (int i = first; i < server->n_seats; i++) {
        server->seats[i].state = SEAT_COLLECTING;
        server_send(server, i, msg_new(MSG_COLLECT));
    }
    server->n_to_collect = server->n_seats - first;
}

void collect_on_front(struct server *server, int seat, const struct msg *msg)
{
    size_t wanted = server_front_bytes(server), found = msg_payload_bytes(msg);
    if (server->seats[seat].state != SEAT_COLLECTING) {
        server_fail(server, "device %s: sent front weights that nobody waits for",
                    seat_name(server, seat));
        return;
    }
    if (found != wanted) {
        server_fail(server, "device %s: sent %zu bytes of front weights instead of %zu",
                    seat_name(server, seat), found, wanted);
        return;
    }
    payload_drop(server->fronts[seat]);
    server->fronts[seat] = payload_share(msg->payload[0]);
    server->seats[seat].state = SEAT_READY;
    if (--server->n_to_collect == 0) {
        server->has_weights = true;
        server_finish(server);
    }
}

int server_save_weights(const struct server *server, const char *dir, struct err *err)
{
    if (!server->has_weights)
        return 0;
    return run_weights_save(dir, server->in.experiment, back_net(server->back), server->fronts,
                            is_one_front(server), err);
}
