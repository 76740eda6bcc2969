/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/master.h"

#include <glpk.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "link/radio.h"
#include "scheduler/glpk_guard.h"

#define MAX_COLUMNS 200000
#define PENALTY     1e3  /* of a missing rate, in rounds per rate unit */
#define SAME_POINT  1e-6 /* relative distance below which two points are one */

/* What a column stands for: device >= 0 is a point of a rate curve, else a stage's end or a
 * penalty. */
struct point {
    int device, subchannel;
    double value; /* W or s */
};

struct master {
    const struct cell *cell;
    const struct cut_costs *costs;
    glp_prob *lp; /* NULL once GLPK has failed */
    unsigned generation;
    double second, up_unit_bps, down_unit_bps, watt; /* one unit of the program in SI */
    struct point *points;                            /* [column - 1] */
    size_t n_points, capacity;
    int *index; /* scratch of a column, from 1 as GLPK counts */
    double *value;
    bool *allowed; /* [C][M] as last told */
};

/* Rows, from 1: C uplink rates, C downlink rates, C powers, total power, M subchannels, two stages.
 * */
static int row_up(const struct master *m, int i)
{
    (void)m;
    return 1 + i;
}
static int row_down(const struct master *m, int i)
{
    return 1 + m->cell->n_devices + i;
}
static int row_power(const struct master *m, int i)
{
    return 1 + 2 * m->cell->n_devices + i;
}
static int row_total(const struct master *m)
{
    return 1 + 3 * m->cell->n_devices;
}
static int row_subchannel(const struct master *m, int k)
{
    return 2 + 3 * m->cell->n_devices + k;
}
static int row_up_stage(const struct master *m)
{
    return 2 + 3 * m->cell->n_devices + m->cell->n_subchannels;
}
static int row_down_stage(const struct master *m)
{
    return row_up_stage(m) + 1;
}

static bool is_alive(struct master *m)
{
    if (m->lp && m->generation != glpk_generation())
        m->lp = NULL; /* GLPK has freed it */
    return m->lp != NULL;
}

static bool has_up(const struct master *m)
{
    return m->costs->uplink_bits > 0;
}

static bool has_down(const struct master *m)
{
    return m->costs->downlink_bits > 0;
}

static int add_column(struct master *m, struct point point, double cost, int n, double upper)
{
    int column;

    if (m->n_points >= MAX_COLUMNS)
        return 0;
    for (int j = 1; j <= n; j++)
        if (!(fabs(m->value[j]) < 1e15)) /* GLPK would give up on what is not finite */
            return 0;
    column = glp_add_cols(m->lp, 1);
    glp_set_mat_col(m->lp, column, n, m->index, m->value);
    glp_set_obj_coef(m->lp, column, cost);
    if (upper > 0)
        glp_set_col_bnds(m->lp, column, GLP_LO, 0, 0);
    else
        glp_set_col_bnds(m->lp, column, GLP_FX, 0, 0);
    m->points = mem_grow(m->points, m->n_points, &m->capacity, sizeof *m->points);
    m->points[m->n_points++] = point;
    return 1;
}

static void set_entry(struct master *m, int *n, int row, double value)
{
    if (value == 0)
        return;
    ++*n;
    m->index[*n] = row;
    m->value[*n] = value;
}

static bool is_known(const struct master *m, int device, int subchannel, double value, double scale)
{
    for (size_t p = 0; p < m->n_points; p++)
        if (m->points[p].device == device && m->points[p].subchannel == subchannel &&
            fabs(m->points[p].value - value) <= SAME_POINT * scale)
            return true;
    return false;
}

int master_add_power(struct master *m, int device, int subchannel, double power_w)
{
    const struct cell *cell = m->cell;
    double width = cell->problem->bandwidth_hz[subchannel];
    double rate = subchannel_rate_bps(width, power_w / width,
                                      problem_gain(&cell->problem->devices[device], subchannel),
                                      cell->problem->noise_psd_w_per_hz);
    struct point point = {device, subchannel, power_w};
    int n = 0;

    if (!is_alive(m) || is_known(m, device, subchannel, power_w, fmax(power_w, 1e-9 * m->watt)))
        return 0;
    if (has_up(m))
        set_entry(m, &n, row_up(m, device), rate / m->up_unit_bps);
    if (has_down(m))
        set_entry(m, &n, row_down(m, device),
                  cell->downlink_bps[cell_at(cell, device, subchannel)] / m->down_unit_bps);
    set_entry(m, &n, row_power(m, device), power_w / m->watt);
    set_entry(m, &n, row_total(m), power_w / m->watt);
    set_entry(m, &n, row_subchannel(m, subchannel), 1);
    return add_column(m, point, 0, n, m->allowed[cell_at(cell, device, subchannel)]);
}

