/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layers that change sides when a round's plan moves the cut (docs/MODEL.md says what becomes of their weights and
 * optimiser state, and why). The server's part is cut anew at once; what devices gain travels with MSG_ROUND;
 * what they give up comes as MSG_LAYERS, before their activations.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "edge-server/server_impl.h"
#include "models/net_range.h"

/* The front part goes from device to device through the server, which has the newest. */
static bool is_handed_on(const struct server *server)
{
    return server->framework->takes_turns && server->n_seats > 1;
}

static int check_size(const char *what, size_t n_floats, struct err *err)
{
    if (n_floats <= PAYLOAD_MAX_BYTES / sizeof(float))
        return 0;
    return err_set(err, "the %s of the layers that change sides takes %zu bytes: at most %zu fit",
                   what, n_floats * sizeof(float), PAYLOAD_MAX_BYTES);
}

/* Copies of what the devices gain, before the server's part loses it. */
static void copy_gained(struct server *server)
{
    struct move *move = &server->move;
    move->weights = back_get_weights(server->back, move->from, move->to);
    move->optimizer = back_get_optimizer(server->back, move->from, move->to);
}

/* The front part that is handed on, cut anew: gains layers, or gives them to the server. */
static int move_front(struct server *server, struct err *err)
{
    const struct move *move = &server->move;
    int longer = move->from > move->to ? move->from : move->to;
    if (!server->in.experiment->training.learns) {
        payload_drop(server->front);
        server->front = payload_zeros(server_front_bytes(server));
        return 0;
    }
    struct net *net = net_new(&server->in.experiment->model, 0, longer, err);
    if (!net)
        return -1;
    net_range_set(net, 0, move->from, payload_data(server->front));
    if (move->to > move->from)
        net_range_set(net, move->from, move->to, payload_data(move->weights));
    payload_drop(server->front);
    server->front = payload_new(net_range_weights(net, 0, move->to) * sizeof(float));
    net_range_get(net, 0, move->to, payload_memory(server->front));
    if (move->to < move->from) {
        size_t n = net_range_weights(net, move->to, move->from);
        float *given = mem_zero(n, sizeof *given);
        const float *const one[] = {given};
        net_range_get(net, move->to, move->from, given);
        back_set_weights(server->back, move->to, move->from, 1, &server->one, one);
        free(given);
    }
    net_free(net);
    return 0;
}

void handover_release(struct server *server)
{
    payload_drop(server->move.weights);
    payload_drop(server->move.optimizer);
    server->move.weights = server->move.optimizer = NULL;
}

int handover_start(struct server *server, struct err *err)
{
    struct move *move = &server->move;
    handover_release(server);
    *move = (struct move){.from = back_cut(server->back), .to = server->in.schedule->cut};
    if (move->from == move->to)
        return 0;
    int low = move->from < move->to ? move->from : move->to;
    int high = move->from < move->to ? move->to : move->from;
    if (check_size("weights", back_weights_floats(server->back, low, high), err) ||
        check_size("optimiser's state", back_optimizer_floats(server->back, low, high), err))
        return -1;
    if (move->to > move->from)
        copy_gained(server);
    if (back_move_cut(server->back, move->to, err))
        return -1;
    return is_handed_on(server) ? move_front(server, err) : 0;
}

void handover_attach(const struct server *server, int seat, struct msg *msg)
{
    const struct move *move = &server->move;
    struct msg_round *round = &msg->round;
    bool has_front = server->front != NULL;
    round->cut = (uint32_t)move->to;
    if (has_front)
        msg_attach(msg, payload_share(server->front));
    if (move->to > move->from) {
        if (!has_front) {
            round->weights_from = (uint32_t)move->from;
            msg_attach(msg, payload_share(move->weights));
        }
        msg_attach(msg, payload_share(move->optimizer));
    } else if (move->to < move->from) {
        round->returns_layers =
            !has_front && back_weights_floats(server->back, move->to, move->from) > 0;
        round->returns_optimizer = (!has_front || seat == 0) &&
                                   back_optimizer_floats(server->back, move->to, move->from) > 0;
    }
}

/* All of the turn have handed up: the server's new layers are the mean of theirs. */
static void take_layers(struct server *server)
{
    const struct turn *turn = &server->turn;
    const struct move *move = &server->move;
    const double *lambda = server->framework->takes_turns ? &server->one : server->lambda;
    const float **parts = mem_zero((size_t)turn->n_seats, sizeof *parts);
    for (size_t what = 0; what < MSG_MAX_PAYLOADS; what++) {
        for (int i = 0; i < turn->n_seats; i++)
            parts[i] = payload_data(server->seats[turn->first + i].layers[what]);
        if (payload_bytes(server->seats[turn->first].layers[what]) == 0)
            continue; /* not asked for */
        if (what == 0)
            back_set_weights(server->back, move->to, move->from, turn->n_seats, lambda, parts);
        else
            back_set_optimizer(server->back, move->to, move->from, turn->n_seats, lambda, parts);
    }
    free(parts);
    for (int i = 0; i < turn->n_seats; i++)
        handover_release_seat(&server->seats[turn->first + i]);
}

void handover_release_seat(struct seat *seat)
{
    for (size_t what = 0; what < MSG_MAX_PAYLOADS; what++) {
        payload_drop(seat->layers[what]);
        seat->layers[what] = NULL;
    }
}

/* Of weights and of optimiser state. */
struct given {
    size_t floats[2];
};

static struct given given_by(const struct server *server, const struct seat *from)
{
    const struct move *move = &server->move;
    return (struct given){{
        from->returns_layers ? back_weights_floats(server->back, move->to, move->from) : 0,
        from->returns_optimizer ? back_optimizer_floats(server->back, move->to, move->from) : 0,
    }};
}

size_t handover_given_bytes(const struct server *server, int seat)
{
    struct given given = given_by(server, &server->seats[seat]);
    return (given.floats[0] + given.floats[1]) * sizeof(float);
}

static int check_layers(struct server *server, int seat, const struct msg *msg)
{
    struct given wanted = given_by(server, &server->seats[seat]);
    static const char *const names[] = {"weights", "optimiser state"};
    for (size_t what = 0; what < ARRAY_LEN(wanted.floats); what++)
        if (payload_bytes(msg->payload[what]) != wanted.floats[what] * sizeof(float)) {
            server_fail(server, "device %s: handed up %zu bytes of %s instead of %zu",
                        seat_name(server, seat), payload_bytes(msg->payload[what]), names[what],
                        wanted.floats[what] * sizeof(float));
            return -1;
        }
    return 0;
}

void handover_on_layers(struct server *server, int seat, struct msg *msg, double now_us)
{
    struct seat *from = &server->seats[seat];
    struct round_record *record = current_record(server);
    if (from->state != SEAT_HANDING_UP || msg->layers.round != record->round) {
        server_fail(server, "device %s: sent layers in round %u that nobody waits for",
                    seat_name(server, seat), msg->layers.round);
        return;
    }
    if (check_layers(server, seat, msg))
        return;
    for (size_t what = 0; what < MSG_MAX_PAYLOADS; what++)
        from->layers[what] = payload_share(msg->payload[what]);
    record->handover_bytes += msg_payload_bytes(msg);
    record->measured.handover_s[seat] += (now_us - from->round_sent_us) * 1e-6;
    from->round_sent_us = now_us; /* its forward pass begins here */
    from->state = SEAT_COMPUTING;
    pacing_uplink(server, seat);
    if (++server->turn.n_handed == server->turn.n_seats)
        take_layers(server);
}
