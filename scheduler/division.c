/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/division.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LN_2       0.693147180559945309417
#define MAX_STATES (1 << 16)
#define SLACK      1e-12 /* relative; a power limit is not missed by rounding */

static bool are_alike(const struct cell *cell, int k, int l)
{
    if (cell->problem->bandwidth_hz[k] != cell->problem->bandwidth_hz[l])
        return false;
    for (int i = 0; i < cell->n_devices; i++)
        if (cell->floor_w_per_hz[cell_at(cell, i, k)] != cell->floor_w_per_hz[cell_at(cell, i, l)])
            return false;
    return true;
}

/* Fills class_of, first and count; returns the number of classes, or -1 when there are more than
 * max. */
static int find_classes(const struct cell *cell, int max, int *class_of, int *first, int *count)
{
    int n = 0;

    for (int k = 0; k < cell->n_subchannels; k++) {
        int c = 0;
        while (c < n && !are_alike(cell, first[c], k))
            c++;
        if (c == max)
            return -1;
        if (c == n) {
            first[n] = k;
            count[n++] = 0;
        }
        class_of[k] = c;
        count[c]++;
    }
    return n;
}

static double work_of(const int *count, int n_classes, int n_devices)
{
    double states = 1, pairs = 1;

    for (int c = 0; c < n_classes; c++) {
        states *= count[c] + 1;
        pairs *= 0.5 * (count[c] + 1) * (count[c] + 2);
    }
    if (states > MAX_STATES || states * n_devices > 1e7)
        return HUGE_VAL;
    return pairs * (n_devices > 2 ? n_devices - 2 : 0) + 20 * states * n_devices;
}

double division_work(const struct cell *cell)
{
    enum { MAX_CLASSES = 17 };
    int *class_of = mem_zero((size_t)cell->n_subchannels, sizeof(int));
    int first[MAX_CLASSES], count[MAX_CLASSES];
    int n = find_classes(cell, MAX_CLASSES, class_of, first, count);

    free(class_of);
    return n < 0 ? HUGE_VAL : work_of(count, n, cell->n_devices);
}

static size_t at_class(const struct division *p, int i, int c)
{
    return (size_t)i * (size_t)p->n_classes + (size_t)c;
}

static size_t at_state(const struct division *p, int i, int state)
{
    return (size_t)i * (size_t)p->n_states + (size_t)state;
}

static int digit(const struct division *p, int state, int c)
{
    return state / p->stride[c] % (p->count[c] + 1);
}

static void fill_device(struct division *p, int i)
{
    const struct cell *cell = p->cell;
    bool *is_listed = mem_zero((size_t)p->n_classes, sizeof(bool));
    int n = 0;

    for (int j = 0; j < cell->n_subchannels; j++) {
        int c = p->class_of[cell->order[cell_at(cell, i, j)]];
        if (!is_listed[c])
            p->order[at_class(p, i, n++)] = c;
        is_listed[c] = true;
    }
    free(is_listed);
    for (int c = 0; c < p->n_classes; c++)
        p->log_floor[at_class(p, i, c)] = log(cell->floor_w_per_hz[cell_at(cell, i, p->first[c])]);
    for (int state = 0; state < p->n_states; state++) {
        double sum = 0;
        for (int c = 0; c < p->n_classes; c++)
            sum += digit(p, state, c) * cell->downlink_bps[cell_at(cell, i, p->first[c])];
        p->downlink_bps[at_state(p, i, state)] = sum;
    }
}

void division_init(struct division *p, const struct cell *cell)
{
    size_t m = (size_t)cell->n_subchannels, c = (size_t)cell->n_devices, n, s;

    memset(p, 0, sizeof *p);
    p->cell = cell;
    p->class_of = mem_zero(m, sizeof(int));
    p->first = mem_zero(m, sizeof(int));
    p->count = mem_zero(m, sizeof(int));
    p->n_classes = find_classes(cell, cell->n_subchannels + 1, p->class_of, p->first, p->count);
    n = (size_t)p->n_classes;
    p->stride = mem_zero(n, sizeof(int));
    p->n_states = 1;
    for (int j = 0; j < p->n_classes; j++) {
        p->stride[j] = p->n_states;
        p->n_states *= p->count[j] + 1;
    }
    s = (size_t)p->n_states;
    p->work = work_of(p->count, p->n_classes, cell->n_devices);
    p->log_floor = mem_zero(c * n, sizeof(double));
    p->order = mem_zero(c * n, sizeof(int));
    p->downlink_bps = mem_zero(c * s, sizeof(double));
    p->power_w = mem_zero(c * s, sizeof(double));
    p->least_w = mem_zero(c * s, sizeof(double));
    p->wanted = mem_zero(n, sizeof(int));
    p->taken = mem_zero(n, sizeof(int));
    for (int i = 0; i < cell->n_devices; i++)
        fill_device(p, i);
}

void division_release(struct division *p)
{
    free(p->class_of);
    free(p->first);
    free(p->count);
    free(p->stride);
    free(p->log_floor);
    free(p->order);
    free(p->downlink_bps);
    free(p->power_w);
    free(p->least_w);
    free(p->wanted);
    free(p->taken);
    memset(p, 0, sizeof *p);
}

/* Water-filling over the classes of a state, as in waterfill.c; `wanted` holds the state's counts.
 * */
