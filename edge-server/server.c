/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/server.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "edge-server/assignment.h"
#include "edge-server/run_weights.h"
#include "edge-server/server_impl.h"
#include "scheduler/rates.h"

/* What a device sends and gets in one message has to fit into one. */
int server_check_cut(const struct server *server, struct err *err)
{
    const struct experiment *e = server->in.experiment;
    const struct schedule *schedule = server->in.schedule;
    const struct problem_cut *cut = &schedule->problem.cuts[schedule->plan.cut];
    double batch_bytes = cut->activation_bits / 8 * e->training.batch_size;
    double limit = (double)PAYLOAD_MAX_BYTES;
    if (batch_bytes > limit)
        return err_set(
            err, "a batch of %d samples at the cut after %s takes %.0f bytes: at most %.0f fit",
            e->training.batch_size, cut->name, batch_bytes, limit);
    if (cut->front_bits / 8 > limit)
        return err_set(err, "the weights up to the cut after %s take %.0f bytes: at most %.0f fit",
                       cut->name, cut->front_bits / 8, limit);
    return 0;
}

size_t server_front_bytes(const struct server *server)
{
    return back_weights_floats(server->back, 0, back_cut(server->back)) * sizeof(float);
}

/* Without learning there are none: what travels is made of zeros. */
static int give_no_weights(struct server *server)
{
    for (int i = 0; i < server->n_seats; i++)
        server->fronts[i] = payload_new(0);
    return 0;
}

static int build_learning(struct server *server, struct err *err)
{
    const struct experiment *e = server->in.experiment;
    int cut = server->in.schedule->cut;
    struct back_options options = {
        .cut = cut,
        .max_groups = server->framework->takes_turns ? 1 : server->n_seats,
        .batch = e->training.batch_size,
        .is_without_learning = !e->training.learns,
        .aggregates = problem_aggregated_slots(&server->in.schedule->problem) > 0,
        .seed = e->seed,
        .loss = loss_find(e->training.loss),
        .label_smoothing = e->training.label_smoothing,
    };
    if (!options.loss)
        return err_set(err, "there is no loss '%s': allowed are %s", e->training.loss,
                       loss_kinds());
    if (assignment_optimizer(&options.optimizer, e, e->training.server_learning_rate, err) ||
        server_check_cut(server, err))
        return -1;
    server->back = back_new(&e->model, &options, err);
    if (!e->training.learns)
        return server->back ? give_no_weights(server) : -1;
    return !server->back || run_weights_check(e, err) ||
                   run_weights_start_back(e, back_net(server->back), err)
               ? -1
               : run_weights_start_fronts(e, cut, server->fronts, err);
}

struct server *server_new(const struct server_inputs *inputs, struct err *err)
{
    const struct experiment *e = inputs->experiment;
    struct server *server = mem_zero(1, sizeof *server);
    server->in = *inputs;
    server->n_seats = e->n_devices;
    server->one = 1;
    server->seats = mem_zero((size_t)e->n_devices, sizeof *server->seats);
    server->by_peer = mem_zero((size_t)e->n_devices, sizeof *server->by_peer);
    server->lambda = mem_zero((size_t)e->n_devices, sizeof *server->lambda);
    server->fronts = mem_zero((size_t)e->n_devices, sizeof *server->fronts);
    server->n_test = inputs->n_test_samples;
    server->clocks.next_us = -HUGE_VAL;
    server->link = link_kind_find(e->testbed.link);
    server->air = air_new(e->n_devices, NULL);
    evaluation_init(&server->evaluation, e->n_devices, e->training.batch_size);
    for (size_t i = 0; i < ARRAY_LEN(server->records); i++)
        round_record_init(&server->records[i], e->n_devices);

