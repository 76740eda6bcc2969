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
    double now_s;                                   /* when the round begins */
    struct transfer *transfers[LINK_BROADCAST + 1]; /* [direction][C] of the round */
};

struct round_radio *round_radio_new(const struct experiment *e, struct err *err)
{
    struct round_radio *radio = mem_zero(1, sizeof *radio);
    for (int direction = 0; direction <= LINK_BROADCAST; direction++)
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
    for (int direction = 0; direction <= LINK_BROADCAST; direction++)
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

/* The round's messages, per device. */
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

/* *rate_bps becomes the rate that the transfer amounts to. */
static void transfer(struct round_radio *radio, enum link_direction direction, int device,
                     uint32_t round, double start_s, double bits, double *rate_bps)
{
    struct transfer *parts = &radio->transfers[direction][device];
    *parts = (struct transfer){0};
    if (!(bits > 0))
        return;
    struct arrival a =
        links_transfer(radio->links, direction, device, round, start_s, *rate_bps, bits);
    *rate_bps = a.at_s < HUGE_VAL ? bits / a.at_s : 0;
    if (a.at_s < HUGE_VAL)
        *parts = (struct transfer){bits, a.at_s - a.again_s - a.propagation_s, a.propagation_s};
}

/* Who goes last decides; everyone hears the same message. */
static void transfer_to_all(struct round_radio *radio, int n_devices, uint32_t round,
                            double start_s, double bits, double *rate_bps)
{
    struct transfer *parts = radio->transfers[LINK_BROADCAST];
    double slowest_bps = HUGE_VAL, longest_s = 0;
    for (int i = 0; i < n_devices; i++) {
        double bps = *rate_bps;
        transfer(radio, LINK_BROADCAST, i, round, start_s, bits, &bps);
        slowest_bps = fmin(slowest_bps, bps);
        longest_s = fmax(longest_s, parts[i].carry_s + parts[i].delay_s);
    }
    for (int i = 0; i < n_devices; i++)
        parts[i].carry_s = longest_s - parts[i].delay_s;
    *rate_bps = slowest_bps;
}

/* The terms are brought up to date on the way: when a message starts depends on those before it. */
static void all_at_once(struct round_radio *radio, uint32_t round, const struct problem *problem,
                        int cut, struct rates *rates, struct latency_terms *terms)
{
    struct load load = load_of(problem, cut);
    double up_s = 0;
    for (int i = 0; i < problem->n_devices; i++)
        transfer(radio, LINK_UPLINK, i, round, radio->now_s + terms->device_forward_s[i],
                 load.uplink_bits, &rates->uplink_bps[i]);
    latency_evaluate(problem, cut, rates, terms);
    for (int i = 0; i < problem->n_devices; i++)
        up_s = fmax(up_s, terms->device_forward_s[i] + terms->uplink_s[i]);
    double start_s = radio->now_s + up_s + terms->server_forward_s + terms->server_backward_s;
    transfer_to_all(radio, problem->n_devices, round, start_s, load.broadcast_bits,
                    &rates->broadcast_bps);
    latency_evaluate(problem, cut, rates, terms);
    for (int i = 0; i < problem->n_devices; i++)
        transfer(radio, LINK_DOWNLINK, i, round, start_s + terms->broadcast_s, load.downlink_bits,
                 &rates->downlink_bps[i]);
}

/* Hand-overs are left out of the starts: they travel at the rates that come out here. */
static void in_turns(struct round_radio *radio, uint32_t round, const struct problem *problem,
                     int cut, struct rates *rates, struct latency_terms *terms)
{
    struct load load = load_of(problem, cut);
    double start_s = radio->now_s;
    double server_s = (terms->server_forward_s + terms->server_backward_s) / problem->n_devices;
    for (int i = 0; i < problem->n_devices; i++) {
        start_s += terms->device_forward_s[i];
        transfer(radio, LINK_UPLINK, i, round, start_s, load.uplink_bits, &rates->uplink_bps[i]);
        start_s += load.uplink_bits / rates->uplink_bps[i] + server_s;
        transfer(radio, LINK_DOWNLINK, i, round, start_s, load.downlink_bits,
                 &rates->downlink_bps[i]);
        start_s += load.downlink_bits / rates->downlink_bps[i] + terms->device_backward_s[i];
    }
}

double round_radio_evaluate(struct round_radio *radio, uint32_t round,
                            const struct problem *problem, const struct plan *plan,
                            struct rates *rates, struct latency_terms *terms)
{
    if (problem->takes_turns)
        rates_evaluate_turns(problem, plan->turn_psd_w_per_hz, rates);
    else
        rates_evaluate(problem, plan->owner, plan->psd_w_per_hz, rates);
    latency_evaluate(problem, plan->cut, rates, terms);
    if (!links_are_ideal(radio->links)) {
        if (problem->takes_turns)
            in_turns(radio, round, problem, plan->cut, rates, terms);
        else
            all_at_once(radio, round, problem, plan->cut, rates, terms);
        latency_evaluate(problem, plan->cut, rates, terms);
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
