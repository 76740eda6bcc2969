/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/plan.h"

#include <math.h>
#include <string.h>

#include "scheduler/rates.h"

#define SHARE_TOLERANCE   1e-9 /* of the whole server */
#define POWER_TOLERANCE   1e-6 /* relative */
#define LATENCY_TOLERANCE 1e-9 /* relative */

static int check_psd(const char *name, int k, double psd, struct err *err)
{
    if (!(psd >= 0 && psd < HUGE_VAL))
        return err_set(err, "%s[%d]: %g: must be finite and >= 0", name, k, psd);
    return 0;
}

static int check_power(const char *who, double power_w, double limit_w, struct err *err)
{
    if (!(power_w <= limit_w * (1 + POWER_TOLERANCE)))
        return err_set(err, "%s: %.9g W is %.3g W above the limit of %.9g W", who, power_w,
                       power_w - limit_w, limit_w);
    return 0;
}

static int check_device_power(const struct problem *problem, int i, double power_w, double limit_w,
                              struct err *err)
{
    struct err inner = ERR_INIT;

    if (!check_power(problem->devices[i].name, power_w, limit_w, &inner))
        return 0;
    return err_set(err, "device %s", inner.text);
}

static double owned_power_w(const struct plan *plan, const struct problem *problem, int device)
{
    double power_w = 0;

    for (int k = 0; k < problem->n_subchannels; k++)
        if (plan->owner[k] == device)
            power_w += plan->psd_w_per_hz[k] * problem->bandwidth_hz[k];
    return power_w;
}

static int check_shared(const struct plan *plan, const struct problem *problem, struct err *err)
{
    double total_w = 0;

    for (int k = 0; k < problem->n_subchannels; k++) {
        int i = plan->owner[k];
        if (i < -1 || i >= problem->n_devices)
            return err_set(err, "owner[%d]: %d: must be a device from 0 to %d, or -1", k, i,
                           problem->n_devices - 1);
        if (check_psd("psd_w_per_hz", k, plan->psd_w_per_hz[k], err))
            return -1;
        if (i < 0 && plan->psd_w_per_hz[k] > 0)
            return err_set(err, "psd_w_per_hz[%d]: %g: must be 0, nobody owns the subchannel", k,
                           plan->psd_w_per_hz[k]);
        total_w += plan->psd_w_per_hz[k] * problem->bandwidth_hz[k];
    }
    for (int i = 0; i < problem->n_devices; i++)
        if (check_device_power(problem, i, owned_power_w(plan, problem, i),
                               problem->devices[i].max_power_w, err))
            return -1;
    return check_power("all devices", total_w, problem->total_power_w, err);
}

static int check_turns(const struct plan *plan, const struct problem *problem, struct err *err)
{
    int m = problem->n_subchannels;

    if (!plan->turn_psd_w_per_hz)
        return err_set(err, "turn_psd_w_per_hz: missing, the devices take turns");
    for (int i = 0; i < problem->n_devices; i++) {
        double limit_w = fmin(problem->devices[i].max_power_w, problem->total_power_w);
        double power_w = 0;
        for (int k = 0; k < m; k++) {
            double psd = plan->turn_psd_w_per_hz[(size_t)i * (size_t)m + (size_t)k];
            if (check_psd("turn_psd_w_per_hz", i * m + k, psd, err))
                return -1;
            power_w += psd * problem->bandwidth_hz[k];
        }
        if (check_device_power(problem, i, power_w, limit_w, err))
            return -1;
    }
    for (int k = 0; k < m; k++)
        if (plan->owner[k] != -1)
            return err_set(err, "owner[%d]: %d: must be -1, the devices take turns", k,
                           plan->owner[k]);
    return 0;
}

static int check_memory(const struct problem_device *device, double bytes, struct err *err)
{
    if (device->memory_bytes > 0 && bytes > device->memory_bytes)
        return err_set(err, "device %s: its layers take %.0f bytes of memory, it has %.0f",
                       device->name, bytes, device->memory_bytes);
    return 0;
}

static int check_front(const struct plan *plan, const struct problem *problem, struct err *err)
{
    if (plan->cut < 0 || plan->cut >= problem->n_cuts)
        return err_set(err, "cut_index: %d: must be 0 to %d", plan->cut, problem->n_cuts - 1);
    for (int i = 0; i < problem->n_devices; i++)
        if (check_memory(&problem->devices[i], problem->cuts[plan->cut].device_memory_bytes, err))
            return -1;
    return (problem->takes_turns ? check_turns : check_shared)(plan, problem, err);
}