    int aggregation = aggregation_find(e->training.aggregation);
    server->framework = framework_find(e->training.framework);
    int status = 0;
    if (!server->link)
        status = err_set(err, "there is no link '%s'", e->testbed.link);
    else if (!server->framework)
        status = err_set(err, "there is no framework '%s'", e->training.framework);
    else if (aggregation < 0)
        status = err_set(err, "there is no aggregation '%s'", e->training.aggregation);
    else
        status = build_learning(server, err);
    if (status) {
        server_free(server);
        return NULL;
    }
    if (server->link->paces_elsewhere)
        air_give_out_early(server->air);
    else if (inputs->step_us > 0)
        air_set_step(server->air, inputs->step_us);
    server->aggregation = (enum aggregation)aggregation;
    server->n_slots = problem_aggregated_slots(&inputs->schedule->problem);
    return server;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    server_clear_outbox(server);
    int seat;
    struct shaper_piece piece;
    while (air_take(server->air, HUGE_VAL, &seat, &piece))
        msg_free(piece.cookie); /* all is due: whole messages */
    air_free(server->air);
    back_free(server->back);
    for (int i = 0; i < server->n_seats; i++)
        payload_drop(server->fronts[i]);
    payload_drop(server->front);
    handover_release(server);
    for (int i = 0; i < server->n_seats; i++)
        handover_release_seat(&server->seats[i]);
    evaluation_release(&server->evaluation);
    for (size_t i = 0; i < ARRAY_LEN(server->records); i++)
        round_record_release(&server->records[i]);
    free(server->seats);
    free(server->by_peer);
    free(server->lambda);
    free(server->fronts);
    free(server->outbox);
    free(server->paces);
    free(server);
}

static bool evaluation_is_due(const struct server *server, uint32_t round)
{
    const struct experiment *e = server->in.experiment;
    bool is_last = round == (uint32_t)e->training.rounds;
    return e->training.learns && (is_last || (e->training.evaluate_every > 0 &&
                                              round % (uint32_t)e->training.evaluate_every == 0));
}

static void ask_evaluation(struct server *server, int seat)
{
    struct msg *msg = evaluation_ask(&server->evaluation, seat);
    server->seats[seat].state = msg ? SEAT_EVALUATING : SEAT_READY;
    if (msg)
        server_send(server, seat, msg);
}

/* The record is complete: out with it, and on. */
static void finish_round(struct server *server)
{
    server->has_record = true;
    server->last_is_current = true;
    if (current_record(server)->round == (uint32_t)server->in.experiment->training.rounds)
        collect_start(server);
    else
        server->state = SERVER_PLANNING;
}

uint32_t server_wanted_round(const struct server *server)
{
    return server->state == SERVER_PLANNING ? server->records[server->current].round + 1 : 0;
}

void server_start_round(struct server *server, double now_us)
{
    assert(server->in.schedule->round == server_wanted_round(server));
    server->last_is_current = false;
    turn_start_round(server, now_us);
}

void server_end_round(struct server *server)
{
    const struct experiment *e = server->in.experiment;
    if (!evaluation_is_due(server, current_record(server)->round)) {
        finish_round(server);
        return;
    }
    pacing_none(server);
    /* Where the front part is handed on, the newest is the last device's. */
    int only = server->framework->takes_turns ? server->n_seats - 1 : -1;
    server->state = SERVER_EVALUATING;
    evaluation_start(&server->evaluation, server->n_test,
                     strcmp(e->training.evaluation, "every-device") == 0, only);
    for (int i = 0; i < server->n_seats; i++)
        ask_evaluation(server, i);
}

const char *server_check_batch(const struct server *server, const struct msg *msg, size_t n_samples)
{
    size_t features = back_cut_features(server->back);
    const uint32_t *labels = payload_data(msg->payload[1]);
    if (payload_bytes(msg->payload[0]) != n_samples * features * sizeof(float))
        return "activations of another size than the batch at the cut";
    if (payload_bytes(msg->payload[1]) != n_samples * sizeof *labels)
        return "not one label a sample";
    for (size_t i = 0; i < n_samples; i++)
        if (labels[i] >= (uint32_t)back_n_classes(server->back))
            return "a label the model has no class for";
    return NULL;
}

static void on_evaluation(struct server *server, int seat, struct msg *msg)
{
    const struct msg_evaluation *answer = &msg->evaluation;
    if (server->seats[seat].state != SEAT_EVALUATING ||
        !evaluation_expects(&server->evaluation, seat, answer)) {
        server_fail(server, "device %s: sent an evaluation that nobody waits for",
                    seat_name(server, seat));
        return;
    }
    const char *complaint = server_check_batch(server, msg, answer->n_samples);
    if (complaint) {
        server_fail(server, "device %s: evaluation: %s", seat_name(server, seat), complaint);
        return;
    }
    struct loss loss = back_evaluate(server->back, payload_data(msg->payload[0]),
                                     payload_data(msg->payload[1]), (int)answer->n_samples);
    if (!evaluation_count(&server->evaluation, seat, loss)) {
        ask_evaluation(server, seat);
        return;
    }
    server->seats[seat].state = SEAT_READY;
    struct round_record *record = current_record(server);
    record->is_evaluated = true;
    record->accuracy = evaluation_accuracy(&server->evaluation);
    record->test_loss = evaluation_loss(&server->evaluation);
    finish_round(server);
}

