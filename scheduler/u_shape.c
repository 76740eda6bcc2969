/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/u_shape.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "scheduler/device_times.h"

const char *const u_phase_keys[U_PHASES] = {
    [U_HEAD_FORWARD] = "head_forward_s",   [U_ACTIVATION_UP] = "activation_up_s",
    [U_BODY_FORWARD] = "body_forward_s",   [U_ACTIVATION_DOWN] = "activation_down_s",
    [U_TAIL_FORWARD] = "tail_forward_s",   [U_TAIL_BACKWARD] = "tail_backward_s",
    [U_GRADIENT_UP] = "gradient_up_s",     [U_BODY_BACKWARD] = "body_backward_s",
    [U_GRADIENT_DOWN] = "gradient_down_s", [U_HEAD_BACKWARD] = "head_backward_s",
};

struct u_plan *u_plan_new(int n_devices)
{
    struct u_plan *u = mem_zero(1, sizeof *u);
    size_t n = (size_t)n_devices;

    u->n_devices = n_devices;
    u->head = mem_zero(n, sizeof(int));
    u->tail = mem_zero(n, sizeof(int));
    for (size_t i = 0; i < n; i++)
        u->tail[i] = 1;
    u->share = mem_zero(n, sizeof(double));
    u->phase_s = mem_zero(n * U_PHASES, sizeof(double));
    return u;
}

void u_plan_free(struct u_plan *u)
{
    if (!u)
        return;
    free(u->head);
    free(u->tail);
    free(u->share);
    free(u->phase_s);
    free(u);
}

static double time_s(double work, double speed)
{
    if (work <= 0)
        return 0;
    return speed > 0 ? work / speed : HUGE_VAL;
}

static void fill_phases(const struct problem *problem, int i, int head, int tail, double share,
                        double *phase_s)
{
    const struct problem_device *d = &problem->devices[i];
    const struct problem_cut *h = &problem->cuts[head], *t = &problem->cuts[tail];
    double b = problem->batch_size;
    double server = share * problem->server_clock_hz / (b * problem->server_cycles_per_flop);

    phase_s[U_HEAD_FORWARD] = device_forward_s(problem, i, head);
    phase_s[U_ACTIVATION_UP] = b * h->activation_bits / d->uplink_bps;
    phase_s[U_BODY_FORWARD] = time_s(h->server_forward_flop - t->server_forward_flop, server);
    phase_s[U_ACTIVATION_DOWN] = b * t->activation_bits / d->downlink_bps;
    phase_s[U_TAIL_FORWARD] = device_tail_forward_s(problem, i, tail);
    phase_s[U_TAIL_BACKWARD] = device_tail_backward_s(problem, i, tail);
    phase_s[U_GRADIENT_UP] = b * t->gradient_bits / d->uplink_bps;
    phase_s[U_BODY_BACKWARD] = time_s(h->server_backward_flop - t->server_backward_flop, server);
    phase_s[U_GRADIENT_DOWN] = b * h->gradient_bits / d->downlink_bps;
    phase_s[U_HEAD_BACKWARD] = device_backward_s(problem, i, head);
}

double u_plan_evaluate(struct u_plan *u, const struct problem *problem)
{
    double latest_s = 0;

    for (int i = 0; i < u->n_devices; i++) {
        double *phase_s = &u->phase_s[(size_t)i * U_PHASES], sum_s = 0;
        fill_phases(problem, i, u->head[i], u->tail[i], u->share[i], phase_s);
        for (int p = 0; p < U_PHASES; p++)
            sum_s += phase_s[p];
        latest_s = fmax(latest_s, sum_s);
    }
    return latest_s;
}

struct u_cost u_cost_of(const struct problem *problem, int device, int head, int tail)
{
    const struct problem_cut *h = &problem->cuts[head], *t = &problem->cuts[tail];
    struct u_cost cost = {.head = head, .tail = tail};
    double phase_s[U_PHASES];

    fill_phases(problem, device, head, tail, 1, phase_s);
    for (int p = 0; p < U_PHASES; p++)
        if (p != U_BODY_FORWARD && p != U_BODY_BACKWARD)
            cost.own_s += phase_s[p];
    cost.server_cycles = problem->batch_size * problem->server_cycles_per_flop *
                         ((h->server_forward_flop - t->server_forward_flop) +
                          (h->server_backward_flop - t->server_backward_flop));
    return cost;
}
