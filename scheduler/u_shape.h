/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * U-shaped split learning: head and tail of the network run on the device, so that labels never
 * leave it, and the body between them on the server. Every device has a pair of cuts (head, tail)
 * of its own and a share of the server's clock; the step ends with the slowest device. After Lyu et
 * al. (LSCRA), GLOBECOM Workshops 2023; the equations are those of docs/MODEL.md, a form derived
 * from the description of the system, not read in the paper. Used by plan.h, policy_u.c and
 * plan_check.c.
 */
#ifndef SCHEDULER_U_SHAPE_H
#define SCHEDULER_U_SHAPE_H

#include "scheduler/problem.h"

/* One step of one device, in the order in which it happens; all in seconds. */
enum u_phase {
    U_HEAD_FORWARD,    /* b kappa_i Phi_c^F(h) / f_i */
    U_ACTIVATION_UP,   /* b Psi_s(h) / R_i^U */
    U_BODY_FORWARD,    /* b kappa_s (Phi_s^F(h) - Phi_s^F(t)) / (x_i f_s) */
    U_ACTIVATION_DOWN, /* b Psi_s(t) / R_i^D */
    U_TAIL_FORWARD,    /* b kappa_i Phi_s^F(t) / f_i */
    U_TAIL_BACKWARD,   /* b kappa_i Phi_s^B(t) / f_i */
    U_GRADIENT_UP,     /* b Psi_g(t) / R_i^U */
    U_BODY_BACKWARD,   /* b kappa_s (Phi_s^B(h) - Phi_s^B(t)) / (x_i f_s) */
    U_GRADIENT_DOWN,   /* b Psi_g(h) / R_i^D */
    U_HEAD_BACKWARD,   /* b kappa_i Phi_c^B(h) / f_i */
    U_PHASES
};

extern const char *const u_phase_keys[U_PHASES]; /* as in plan.json: "head_forward_s", ... */

/* What a plan decides for a U-shaped problem. */
struct u_plan {
    int *head, *tail; /* [C] indices into problem.cuts, head < tail */
    double *share;    /* [C] x_i >= 0 of the server's clock, together at most 1 */
    double *phase_s;  /* [C][U_PHASES] */
    int n_devices;
};

struct u_plan *u_plan_new(int n_devices); /* first and second cut, shares and phases 0 */
void u_plan_free(struct u_plan *u);

/*
 * Fills the phases from cuts and shares, and returns the length of the step, the largest sum of a
 * device's phases; INFINITY when a device has work for the server and no share of it. A phase
 * without work is 0.
 */
double u_plan_evaluate(struct u_plan *u, const struct problem *problem);

/* One device's step at a pair of cuts: what takes the same time whatever the server does, and its
 * work. */
struct u_cost {
    double own_s;         /* a_i(h, t): computing on the device, four transfers */
    double server_cycles; /* c_i(h, t): body forward and backward */
    int head, tail;
};
struct u_cost u_cost_of(const struct problem *problem, int device, int head, int tail);

#endif
