/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/round_radio.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/radio_setup.h"
#include "scheduler/rates.h"

struct round_radio {
    struct channel *channel;
    struct links *links;
    double now_s;                                  /* when the round begins */
    struct transfer *transfers[LINK_N_DIRECTIONS]; /* [direction][C] of the round */
};

struct round_radio *round_radio_new(const struct experiment *e, struct err *err)
{
    struct round_radio *radio = mem_zero(1, sizeof *radio);
    for (int direction = 0; direction < LINK_N_DIRECTIONS; direction++)
        radio->transfers[direction] =
            mem_zero((size_t)e->n_devices, sizeof *radio->transfers[direction]);
    radio->channel = radio_channel(e, err);
    radio->links = radio->channel ? radio_links(e, err) : NULL;
    if (radio->links)
        return radio;
    round_radio_free(radio);
    return NULL;
}

void round_radio_free(struct round_radio *radio)
{
    if (!radio)
        return;
    channel_free(radio->channel);
    links_free(radio->links);
    for (int direction = 0; direction < LINK_N_DIRECTIONS; direction++)
        free(radio->transfers[direction]);
    free(radio);
}

bool round_radio_gains(struct round_radio *radio, uint32_t round, struct problem *problem)
{
    bool is_flat = channel_is_flat(radio->channel);
    size_t n_bytes = (is_flat ? 1 : (size_t)problem->n_subchannels) * sizeof(double);
    if (round > 1 && channel_is_constant(radio->channel))
        return false;
    double *gain = mem_zero((size_t)problem->n_subchannels, sizeof *gain);
    bool has_changed = false;
    for (int i = 0; i < problem->n_devices; i++) {
        if (is_flat)
            gain[0] = channel_flat_gain(radio->channel, i, radio->now_s);
        else
            channel_gains(radio->channel, i, round, radio->now_s, gain);
        has_changed |= memcmp(gain, problem->devices[i].gain, n_bytes) != 0;
        memcpy(problem->devices[i].gain, gain, n_bytes);
    }
    free(gain);
    return has_changed;
}

/* What is being evaluated. */
struct evaluation {
    struct round_radio *radio;
    uint32_t round;
    const struct problem *problem;
    int cut;
    const struct handover_move *move;
    struct rates *rates;
    struct latency_terms *terms;
};

/* The round's messages besides hand-overs, per device. */
struct load {
    double uplink_bits, broadcast_bits, downlink_bits;
};

static struct load load_of(const struct problem *problem, int cut)
{
    const struct problem_cut *c = &problem->cuts[cut];
    int n = problem->takes_turns ? 0 : problem_aggregated_slots(problem);
    return (struct load){problem->batch_size * c->activation_bits, n * c->gradient_bits,
                         (problem->batch_size - n) * c->gradient_bits};
}

static struct handover_load handover_of(const struct evaluation *e, int device)
{
    return handover_load(e->problem, e->cut, e->move, device);
}

/* Before any transfer: the radio's own rates. */
static void start_transfers(const struct evaluation *e)
{
    for (int direction = 0; direction < LINK_N_DIRECTIONS; direction++)
        for (int i = 0; i < e->problem->n_devices; i++) {
            bool is_for_all = direction == LINK_BROADCAST || direction == LINK_GAINED_BY_ALL;
            double down_bps = is_for_all ? e->rates->broadcast_bps : e->rates->downlink_bps[i];
            e->radio->transfers[direction][i] = (struct transfer){
                .rate_bps = link_goes_up(direction) ? e->rates->uplink_bps[i] : down_bps};
        }
}

/* Its rate becomes what it amounts to. Returns what it takes. */
static double transfer(const struct evaluation *e, enum link_direction direction, int device,
                       double start_s, double bits)
{
    struct transfer *t = &e->radio->transfers[direction][device];
    if (!(bits > 0))
        return 0;
    struct arrival a =
        links_transfer(e->radio->links, direction, device, e->round, start_s, t->rate_bps, bits);
    if (a.at_s < HUGE_VAL)
        *t = (struct transfer){bits / a.at_s, bits, a.at_s - a.again_s - a.propagation_s,
                               a.propagation_s};
    else
        t->rate_bps = 0;
    return a.at_s;
}

/* Who goes last decides; everyone hears the same message. */
static double transfer_to_all(const struct evaluation *e, enum link_direction direction,
                              double start_s, double bits)
{
    struct transfer *parts = e->radio->transfers[direction];
    double slowest_bps = HUGE_VAL, longest_s = 0;
    if (!(bits > 0))
        return 0;
    for (int i = 0; i < e->problem->n_devices; i++) {
        transfer(e, direction, i, start_s, bits);
        slowest_bps = fmin(slowest_bps, parts[i].rate_bps);
        longest_s = fmax(longest_s, parts[i].carry_s + parts[i].delay_s);
    }
    for (int i = 0; i < e->problem->n_devices; i++) {
        parts[i].rate_bps = slowest_bps;
        parts[i].carry_s = longest_s - parts[i].delay_s;
    }
    return handover_seconds(bits, slowest_bps);
}