static double power_for_rate_w(const struct division *p, int i, double rate_bps)
{
    const double *log_floor = &p->log_floor[at_class(p, i, 0)];
    const int *order = &p->order[at_class(p, i, 0)];
    double width = 0, logs = 0, lowest = 0, level = 0, power_w = 0;
    int n = 0;

    for (; n < p->n_classes; n++) {
        int c = order[n];
        double band = p->wanted[c] * p->cell->problem->bandwidth_hz[p->first[c]];
        if (band <= 0 || isinf(log_floor[c]))
            continue;
        if (width <= 0)
            lowest = log_floor[c];
        else if (log_floor[c] - lowest >= level)
            break;
        width += band;
        logs += band * (log_floor[c] - lowest);
        level = (rate_bps * LN_2 + logs) / width;
    }
    if (width <= 0)
        return HUGE_VAL;
    for (int j = 0; j < n; j++) {
        int c = order[j];
        double band = p->wanted[c] * p->cell->problem->bandwidth_hz[p->first[c]];
        double floor = p->cell->floor_w_per_hz[cell_at(p->cell, i, p->first[c])];
        if (band > 0 && !isinf(floor))
            power_w += band * floor * expm1(level - (log_floor[c] - lowest));
    }
    return power_w;
}

/* What device i needs to end both stages in time, for every state; more subchannels never cost
 * more. */
static void fill_powers(struct division *p, const struct cut_costs *costs, int i, double up_s,
                        double down_s)
{
    double up_left_s = up_s - costs->forward_s[i], down_left_s = down_s - costs->backward_s[i];
    bool is_late = up_left_s < 0 || down_left_s < 0 || (costs->uplink_bits > 0 && up_left_s <= 0) ||
                   (costs->downlink_bits > 0 && down_left_s <= 0);
    double down_bps = costs->downlink_bits > 0 ? costs->downlink_bits / down_left_s : 0;
    double limit_w = p->cell->power_cap_w[i] * (1 + SLACK);

    for (int state = 0; state < p->n_states; state++) {
        double *power_w = &p->power_w[at_state(p, i, state)];
        *power_w = HUGE_VAL;
        if (is_late || p->downlink_bps[at_state(p, i, state)] < down_bps * (1 - SLACK))
            continue;
        *power_w = 0;
        if (costs->uplink_bits <= 0)
            continue;
        for (int c = 0; c < p->n_classes; c++)
            p->wanted[c] = digit(p, state, c);
        *power_w = power_for_rate_w(p, i, costs->uplink_bits / up_left_s);
        if (!(*power_w <= limit_w))
            *power_w = HUGE_VAL;
    }
}

/* The least power of device i and those before it on `state`, and what of it device i then takes.
 * */
static double split(struct division *p, int i, int state, int *taken_by_i)
{
    const double *before_w = &p->least_w[at_state(p, i - 1, 0)];
    const double *own_w = &p->power_w[at_state(p, i, 0)];
    double least_w = HUGE_VAL;
    int taken = 0, c = 0;

    for (int j = 0; j < p->n_classes; j++) {
        p->wanted[j] = digit(p, state, j);
        p->taken[j] = 0;
    }
    while (c < p->n_classes) {
        double sum_w = before_w[state - taken] + own_w[taken];
        if (sum_w < least_w) {
            least_w = sum_w;
            *taken_by_i = taken;
        }
        for (c = 0; c < p->n_classes; c++) { /* the next lot within the state */
            if (p->taken[c] < p->wanted[c]) {
                p->taken[c]++;
                taken += p->stride[c];
                break;
            }
            taken -= p->taken[c] * p->stride[c];
            p->taken[c] = 0;
        }
    }
    return least_w;
}

static void give(const struct division *p, int i, int lot, int *owner)
{
    for (int c = 0; c < p->n_classes; c++)
        for (int k = 0, left = digit(p, lot, c); left > 0; k++)
            if (p->class_of[k] == c && owner[k] < 0) {
                owner[k] = i;
                left--;
            }
}

static void trace_back(struct division *p, int *owner)
{
    int state = p->n_states - 1;

    for (int k = 0; k < p->cell->n_subchannels; k++)
        owner[k] = -1;
    for (int i = p->cell->n_devices - 1; i > 0; i--) {
        int lot = 0;
        split(p, i, state, &lot);
        give(p, i, lot, owner);
        state -= lot;
    }
    give(p, 0, state, owner);
}

bool division_can_meet(struct division *p, const struct cut_costs *costs, double up_s,
                       double down_s, int *owner)
{
    int n = p->cell->n_devices, all = p->n_states - 1, lot = 0;
    double limit_w = p->cell->problem->total_power_w * (1 + SLACK), least_w;

    for (int i = 0; i < n; i++) {
        fill_powers(p, costs, i, up_s, down_s);
        if (isinf(p->power_w[at_state(p, i, all)]))
            return false;
    }
    memcpy(p->least_w, p->power_w, (size_t)p->n_states * sizeof(double));
    for (int i = 1; i < n - 1; i++)
        for (int state = 0; state <= all; state++) {
            least_w = split(p, i, state, &lot);
            p->least_w[at_state(p, i, state)] = least_w <= limit_w ? least_w : HUGE_VAL;
        }
    least_w = n > 1 ? split(p, n - 1, all, &lot) : p->power_w[all];
    if (!(least_w <= limit_w))
        return false;
    trace_back(p, owner);
    return true;
}
