/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A round: its turns one after the other (one turn of all devices, or one for each when devices take turns),
 * and in each turn activations in, the server's two passes, gradients out, answers in.
 */
#include <string.h>

#include "edge-server/server_impl.h"
#include "wire/piece.h"

static const struct experiment *experiment_of(const struct server *server)
{
    return server->in.experiment;
}

static int n_turns(const struct server *server)
{
    return server->framework->takes_turns ? server->n_seats : 1;
}

/* The front part travels when there is a next device to hand it to. */
static bool hands_over(const struct server *server)
{
    return server->framework->takes_turns && server->n_seats > 1;
}

static struct msg *round_message(struct server *server, int seat)
{
    const struct experiment *e = experiment_of(server);
    const struct latency_terms *predicted = &server->in.schedule->terms;
    struct msg *msg = msg_new(MSG_ROUND);
    msg->round.round = current_record(server)->round;
    msg->round.n_shared = (uint32_t)server->n_slots;
    msg->round.returns_front = hands_over(server);
    if (e->testbed.models_compute) {
        msg->round.forward_s = predicted->device_forward_s[seat];
        msg->round.backward_s = predicted->device_backward_s[seat];
    }
    if (server->link->paces_itself) {
        const struct round_radio *radio = server->in.schedule->radio;
        msg->round.uplink_bps = round_radio_transfer(radio, LINK_UPLINK, seat)->rate_bps;
        msg->round.layers_bps = round_radio_transfer(radio, LINK_GIVEN, seat)->rate_bps;
        msg->round.front_bps = round_radio_transfer(radio, LINK_FRONT, seat)->rate_bps;
    }
    handover_attach(server, seat, msg);
    return msg;
}

static void send_round(struct server *server, int seat, struct msg *msg, double now_us)
{
    struct seat *to = &server->seats[seat];
    to->returns_layers = msg->round.returns_layers;
    to->returns_optimizer = msg->round.returns_optimizer;
    to->state = to->returns_layers || to->returns_optimizer ? SEAT_HANDING_UP : SEAT_COMPUTING;
    to->round_sent_us = now_us;
    if (to->state == SEAT_HANDING_UP)
        pacing_layers(server, seat);
    else
        pacing_uplink(server, seat);
    server_send(server, seat, msg);
}

/* Weights take their time: those of a front handed on, to its device; those that all gain, to all at once. */
static void send_round_on_air(struct server *server, int seat, struct msg *msg, double now_us)
{
    double bits = 8.0 * (double)msg_payload_bytes(msg);
    server->seats[seat].round_sent_us = now_us;
    if (!server->framework->takes_turns && seat > 0) {
        msg_free(msg); /* made anew when the broadcast of seat 0's arrives */
        return;
    }
    current_record(server)->handover_bytes += msg_payload_bytes(msg);
    pacing_air(server, server->framework->takes_turns ? LINK_GAINED : LINK_GAINED_BY_ALL, seat);
    if (server->framework->takes_turns)
        air_send(server->air, now_us, seat, bits, msg);
    else
        air_broadcast(server->air, now_us, bits, msg);
}

static void start_turn(struct server *server, int index, double now_us)
{
    struct turn *turn = &server->turn;
    bool takes_turns = server->framework->takes_turns;
    *turn = (struct turn){.index = index,
                          .first = takes_turns ? index : 0,
                          .n_seats = takes_turns ? 1 : server->n_seats,
                          .phase = TURN_GATHERING};
    timeline_start_turn(server, now_us);
    for (int i = turn->first; i < turn->first + turn->n_seats; i++) {
        struct msg *msg = round_message(server, i);
        server->seats[i].gains_from = -1;
        if (msg_payload_bytes(msg) == 0)
            send_round(server, i, msg, now_us);
        else
            send_round_on_air(server, i, msg, now_us);
    }
}