static void from_device(struct server *server, int seat, struct msg *msg, double now_us)
{
    switch (msg->kind) {
    case MSG_READY:
        gathering_on_ready(server, seat, &msg->ready);
        return;
    case MSG_ACTIVATIONS:
        turn_on_activations(server, seat, msg, now_us);
        return;
    case MSG_ROUND_DONE:
        turn_on_round_done(server, seat, msg, now_us);
        return;
    case MSG_EVALUATION:
        on_evaluation(server, seat, msg);
        return;
    case MSG_CLOCK:
        clocks_on_answer(server, seat, &msg->clock, now_us);
        return;
    case MSG_LAYERS:
        handover_on_layers(server, seat, msg, now_us);
        return;
    case MSG_ERROR:
        server->seats[seat].state = SEAT_EMPTY; /* it has left; no farewell */
        server_fail(server, "device %s: %s", seat_name(server, seat), msg->error.reason);
        return;
    case MSG_FRONT:
        collect_on_front(server, seat, msg);
        return;
    case MSG_HELLO:
    case MSG_ASSIGNMENT:
    case MSG_COLLECT:
    case MSG_ROUND:
    case MSG_GRADIENT:
    case MSG_EVALUATE:
    case MSG_STOP:
    case MSG_PIECE:
    case MSG_N_KINDS:
        break;
    }
    server_fail(server, "device %s: sent %s out of turn", seat_name(server, seat),
                msg_kind_name(msg->kind));
}

void server_receive(struct server *server, uint64_t peer, struct msg **msg, double now_us)
{
    int seat = gathering_seat_of(server, peer);
    bool is_over = server->state == SERVER_DONE || server->state == SERVER_FAILED;
    if (is_over)
        ;
    else if (seat >= 0)
        from_device(server, seat, *msg, now_us);
    else if ((*msg)->kind == MSG_HELLO)
        gathering_on_hello(server, peer, &(*msg)->hello);
    else if ((*msg)->kind != MSG_ERROR)
        server_send_peer(server, peer,
                         msg_reason(MSG_ERROR, "say hello before %s", msg_kind_name((*msg)->kind)));
    msg_free(*msg);
    *msg = NULL;
}

void server_lost(struct server *server, uint64_t peer, const char *reason)
{
    int seat = gathering_seat_of(server, peer);
    if (seat < 0)
        return;
    server->seats[seat].state = SEAT_EMPTY;
    server_fail(server, "device %s is gone: %s", seat_name(server, seat), reason);
}

void server_stop(struct server *server, const char *reason)
{
    server_fail(server, "%s", reason);
}

void server_advance(struct server *server, double now_us)
{
    clocks_advance(server, now_us);
    if (server->state == SERVER_TRAINING)
        turn_advance(server, now_us);
}

double server_wake_us(const struct server *server)
{
    return server->state == SERVER_TRAINING ? turn_wake_us(server) : HUGE_VAL;
}

void server_shift_clock(struct server *server, double by_us)
{
    server->run_start_us += by_us;
    server->round_start_us += by_us;
    server->clocks.next_us += by_us;
    for (int i = 0; i < server->n_seats; i++) {
        server->seats[i].round_sent_us += by_us;
        server->seats[i].answered_us += by_us;
    }
    turn_shift_clock(&server->turn, by_us);
    air_shift_clock(server->air, by_us);
}

const struct round_record *server_next_record(struct server *server)
{
    if (!server->has_record)
        return NULL;
    server->has_record = false;
    return &server->records[server->last_is_current ? server->current : !server->current];
}

enum server_state server_state(const struct server *server)
{
    return server->state;
}

const char *server_failure(const struct server *server)
{
    return server->state == SERVER_FAILED ? server->failure : NULL;
}

int server_n_ready(const struct server *server)
{
    return server->n_ready;
}

const char *server_missing(const struct server *server)
{
    for (int i = 0; i < server->n_seats; i++)
        if (server->seats[i].state == SEAT_EMPTY || server->seats[i].state == SEAT_ASSIGNED)
            return seat_name(server, i);
    return NULL;
}
