/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/plan_table_u.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_ROWS        50 /* devices beyond are counted, not listed */
#define NAME_WIDTH      12
#define SUBCHANNELS_MAX 20

/* Columns of times: few digits where the round is long, enough where it is short. */
static int decimals(const struct plan *plan)
{
    return plan->latency_s >= 0.1 ? 1 : plan->latency_s >= 0.001 ? 3 : 6;
}

/* Appends "first-last" or "first"; false when it would not fit. */
static bool add_range(char *text, size_t size, int first, int last)
{
    size_t n = strlen(text);
    char range[32];

    if (first == last)
        snprintf(range, sizeof range, "%s%d", n ? "," : "", first);
    else
        snprintf(range, sizeof range, "%s%d%c%d", n ? "," : "", first,
                 last == first + 1 ? ',' : '-', last);
    if (n + strlen(range) + strlen(",...") >= size) {
        snprintf(text + n, size - n, ",...");
        return false;
    }
    memcpy(text + n, range, strlen(range) + 1);
    return true;
}

/* What a device owns as "0-2,7". */
static int list_owned(const struct plan *plan, int n_subchannels, int device, char *text,
                      size_t size)
{
    int first = -1, n = 0;
    bool has_room = true;

    text[0] = '\0';
    for (int k = 0; k <= n_subchannels; k++) {
        bool is_owned = k < n_subchannels && plan->owner[k] == device;
        n += is_owned;
        if (is_owned && first < 0)
            first = k;
        if (!is_owned && first >= 0) {
            has_room = has_room && add_range(text, size, first, k - 1);
            first = -1;
        }
    }
    return n;
}

static double device_power_w(const struct plan *plan, const struct problem *problem, int i)
{
    double power_w = 0;
    int m = problem->n_subchannels;

    for (int k = 0; k < m; k++)
        if (problem->takes_turns)
            power_w += plan->turn_psd_w_per_hz[(size_t)i * (size_t)m + (size_t)k] *
                       problem->bandwidth_hz[k];
        else if (plan->owner[k] == i)
            power_w += plan->psd_w_per_hz[k] * problem->bandwidth_hz[k];
    return power_w;
}

/* Of devices that take turns there is no need to list what they own: all of it. */
static int subchannels_width(const struct problem *problem)
{
    return problem->takes_turns ? 11 : SUBCHANNELS_MAX;
}

static void print_row_head(const struct problem *problem, struct strbuf *out, const char *name,
                           const char *count, const char *subchannels, const char *power,
                           const char *rate, const char *times, const char *handover)
{
    strbuf_addf(out, "%-*s %5s  %-*.*s %7s %8s%s%s\n", NAME_WIDTH, name, count,
                subchannels_width(problem), subchannels_width(problem), subchannels, power, rate,
                times, problem->takes_turns ? handover : "");
}

static void print_head(const struct plan *plan, const struct problem *problem, struct strbuf *out)
{
    static const char *const statuses[] = {
        [PLAN_OPTIMAL] = "optimal", [PLAN_FEASIBLE] = "feasible"};

    strbuf_addf(out, "Plan: cut after %s (%d of %d), policy %s, %s\n",
                problem->cuts[plan->cut].name, plan->cut + 1, problem->n_cuts, plan->policy,
                statuses[plan->status]);
    strbuf_addf(out, "Round latency %.6g s, lower bound %.6g s, gap %.2f %%, solved in %.3f s\n\n",
                plan->latency_s, plan->lower_bound_s, 100 * plan_gap(plan), plan->solve_s);
    print_row_head(problem, out, "device", "count", "subchannels", "power", "uplink",
                   "  forward   uplink downlink backward", " handover");
    print_row_head(problem, out, "", "", "(from 0)", "W", "Mbit/s",
                   "       ms       ms       ms       ms", "       ms");
}

static void print_device(const struct plan *plan, const struct problem *problem, int i,
                         struct strbuf *out)
{
    const struct latency_terms *t = &plan->terms;
    char owned[SUBCHANNELS_MAX + 1] = "all";
    int digits = decimals(plan), n = problem->n_subchannels;

    if (!problem->takes_turns)
        n = list_owned(plan, problem->n_subchannels, i, owned, sizeof owned);
    strbuf_addf(out, "%-*.*s %5d  %-*s %7.3f %8.1f %8.*f %8.*f %8.*f %8.*f", NAME_WIDTH, NAME_WIDTH,
                problem->devices[i].name, n, subchannels_width(problem), owned,
                device_power_w(plan, problem, i), plan->rates.uplink_bps[i] * 1e-6, digits,
                1e3 * t->device_forward_s[i], digits, 1e3 * t->uplink_s[i], digits,
                1e3 * t->downlink_s[i], digits, 1e3 * t->device_backward_s[i]);
    if (problem->takes_turns)
        strbuf_addf(out, " %8.*f", digits, 1e3 * t->handover_s[i]);
    strbuf_addf(out, "\n");
}

static void print_line(struct strbuf *out, const char *what, double seconds, int digits)
{
    strbuf_addf(out, "  %-34s %12.*f ms\n", what, digits, 1e3 * seconds);
}

static void print_sum(const struct plan *plan, const struct problem *problem, struct strbuf *out)
{
    const struct latency_terms *t = &plan->terms;
    double up = 0, down = 0, in_turn = 0;
    int digits = decimals(plan);

    for (int i = 0; i < t->n_devices; i++) {
        double to_server = t->device_forward_s[i] + t->uplink_s[i];
        double from_server = t->downlink_s[i] + t->device_backward_s[i];
        up = fmax(up, to_server);
        down = fmax(down, from_server);
        in_turn += to_server + from_server + t->handover_s[i];
    }
    if (problem->takes_turns)
        print_line(out, "devices, one after the other", in_turn, digits);
    else
        print_line(out, "last of forward + uplink", up, digits);
    print_line(out, "server forward", t->server_forward_s, digits);
    print_line(out, "server backward", t->server_backward_s, digits);
    if (!problem->takes_turns) {
        print_line(out, "broadcast", t->broadcast_s, digits);
        print_line(out, "last of downlink + backward", down, digits);
    }
    print_line(out, "round", plan->latency_s, digits);
}

void plan_print(const struct plan *plan, const struct problem *problem, struct strbuf *out)
{
    if (plan->status == PLAN_INFEASIBLE) {
        strbuf_addf(out, "No plan: policy %s, infeasible: %s\n", plan->policy, plan->reason);
        return;
    }
    if (plan->u) {
        plan_print_u(plan, problem, out);
        return;
    }
    print_head(plan, problem, out);
    for (int i = 0; i < problem->n_devices && i < MAX_ROWS; i++)
        print_device(plan, problem, i, out);
    if (problem->n_devices > MAX_ROWS)
        strbuf_addf(out, "... and %d devices more\n", problem->n_devices - MAX_ROWS);
    strbuf_addf(out, "\n");
    print_sum(plan, problem, out);
}