static int add_stage(struct master *m, double end_s, bool is_up)
{
    const struct cut_costs *costs = m->costs;
    const double *start_s = is_up ? costs->forward_s : costs->backward_s;
    double bits = is_up ? costs->uplink_bits : costs->downlink_bits;
    double unit_bps = is_up ? m->up_unit_bps : m->down_unit_bps;
    struct point point = {-1, is_up ? 0 : 1, end_s};
    int n = 0;

    if (!is_alive(m) || bits <= 0 || is_known(m, -1, point.subchannel, end_s, end_s))
        return 0;
    for (int i = 0; i < m->cell->n_devices; i++)
        set_entry(m, &n, is_up ? row_up(m, i) : row_down(m, i),
                  -bits / (end_s - start_s[i]) / unit_bps);
    set_entry(m, &n, is_up ? row_up_stage(m) : row_down_stage(m), 1);
    return add_column(m, point, end_s / m->second, n, 1);
}

int master_add_up(struct master *m, double up_s)
{
    return add_stage(m, up_s, true);
}

int master_add_down(struct master *m, double down_s)
{
    return add_stage(m, down_s, false);
}

static void set_rows(struct master *m)
{
    glp_prob *lp = m->lp;

    glp_set_obj_dir(lp, GLP_MIN);
    glp_add_rows(lp, row_down_stage(m));
    for (int i = 0; i < m->cell->n_devices; i++) {
        glp_set_row_bnds(lp, row_up(m, i), GLP_LO, 0, 0);
        glp_set_row_bnds(lp, row_down(m, i), GLP_LO, 0, 0);
        glp_set_row_bnds(lp, row_power(m, i), GLP_UP, 0, m->cell->power_cap_w[i] / m->watt);
    }
    glp_set_row_bnds(lp, row_total(m), GLP_UP, 0, m->cell->problem->total_power_w / m->watt);
    for (int k = 0; k < m->cell->n_subchannels; k++)
        glp_set_row_bnds(lp, row_subchannel(m, k), GLP_UP, 0, 1);
    glp_set_row_bnds(lp, row_up_stage(m), has_up(m) ? GLP_FX : GLP_FR, 1, 1);
    glp_set_row_bnds(lp, row_down_stage(m), has_down(m) ? GLP_FX : GLP_FR, 1, 1);
}

static void set_up(void *data)
{
    struct master *m = data;
    struct point penalty = {-1, 2, 0};

    m->lp = glp_create_prob();
    set_rows(m);
    for (int row = row_up(m, 0); row < row_power(m, 0); row++) {
        m->index[1] = row;
        m->value[1] = 1;
        add_column(m, penalty, PENALTY, 1, 1);
    }
}

/* A rate near what one device gets, so that the program's numbers are near 1. */
static void choose_units(struct master *m, double round_s)
{
    const struct cut_costs *costs = m->costs;

    m->second = round_s;
    m->watt = m->cell->problem->total_power_w;
    m->up_unit_bps = m->down_unit_bps = 1;
    for (int i = 0; i < m->cell->n_devices; i++) {
        double up = costs->uplink_bits / (costs->least_up_s - costs->forward_s[i]);
        double down = costs->downlink_bits / (costs->least_down_s - costs->backward_s[i]);
        if (has_up(m))
            m->up_unit_bps = fmax(m->up_unit_bps, up);
        if (has_down(m))
            m->down_unit_bps = fmax(m->down_unit_bps, down);
    }
}

struct master *master_new(const struct cell *cell, const struct cut_costs *costs, double round_s)
{
    struct master *m = mem_zero(1, sizeof *m);
    size_t n = cell_at(cell, cell->n_devices, 0);

