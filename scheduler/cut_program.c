/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/cut_program.h"

#include <glpk.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "scheduler/glpk_guard.h"

/* All numbers are divided by the shortest round, so that they are near 1 where it matters. */
struct program {
    const struct problem *problem;
    double *to_server, *from_server, *shared; /* [cut][C], [cut][C], [cut] in units of the round */
    int cut;
};

#define TOO_LONG 1e6 /* rounds; cuts that take longer are not looked at */

static double fill(struct program *p, const struct rates *rates)
{
    int n = p->problem->n_devices;
    double shortest_s = HUGE_VAL;
    struct latency_terms terms;

    latency_terms_init(&terms, n);
    for (int j = 0; j < p->problem->n_cuts; j++) {
        latency_evaluate(p->problem, j, rates, &terms);
        shortest_s = fmin(shortest_s, latency_total(p->problem, &terms));
        p->shared[j] = terms.server_forward_s + terms.server_backward_s + terms.broadcast_s;
        for (int i = 0; i < n; i++) {
            p->to_server[j * n + i] = terms.device_forward_s[i] + terms.uplink_s[i];
            p->from_server[j * n + i] = terms.downlink_s[i] + terms.device_backward_s[i];
        }
    }
    latency_terms_release(&terms);
    return shortest_s;
}

/* Stage end - sum_j mu_j end_ij >= 0 for every device. */
static void add_stage(glp_prob *lp, const struct program *p, const double *ends, int stage,
                      int *index, double *value)
{
    int n = p->problem->n_devices, n_cuts = p->problem->n_cuts;

    for (int i = 0; i < n; i++) {
        int row = glp_add_rows(lp, 1), entries = 1;
        glp_set_row_bnds(lp, row, GLP_LO, 0, 0);
        index[1] = n_cuts + stage;
        value[1] = 1;
        for (int j = 0; j < n_cuts; j++) {
            if (!(ends[j * n + i] > 0) || !(ends[j * n + i] < TOO_LONG))
                continue;
            index[++entries] = j + 1;
            value[entries] = -ends[j * n + i];
        }
        glp_set_mat_row(lp, row, entries, index, value);
    }
}

static bool is_too_long(const struct program *p, int j)
{
    int n = p->problem->n_devices;
    bool is = !(p->shared[j] < TOO_LONG);

    for (int i = 0; i < n; i++)
        is |= !(p->to_server[j * n + i] < TOO_LONG) || !(p->from_server[j * n + i] < TOO_LONG);
    return is;
}

static void pose(glp_prob *lp, const struct program *p)
{
    int n_cuts = p->problem->n_cuts, one = 0;
    int *index = mem_zero((size_t)n_cuts + 3, sizeof(int));
    double *value = mem_zero((size_t)n_cuts + 3, sizeof(double));

    glp_set_obj_dir(lp, GLP_MIN);
    glp_add_cols(lp, n_cuts + 2);
    for (int j = 0; j < n_cuts; j++) {
        glp_set_col_kind(lp, j + 1, GLP_BV);
        glp_set_obj_coef(lp, j + 1, p->shared[j] < TOO_LONG ? p->shared[j] : 0);
        if (is_too_long(p, j))
            glp_set_col_bnds(lp, j + 1, GLP_FX, 0, 0);
        index[j + 1] = j + 1;
        value[j + 1] = 1;
    }
    one = glp_add_rows(lp, 1);
    glp_set_row_bnds(lp, one, GLP_FX, 1, 1);
    glp_set_mat_row(lp, one, n_cuts, index, value);
    for (int stage = 1; stage <= 2; stage++) {
        glp_set_obj_coef(lp, n_cuts + stage, 1);
        glp_set_col_bnds(lp, n_cuts + stage, GLP_LO, 0, 0);
        add_stage(lp, p, stage == 1 ? p->to_server : p->from_server, stage, index, value);
    }
    free(index);
    free(value);
}

static void solve(void *data)
{
    struct program *p = data;
    glp_prob *lp = glp_create_prob();
    glp_iocp how;

    pose(lp, p);
    glp_init_iocp(&how);
    how.msg_lev = GLP_MSG_OFF;
    how.presolve = GLP_ON;
    if (!glp_intopt(lp, &how) && glp_mip_status(lp) == GLP_OPT)
        for (int j = 0; j < p->problem->n_cuts; j++)
            if (glp_mip_col_val(lp, j + 1) > 0.5)
                p->cut = j;
    glp_delete_prob(lp);
}

int cut_program_solve(const struct problem *problem, const struct rates *rates)
{
    size_t n = (size_t)problem->n_devices, n_cuts = (size_t)problem->n_cuts;
    struct program p = {problem, mem_zero(n * n_cuts, sizeof(double)),
                        mem_zero(n * n_cuts, sizeof(double)), mem_zero(n_cuts, sizeof(double)), -1};
    double unit_s = fill(&p, rates);

    if (unit_s > 0 && unit_s < HUGE_VAL) {
        for (size_t at = 0; at < n * n_cuts; at++) {
            p.to_server[at] /= unit_s;
            p.from_server[at] /= unit_s;
        }
        for (size_t j = 0; j < n_cuts; j++)
            p.shared[j] /= unit_s;
        if (glpk_guard(solve, &p))
            p.cut = -1;
    }
    free(p.to_server);
    free(p.from_server);
    free(p.shared);
    return p.cut;
}