static int check_u(const struct u_plan *u, const struct problem *problem, struct err *err)
{
    double sum = 0;

    for (int i = 0; i < problem->n_devices; i++) {
        if (u->head[i] < 0 || u->head[i] >= u->tail[i] || u->tail[i] >= problem->n_cuts)
            return err_set(err,
                           "head_cut_index[%d], tail_cut_index[%d]: %d, %d: must be 0 to %d and "
                           "in order",
                           i, i, u->head[i], u->tail[i], problem->n_cuts - 1);
        if (check_memory(&problem->devices[i],
                         problem->cuts[u->head[i]].device_memory_bytes +
                             problem->cuts[u->tail[i]].tail_memory_bytes,
                         err))
            return -1;
        if (!(u->share[i] >= 0 && u->share[i] <= 1 + SHARE_TOLERANCE))
            return err_set(err, "server_share[%d]: %g: must be 0 to 1", i, u->share[i]);
        sum += u->share[i];
    }
    if (!(sum <= 1 + SHARE_TOLERANCE))
        return err_set(err, "server_share: sum is %.12g: must be at most 1", sum);
    return 0;
}

static double u_latency_s(const struct u_plan *from, const struct problem *problem)
{
    struct u_plan *u = u_plan_new(problem->n_devices);
    double latency_s;

    memcpy(u->head, from->head, (size_t)u->n_devices * sizeof(int));
    memcpy(u->tail, from->tail, (size_t)u->n_devices * sizeof(int));
    memcpy(u->share, from->share, (size_t)u->n_devices * sizeof(double));
    latency_s = u_plan_evaluate(u, problem);
    u_plan_free(u);
    return latency_s;
}

static double front_latency_s(const struct plan *plan, const struct problem *problem)
{
    struct latency_terms terms;
    struct rates rates;
    double latency_s;

    rates_init(&rates, problem->n_devices);
    latency_terms_init(&terms, problem->n_devices);
    if (problem->takes_turns)
        rates_evaluate_turns(problem, plan->turn_psd_w_per_hz, &rates);
    else
        rates_evaluate(problem, plan->owner, plan->psd_w_per_hz, &rates);
    latency_evaluate(problem, plan->cut, &rates, &terms);
    latency_s = latency_total(problem, &terms);
    rates_release(&rates);
    latency_terms_release(&terms);
    return latency_s;
}

static int check_latency(const struct plan *plan, const struct problem *problem, struct err *err)
{
    double latency_s = plan->u ? u_latency_s(plan->u, problem) : front_latency_s(plan, problem);

    if (!(latency_s < HUGE_VAL))
        return err_set(err, "latency: infinite, a device has data but no rate, or work for "
                            "the server but no share");
    if (!(fabs(plan->latency_s - latency_s) <= LATENCY_TOLERANCE * latency_s))
        return err_set(err, "latency_s: %.12g: the plan gives %.12g", plan->latency_s, latency_s);
    return 0;
}

static int check_choices(const struct plan *plan, const struct problem *problem, struct err *err)
{
    if (plan->n_devices != problem->n_devices || plan->n_subchannels != problem->n_subchannels ||
        !plan->u != !problem->is_u_shaped)
        return err_set(err, "is of another problem: %d devices, %d subchannels%s", plan->n_devices,
                       plan->n_subchannels, plan->u ? ", U-shaped" : "");
    if (problem->is_u_shaped)
        return check_u(plan->u, problem, err);
    return check_front(plan, problem, err);
}

int plan_check(const struct plan *plan, const struct problem *problem, struct err *err)
{
    if (plan->status == PLAN_INFEASIBLE)
        return err_set(err, "status: infeasible, there is nothing to check");
    if (check_choices(plan, problem, err) || check_latency(plan, problem, err))
        return -1;
    if (!(plan->lower_bound_s >= 0 &&
          plan->lower_bound_s <= plan->latency_s * (1 + LATENCY_TOLERANCE)))
        return err_set(err, "lower_bound_s: %.12g: must be 0 to latency_s, %.12g",
                       plan->lower_bound_s, plan->latency_s);
    return 0;
}