void turn_start_round(struct server *server, double now_us)
{
    const struct schedule *schedule = server->in.schedule;
    struct err err = ERR_INIT;
    uint32_t round = schedule->round;
    server->current = !server->current;
    struct round_record *record = current_record(server);
    round_record_reset(record);
    record->round = round;
    record->cut = schedule->cut;
    record->plan_round = schedule->plan_round;
    record->has_learned = server->in.experiment->training.learns;
    latency_terms_copy(&record->predicted, &schedule->terms);
    record->predicted_s = schedule->latency_s;
    timeline_start_round(server, now_us);
    server->state = SERVER_TRAINING;
    if (server_check_cut(server, &err) || handover_start(server, &err))
        server_fail(server, "round %u: %s", round, err.text);
    else
        start_turn(server, 0, now_us);
}

static void start_forward(struct server *server, double now_us)
{
    struct turn *turn = &server->turn;
    double modelled_s = server->in.schedule->terms.server_forward_s / n_turns(server);
    turn->phase = TURN_FORWARD;
    timeline_forward(server, now_us);
    pass_start(&turn->pass, now_us, experiment_of(server)->testbed.models_compute ? modelled_s : 0);
    back_forward(server->back, turn->n_seats,
                 server->framework->takes_turns ? &server->one : server->lambda);
}

void turn_on_activations(struct server *server, int seat, struct msg *msg, double now_us)
{
    const struct msg_activations *a = &msg->activations;
    struct round_record *record = current_record(server);
    struct turn *turn = &server->turn;
    size_t batch = (size_t)experiment_of(server)->training.batch_size;
    if (server->seats[seat].state != SEAT_COMPUTING || a->round != record->round) {
        server_fail(server, "device %s: sent activations of round %u that nobody waits for",
                    seat_name(server, seat), a->round);
        return;
    }
    const char *complaint = a->n_samples == batch ? server_check_batch(server, msg, batch)
                                                  : "another number of samples than the batch";
    if (complaint) {
        server_fail(server, "device %s: %s", seat_name(server, seat), complaint);
        return;
    }
    back_put(server->back, seat - turn->first, payload_data(msg->payload[0]),
             payload_data(msg->payload[1]));
    record->devices[seat].forward_busy_s = a->forward_busy_s;
    measure_clock(server, seat);
    record->devices[seat].forward_start_us = measure_stamp_us(server, seat, a->forward_start_s);
    record->devices[seat].uplink_bytes = payload_bytes(msg->payload[0]);
    record->uplink_bytes += payload_bytes(msg->payload[0]);
    timeline_arrived(server, seat, a->forward_s, now_us);
    measure_uplink(server, seat, a->forward_s, now_us);
    server->seats[seat].state = SEAT_WAITING;
    pacing_arrived(server, seat);
    if (++turn->n_arrived == turn->n_seats)
        start_forward(server, now_us);
}

static void end_pass(struct server *server)
{
    struct round_record *record = current_record(server);
    record->server_busy_s += pass_busy_s(&server->turn.pass);
    record->n_overruns += pass_overran(&server->turn.pass);
}

static void end_forward(struct server *server, double now_us)
{
    struct turn *turn = &server->turn;
    end_pass(server);
    current_record(server)->measured.server_forward_s += pass_elapsed_s(&turn->pass, now_us);
    double modelled_s = server->in.schedule->terms.server_backward_s / n_turns(server);
    turn->phase = TURN_BACKWARD;
    timeline_backward(server, now_us);
    pass_start(&turn->pass, now_us, experiment_of(server)->testbed.models_compute ? modelled_s : 0);
    server->framework->learn(server->back, server->aggregation, server->n_slots);
}

static struct msg *gradient_message(struct server *server, const float *gradient, bool is_shared)
{
    uint32_t n = (uint32_t)server->n_slots;
    uint32_t batch = (uint32_t)experiment_of(server)->training.batch_size;
    struct msg *msg = msg_new(MSG_GRADIENT);
    msg->gradient.round = current_record(server)->round;
    msg->gradient.is_shared = is_shared;
    msg->gradient.first_slot = is_shared ? 0 : n;
    msg->gradient.n_slots = is_shared ? n : batch - n;
    size_t bytes = msg->gradient.n_slots * back_cut_features(server->back) * sizeof(float);
    msg_attach(msg, payload_lend(gradient, bytes, NULL, NULL));
    return msg;
}