    m->cell = cell;
    m->costs = costs;
    m->index = mem_zero((size_t)cell->n_devices + 8, sizeof(int));
    m->value = mem_zero((size_t)cell->n_devices + 8, sizeof(double));
    m->allowed = mem_zero(n, sizeof(bool));
    for (size_t at = 0; at < n; at++)
        m->allowed[at] = true;
    choose_units(m, round_s);
    if (glpk_guard(set_up, m))
        m->lp = NULL;
    m->generation = glpk_generation();
    return m;
}

void master_free(struct master *m)
{
    if (!m)
        return;
    if (is_alive(m))
        glp_delete_prob(m->lp);
    free(m->points);
    free(m->index);
    free(m->value);
    free(m->allowed);
    free(m);
}

void master_allow(struct master *m, const bool *allowed)
{
    size_t n = cell_at(m->cell, m->cell->n_devices, 0);

    if (!is_alive(m))
        return;
    for (size_t p = 0; p < m->n_points; p++) {
        const struct point *point = &m->points[p];
        size_t at;
        if (point->device < 0)
            continue;
        at = cell_at(m->cell, point->device, point->subchannel);
        if (allowed[at] != m->allowed[at])
            glp_set_col_bnds(m->lp, (int)p + 1, allowed[at] ? GLP_LO : GLP_FX, 0, 0);
    }
    memcpy(m->allowed, allowed, n * sizeof *allowed);
}

struct simplex_call {
    struct master *m;
    int64_t deadline_us;
    int status;
};

static void run_simplex(void *data)
{
    struct simplex_call *call = data;
    int64_t left_ms = (call->deadline_us - clock_now_us()) / 1000;
    glp_smcp how;

    glp_init_smcp(&how);
    how.msg_lev = GLP_MSG_OFF;
    how.tm_lim = left_ms < 1 ? 1 : left_ms > INT_MAX / 2 ? INT_MAX / 2 : (int)left_ms;
    call->status = glp_simplex(call->m->lp, &how);
    if (call->status == GLP_ETMLIM || call->status == 0)
        return;
    /* A basis gone singular: once more from the start. */
    glp_std_basis(call->m->lp);
    call->status = glp_simplex(call->m->lp, &how);
}

static double at_least_zero(double dual)
{
    return dual > 0 && dual < HUGE_VAL ? dual : 0;
}

int master_solve(struct master *m, int64_t deadline_us, struct prices *prices,
                 double *subchannel_price, double *round_s)
{
    struct simplex_call call = {m, deadline_us, 0};

    if (!is_alive(m) || glpk_guard(run_simplex, &call) || call.status ||
        glp_get_status(m->lp) != GLP_OPT)
        return -1;
    for (int i = 0; i < m->cell->n_devices; i++) {
        prices->uplink[i] =
            at_least_zero(glp_get_row_dual(m->lp, row_up(m, i))) * m->second / m->up_unit_bps;
        prices->downlink[i] =
            at_least_zero(glp_get_row_dual(m->lp, row_down(m, i))) * m->second / m->down_unit_bps;
        prices->power[i] =
            at_least_zero(-glp_get_row_dual(m->lp, row_power(m, i))) * m->second / m->watt;
    }
    prices->total_power =
        at_least_zero(-glp_get_row_dual(m->lp, row_total(m))) * m->second / m->watt;
    for (int k = 0; k < m->cell->n_subchannels; k++)
        subchannel_price[k] =
            at_least_zero(-glp_get_row_dual(m->lp, row_subchannel(m, k))) * m->second;
    *round_s = m->costs->fixed_s + glp_get_obj_val(m->lp) * m->second;
    if (!has_up(m))
        *round_s += m->costs->least_up_s;
    if (!has_down(m))
        *round_s += m->costs->least_down_s;
    return 0;
}

void master_shares(const struct master *m, double *share)
{
    memset(share, 0, cell_at(m->cell, m->cell->n_devices, 0) * sizeof *share);
    for (size_t p = 0; p < m->n_points; p++)
        if (m->points[p].device >= 0)
            share[cell_at(m->cell, m->points[p].device, m->points[p].subchannel)] +=
                glp_get_col_prim(m->lp, (int)p + 1);
}