/* When a message starts depends on those before it. */
static void all_at_once(const struct evaluation *e)
{
    const struct latency_terms *terms = e->terms;
    struct load load = load_of(e->problem, e->cut);
    double now_s = e->radio->now_s, up_s = 0;
    double gained_s = transfer_to_all(e, LINK_GAINED_BY_ALL, now_s, handover_of(e, 0).gained_bits);
    for (int i = 0; i < e->problem->n_devices; i++) {
        double given_s = transfer(e, LINK_GIVEN, i, now_s, handover_of(e, i).given_bits);
        double forward_end_s = gained_s + given_s + terms->device_forward_s[i];
        double uplink_s = transfer(e, LINK_UPLINK, i, now_s + forward_end_s, load.uplink_bits);
        up_s = fmax(up_s, forward_end_s + uplink_s);
    }
    double start_s = now_s + up_s + terms->server_forward_s + terms->server_backward_s;
    start_s += transfer_to_all(e, LINK_BROADCAST, start_s, load.broadcast_bits);
    for (int i = 0; i < e->problem->n_devices; i++)
        transfer(e, LINK_DOWNLINK, i, start_s, load.downlink_bits);
}

static void in_turns(const struct evaluation *e)
{
    const struct latency_terms *terms = e->terms;
    struct load load = load_of(e->problem, e->cut);
    double now_s = e->radio->now_s;
    double server_s = (terms->server_forward_s + terms->server_backward_s) / e->problem->n_devices;
    for (int i = 0; i < e->problem->n_devices; i++) {
        struct handover_load handover = handover_of(e, i);
        now_s += transfer(e, LINK_GAINED, i, now_s, handover.gained_bits);
        now_s += transfer(e, LINK_GIVEN, i, now_s, handover.given_bits);
        now_s += terms->device_forward_s[i];
        now_s += transfer(e, LINK_UPLINK, i, now_s, load.uplink_bits) + server_s;
        now_s += transfer(e, LINK_DOWNLINK, i, now_s, load.downlink_bits);
        now_s += terms->device_backward_s[i];
        now_s += transfer(e, LINK_FRONT, i, now_s, handover.front_bits);
    }
}

/* The equations at the rates of the transfers. */
static void evaluate_terms(const struct evaluation *e)
{
    struct transfer *const *t = e->radio->transfers;
    enum link_direction gained = e->problem->takes_turns ? LINK_GAINED : LINK_GAINED_BY_ALL;
    int n = e->problem->n_devices;
    for (int i = 0; i < n; i++) {
        e->rates->uplink_bps[i] = t[LINK_UPLINK][i].rate_bps;
        e->rates->downlink_bps[i] = t[LINK_DOWNLINK][i].rate_bps;
    }
    e->rates->broadcast_bps = t[LINK_BROADCAST][0].rate_bps;
    latency_evaluate(e->problem, e->cut, e->rates, e->terms);
    for (int i = 0; i < n; i++) {
        struct handover_load load = handover_of(e, i);
        e->terms->handover_s[i] = handover_seconds(load.given_bits, t[LINK_GIVEN][i].rate_bps) +
                                  handover_seconds(load.front_bits, t[LINK_FRONT][i].rate_bps);
    }
    for (int i = 0; i < n; i++)
        e->terms->handover_s[handover_owner(e->problem, i)] +=
            handover_seconds(handover_of(e, i).gained_bits, t[gained][i].rate_bps);
}

double round_radio_evaluate(struct round_radio *radio, uint32_t round,
                            const struct problem *problem, const struct plan *plan,
                            const struct handover_move *move, struct rates *rates,
                            struct latency_terms *terms)
{
    struct evaluation e = {radio, round, problem, plan->cut, move, rates, terms};
    if (problem->takes_turns)
        rates_evaluate_turns(problem, plan->turn_psd_w_per_hz, rates);
    else
        rates_evaluate(problem, plan->owner, plan->psd_w_per_hz, rates);
    start_transfers(&e);
    evaluate_terms(&e);
    if (!links_are_ideal(radio->links)) {
        if (problem->takes_turns)
            in_turns(&e);
        else
            all_at_once(&e);
        evaluate_terms(&e);
    }
    return latency_total(problem, terms);
}

const struct transfer *round_radio_transfer(const struct round_radio *radio,
                                            enum link_direction direction, int device)
{
    return &radio->transfers[direction][device];
}

double round_radio_now_s(const struct round_radio *radio)
{
    return radio->now_s;
}

bool round_radio_is_ideal(const struct round_radio *radio)
{
    return links_are_ideal(radio->links);
}

void round_radio_advance(struct round_radio *radio, double latency_s)
{
    if (latency_s < HUGE_VAL)
        radio->now_s += latency_s;
}