/* The record's losses, and the gradients on the air. */
static void end_backward(struct server *server, double now_us)
{
    struct turn *turn = &server->turn;
    struct round_record *record = current_record(server);
    double batch = experiment_of(server)->training.batch_size;
    end_pass(server);
    record->measured.server_backward_s += pass_elapsed_s(&turn->pass, now_us);
    record->columns_below_last += back_columns_below_last(server->back);
    turn->phase = TURN_ANSWERING;
    turn->gradients_us = turn->broadcast_end_us = now_us;
    timeline_gradients(server);
    const float *shared = back_shared_gradient(server->back);
    if (shared) {
        struct msg *msg = gradient_message(server, shared, true);
        record->broadcast_bytes += msg_payload_bytes(msg);
        pacing_air(server, LINK_BROADCAST, turn->first);
        air_broadcast(server->air, now_us, 8.0 * (double)msg_payload_bytes(msg), msg);
    }
    for (int i = 0; i < turn->n_seats; i++) {
        int seat = turn->first + i;
        record->devices[seat].loss = back_loss(server->back, i).sum / batch;
        record->loss += server->lambda[seat] * record->devices[seat].loss;
        const float *own = back_own_gradient(server->back, i);
        if (!own)
            continue;
        struct msg *msg = gradient_message(server, own, false);
        record->devices[seat].downlink_bytes = msg_payload_bytes(msg);
        record->downlink_bytes += msg_payload_bytes(msg);
        pacing_air(server, LINK_DOWNLINK, seat);
        air_send(server->air, now_us, seat, 8.0 * (double)msg_payload_bytes(msg), msg);
    }
}

/* What all gain is there: the round can begin on every device. */
static void send_rounds(struct server *server, size_t n_ahead, double arrival_us)
{
    for (int i = 0; i < server->n_seats; i++) {
        struct msg *msg = round_message(server, i);
        piece_rest(msg, n_ahead);
        measure_handover(server, i, i, arrival_us);
        pacing_downlink(server, i, msg, LINK_GAINED_BY_ALL);
        send_round(server, i, msg, arrival_us);
    }
}

/* One message to every device of the turn, the tensor shared. */
static void send_gradient_to_all(struct server *server, struct msg *msg, double arrival_us)
{
    struct turn *turn = &server->turn;
    turn->broadcast_end_us = arrival_us;
    timeline_gradients(server);
    current_record(server)->measured.broadcast_s = (arrival_us - turn->gradients_us) * 1e-6;
    for (int i = turn->first; i < turn->first + turn->n_seats; i++) {
        struct msg *copy = msg_new(MSG_GRADIENT);
        copy->gradient = msg->gradient;
        copy->ahead_bytes[0] = msg->ahead_bytes[0];
        msg_attach(copy, payload_share(msg->payload[0]));
        pacing_downlink(server, i, msg, LINK_BROADCAST);
        server_send(server, i, copy);
        if (server->n_slots < experiment_of(server)->training.batch_size)
            continue; /* its own gradient is still to come */
        server->seats[i].state = SEAT_ANSWERED;
        server->seats[i].answered_us = arrival_us;
    }
    msg_free(msg);
}

static void send_from_air(struct server *server, struct msg *msg, int seat, double arrival_us)
{
    struct seat *to = &server->seats[seat];
    pacing_downlink(server, seat, msg, msg->kind == MSG_ROUND ? LINK_GAINED : LINK_DOWNLINK);
    if (msg->kind == MSG_ROUND) { /* the front part of the device before, handed on */
        measure_handover(server, (seat + server->n_seats - 1) % server->n_seats, seat, arrival_us);
        send_round(server, seat, msg, arrival_us);
        return;
    }
    to->state = SEAT_ANSWERED;
    to->answered_us = arrival_us;
    if (hands_over(server))
        pacing_answer(server, seat);
    server_send(server, seat, msg);
}

