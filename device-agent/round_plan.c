/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "device-agent/round_plan.h"

/* What the server asks for of layers [cut, front_cut()); *layers stays NULL when it does not. */
static int give_up_layers(const struct front *front, const struct msg_round *round,
                          struct msg **layers, struct err *err)
{
    if (!round->returns_layers && !round->returns_optimizer)
        return 0;
    int from = (int)round->cut, to = front_cut(front);
    struct payload *weights =
        front_get_weights(front, from, round->returns_layers ? to : from, err);
    struct payload *state =
        weights ? front_get_optimizer(front, from, round->returns_optimizer ? to : from, err)
                : NULL;
    if (!state) {
        payload_drop(weights);
        return -1;
    }
    *layers = msg_new(MSG_LAYERS);
    (*layers)->layers.round = round->round;
    msg_attach(*layers, weights);
    msg_attach(*layers, state);
    return 0;
}

static int check_plan(const struct front *front, const struct msg *msg, struct err *err)
{
    const struct msg_round *round = &msg->round;
    uint32_t before = (uint32_t)front_cut(front);
    if (round->cut > before && msg->n_payloads != 2)
        return err_set(err, "cut %u after cut %u without the layers between", round->cut, before);
    if (round->cut <= before && msg->n_payloads == 2)
        return err_set(err, "optimiser state of layers gained, but cut %u follows cut %u",
                       round->cut, before);
    if (round->cut > before && round->weights_from > before)
        return err_set(err, "weights from layer %u on, but those from %u on are missing",
                       round->weights_from, before);
    if (round->cut >= before && (round->returns_layers || round->returns_optimizer))
        return err_set(err, "asks for layers given up, but cut %u follows cut %u", round->cut,
                       before);
    return 0;
}

/* The round's cut, and what it brings for its layers. */
static int take_plan(struct front *front, const struct msg *msg, struct err *err)
{
    int before = front_cut(front), cut = (int)msg->round.cut;
    return front_move_cut(front, cut, err) ||
                   (msg->n_payloads > 0 && front_set_weights(front, (int)msg->round.weights_from,
                                                             cut, msg->payload[0], err)) ||
                   (msg->n_payloads > 1 &&
                    front_set_optimizer(front, before, cut, msg->payload[1], err))
               ? -1
               : 0;
}

int round_plan_take(struct front *front, const struct msg *msg, struct msg **layers,
                    struct err *err)
{
    if (check_plan(front, msg, err) || give_up_layers(front, &msg->round, layers, err))
        return -1;
    if (!take_plan(front, msg, err))
        return 0;
    msg_free(*layers);
    *layers = NULL;
    return -1;
}
