/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/conditions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/rates.h"

static void copy_devices(struct problem *problem, const struct problem *from)
{
    problem->devices = mem_copy(from->devices, (size_t)from->n_devices * sizeof *from->devices);
    for (int i = 0; i < from->n_devices; i++)
        problem->devices[i].gain =
            mem_copy(from->devices[i].gain, (size_t)from->n_subchannels * sizeof(double));
}

static void copy_rates(struct rates *to, const struct rates *from, int n_devices)
{
    memcpy(to->uplink_bps, from->uplink_bps, (size_t)n_devices * sizeof(double));
    memcpy(to->downlink_bps, from->downlink_bps, (size_t)n_devices * sizeof(double));
    to->broadcast_bps = from->broadcast_bps;
}

int conditions_init(struct conditions *c, const struct experiment *e, const struct problem *problem,
                    const struct plan *plan, struct err *err)
{
    *c = (struct conditions){.plan = plan, .problem = *problem};
    copy_devices(&c->problem, problem);
    rates_init(&c->rates, problem->n_devices);
    for (int i = 0; i < 2; i++)
        latency_terms_init(&c->terms[i], problem->n_devices);
    c->radio = round_radio_new(e, err);
    return c->radio ? 0 : -1;
}

void conditions_release(struct conditions *c)
{
    for (int i = 0; c->problem.devices && i < c->problem.n_devices; i++)
        free(c->problem.devices[i].gain);
    free(c->problem.devices);
    rates_release(&c->rates);
    for (int i = 0; i < 2; i++)
        latency_terms_release(&c->terms[i]);
    round_radio_free(c->radio);
    *c = (struct conditions){.round = 0};
}

const struct latency_terms *conditions_terms(const struct conditions *c)
{
    return &c->terms[c->round & 1];
}

static void evaluate(struct conditions *c)
{
    const struct plan *plan = c->plan;
    struct latency_terms *terms = &c->terms[c->round & 1];
    round_radio_gains(c->radio, c->round, &c->problem);
    if (c->problem.takes_turns)
        rates_evaluate_turns(&c->problem, plan->turn_psd_w_per_hz, &c->rates);
    else
        rates_evaluate(&c->problem, plan->owner, plan->psd_w_per_hz, &c->rates);
    round_radio_rates(c->radio, c->round, &c->problem, plan->cut, &c->rates, terms);
    latency_evaluate(&c->problem, plan->cut, &c->rates, terms);
    c->latency_s = latency_total(&c->problem, terms);
}

int conditions_next(struct conditions *c, struct err *err)
{
    if (c->round > 0)
        round_radio_advance(c->radio, c->latency_s);
    c->round++;
    if (!round_radio_is_constant(c->radio)) {
        evaluate(c);
    } else {
        copy_rates(&c->rates, &c->plan->rates, c->problem.n_devices);
        latency_terms_copy(&c->terms[c->round & 1], &c->plan->terms);
        c->latency_s = c->plan->latency_s;
    }
    if (c->latency_s < HUGE_VAL)
        return 0;
    return err_set(err, "round %u: under its plan some device's link carries nothing now",
                   c->round);
}