static void send_broadcast(struct server *server, struct msg *msg, size_t n_ahead,
                           double arrival_us)
{
    if (msg->kind != MSG_ROUND) {
        piece_rest(msg, n_ahead);
        send_gradient_to_all(server, msg, arrival_us);
        return;
    }
    msg_free(msg);
    send_rounds(server, n_ahead, arrival_us);
}

/* The rest of a message is due. */
static void send_arrived(struct server *server, int seat, const struct shaper_piece *due,
                         double arrival_us)
{
    if (seat == AIR_ALL) {
        send_broadcast(server, due->cookie, due->offset_bytes, arrival_us);
        return;
    }
    piece_rest(due->cookie, due->offset_bytes);
    send_from_air(server, due->cookie, seat, arrival_us);
}

void turn_advance(struct server *server, double now_us)
{
    struct turn *turn = &server->turn;
    if (turn->phase == TURN_FORWARD && pass_is_over(&turn->pass, now_us))
        end_forward(server, now_us);
    else if (turn->phase == TURN_BACKWARD && pass_is_over(&turn->pass, now_us))
        end_backward(server, now_us);
    int seat;
    struct shaper_piece due;
    while (air_take(server->air, now_us, &seat, &due)) {
        if (due.is_last)
            send_arrived(server, seat, &due, air_arrival_us(server->air));
        else if (seat == AIR_ALL)
            server_send_ahead(server, turn->first, turn->n_seats, &due);
        else
            server_send_ahead(server, seat, 1, &due);
    }
}

double turn_wake_us(const struct server *server)
{
    double wake_us = air_wake_us(server->air);
    if (server->turn.phase == TURN_FORWARD || server->turn.phase == TURN_BACKWARD) {
        double pass_us = pass_wake_us(&server->turn.pass);
        wake_us = pass_us < wake_us ? pass_us : wake_us;
    }
    return wake_us;
}

void turn_shift_clock(struct turn *turn, double by_us)
{
    pass_shift_clock(&turn->pass, by_us);
    turn->gradients_us += by_us;
    turn->broadcast_end_us += by_us;
}

static int take_front(struct server *server, int seat, const struct msg *msg)
{
    size_t wanted = hands_over(server) ? server_front_bytes(server) : 0;
    if (msg_payload_bytes(msg) != wanted) {
        server_fail(server, "device %s: handed on %zu bytes of front weights instead of %zu",
                    seat_name(server, seat), msg_payload_bytes(msg), wanted);
        return -1;
    }
    if (wanted) {
        payload_drop(server->front);
        server->front = payload_share(msg->payload[0]);
        current_record(server)->handover_bytes += wanted;
    }
    return 0;
}

void turn_on_round_done(struct server *server, int seat, struct msg *msg, double now_us)
{
    const struct msg_round_done *done = &msg->round_done;
    struct round_record *record = current_record(server);
    struct turn *turn = &server->turn;
    if (server->seats[seat].state != SEAT_ANSWERED || done->round != record->round) {
        server_fail(server, "device %s: ended round %u, which it is not in",
                    seat_name(server, seat), done->round);
        return;
    }
    if (take_front(server, seat, msg))
        return;
    record->devices[seat].backward_busy_s = done->backward_busy_s;
    record->devices[seat].backward_start_us =
        measure_stamp_us(server, seat, done->backward_start_s);
    timeline_done(server, seat, msg, now_us);
    measure_downlink(server, seat, msg, now_us);
    record->devices[seat].n_overruns = done->n_overruns;
    record->n_overruns += done->n_overruns;
    server->seats[seat].state = SEAT_READY;
    pacing_done(server, seat);
    if (++turn->n_done < turn->n_seats)
        return;
    if (turn->index + 1 < n_turns(server)) {
        start_turn(server, turn->index + 1, now_us);
        return;
    }
    record->measured_s = (now_us - server->round_start_us) * 1e-6;
    record->is_late = measure_is_late(server, record);
    server_end_round(server);
}
