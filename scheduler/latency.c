/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/latency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/device_times.h"

void latency_terms_init(struct latency_terms *terms, int n_devices)
{
    size_t n = (size_t)n_devices;

    memset(terms, 0, sizeof *terms);
    terms->device_forward_s = mem_zero(n, sizeof(double));
    terms->uplink_s = mem_zero(n, sizeof(double));
    terms->downlink_s = mem_zero(n, sizeof(double));
    terms->device_backward_s = mem_zero(n, sizeof(double));
    terms->handover_s = mem_zero(n, sizeof(double));
    terms->n_devices = n_devices;
}

void latency_terms_release(struct latency_terms *terms)
{
    free(terms->device_forward_s);
    free(terms->uplink_s);
    free(terms->downlink_s);
    free(terms->device_backward_s);
    free(terms->handover_s);
    memset(terms, 0, sizeof *terms);
}

void latency_terms_copy(struct latency_terms *to, const struct latency_terms *from)
{
    size_t bytes = (size_t)from->n_devices * sizeof(double);

    memcpy(to->device_forward_s, from->device_forward_s, bytes);
    memcpy(to->uplink_s, from->uplink_s, bytes);
    memcpy(to->downlink_s, from->downlink_s, bytes);
    memcpy(to->device_backward_s, from->device_backward_s, bytes);
    memcpy(to->handover_s, from->handover_s, bytes);
    to->server_forward_s = from->server_forward_s;
    to->server_backward_s = from->server_backward_s;
    to->broadcast_s = from->broadcast_s;
}

static double transfer_s(double bits, double rate_bps)
{
    if (bits <= 0)
        return 0;
    return rate_bps > 0 ? bits / rate_bps : HUGE_VAL;
}

static double handover_s(const struct problem *problem, int cut, const struct rates *rates, int i)
{
    double bits = problem->cuts[cut].front_bits;
    int next = (i + 1) % problem->n_devices;

    if (!problem->takes_turns || problem->n_devices == 1)
        return 0;
    return transfer_s(bits, rates->uplink_bps[i]) + transfer_s(bits, rates->downlink_bps[next]);
}

void latency_evaluate(const struct problem *problem, int cut, const struct rates *rates,
                      struct latency_terms *terms)
{
    const struct problem_cut *c = &problem->cuts[cut];
    double b = problem->batch_size, all = b * problem->n_devices;
    double n = problem->takes_turns ? 0 : problem_aggregated_slots(problem);
    double columns = n + problem->n_devices * (b - n); /* that go on down below the last layer */
    double server = problem->server_cycles_per_flop / problem->server_clock_hz;

    terms->server_forward_s = all * server * c->server_forward_flop;
    terms->server_backward_s =
        columns * server * (c->server_backward_flop - c->last_layer_backward_flop) +
        all * server * c->last_layer_backward_flop;
    terms->broadcast_s = transfer_s(n * c->gradient_bits, rates->broadcast_bps);
    for (int i = 0; i < problem->n_devices; i++) {
        terms->device_forward_s[i] = device_forward_s(problem, i, cut);
        terms->uplink_s[i] = transfer_s(b * c->activation_bits, rates->uplink_bps[i]);
        terms->downlink_s[i] = transfer_s((b - n) * c->gradient_bits, rates->downlink_bps[i]);
        terms->device_backward_s[i] = device_backward_s(problem, i, cut);
        terms->handover_s[i] = handover_s(problem, cut, rates, i);
    }
}

double latency_total(const struct problem *problem, const struct latency_terms *terms)
{
    double shared = terms->server_forward_s + terms->server_backward_s + terms->broadcast_s;
    double up = 0, down = 0, in_turn = 0;

    for (int i = 0; i < terms->n_devices; i++) {
        double to_server = terms->handover_s[i] + terms->device_forward_s[i] + terms->uplink_s[i];
        double from_server = terms->downlink_s[i] + terms->device_backward_s[i];
        up = fmax(up, to_server);
        down = fmax(down, from_server);
        in_turn += to_server + from_server;
    }
    return problem->takes_turns ? shared + in_turn : shared + up + down;
}
