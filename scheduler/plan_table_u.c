/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/plan_table_u.h"

#define MAX_ROWS 50 /* devices beyond are counted, not listed */

static void print_device(const struct plan *plan, const struct problem *problem, int i, int digits,
                         struct strbuf *out)
{
    const struct u_plan *u = plan->u;
    const double *s = &u->phase_s[(size_t)i * U_PHASES];
    double device = s[U_HEAD_FORWARD] + s[U_TAIL_FORWARD] + s[U_TAIL_BACKWARD] + s[U_HEAD_BACKWARD];
    double up = s[U_ACTIVATION_UP] + s[U_GRADIENT_UP];
    double down = s[U_ACTIVATION_DOWN] + s[U_GRADIENT_DOWN];
    double server = s[U_BODY_FORWARD] + s[U_BODY_BACKWARD];

    strbuf_addf(out, "%-12.12s %-16.16s %-16.16s %7.3f %8.*f %8.*f %8.*f %8.*f %8.*f\n",
                problem->devices[i].name, problem->cuts[u->head[i]].name,
                problem->cuts[u->tail[i]].name, 100 * u->share[i], digits, 1e3 * device, digits,
                1e3 * up, digits, 1e3 * server, digits, 1e3 * down, digits,
                1e3 * (device + up + server + down));
}

void plan_print_u(const struct plan *plan, const struct problem *problem, struct strbuf *out)
{
    int digits = plan->latency_s >= 0.1 ? 1 : plan->latency_s >= 0.001 ? 3 : 6;

    strbuf_addf(out, "Plan: U-shaped, two cuts for each of %d devices, policy %s, %s\n",
                problem->n_devices, plan->policy,
                plan->status == PLAN_OPTIMAL ? "optimal" : "feasible");
    strbuf_addf(out, "Step latency %.6g s, lower bound %.6g s, gap %.2f %%, solved in %.3f s\n\n",
                plan->latency_s, plan->lower_bound_s, 100 * plan_gap(plan), plan->solve_s);
    strbuf_addf(out, "%-12s %-16s %-16s %7s %8s %8s %8s %8s %8s\n", "device", "head ends after",
                "tail from", "server", "device", "uplink", "server", "downlink", "step");
    strbuf_addf(out, "%-12s %-16s %-16s %7s %8s %8s %8s %8s %8s\n", "", "", "", "%", "ms", "ms",
                "ms", "ms", "ms");
    for (int i = 0; i < problem->n_devices && i < MAX_ROWS; i++)
        print_device(plan, problem, i, digits, out);
    if (problem->n_devices > MAX_ROWS)
        strbuf_addf(out, "... and %d devices more\n", problem->n_devices - MAX_ROWS);
}
