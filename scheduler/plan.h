/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plan: cut layer, owner and power of every subchannel, and the latency it promises, with a
 * proven lower bound. Made by a policy, checked by plan_check() independently of it, written to
 * plan.json.
 */
#ifndef SCHEDULER_PLAN_H
#define SCHEDULER_PLAN_H

#include <stdint.h>

#include "base/strbuf.h"
#include "scheduler/latency.h"
#include "scheduler/problem.h"
#include "scheduler/u_shape.h"

enum plan_status {
    PLAN_OPTIMAL,   /* gap <= 0.5 % */
    PLAN_FEASIBLE,  /* valid, gap larger or unknown */
    PLAN_INFEASIBLE /* no valid plan; reason says why; an answer, not an error */
};

struct plan {
    int n_devices, n_subchannels; /* of the problem it was made for */
    enum plan_status status;
    char *policy;
    int cut;                   /* index into problem.cuts; -1: U-shaped, each device has two */
    int *owner;                /* [M] device, -1 unused (all -1 when taking turns) */
    double *psd_w_per_hz;      /* [M] p_k */
    double *turn_psd_w_per_hz; /* [C][M], each device's on its turn; NULL unless taking turns */
    struct u_plan *u;          /* cuts, shares and phases; NULL unless U-shaped */
    struct rates rates;
    double latency_s;
    double lower_bound_s; /* no valid plan of the problem is faster; 0 when nothing is known */
    double solve_s;
    bool
        is_out_of_time; /* it stopped at its time limit: another machine, or run, may find another plan */
    struct latency_terms terms;
    char *reason; /* PLAN_INFEASIBLE: which limits clash; else NULL */
};

struct plan_options {
    double gap;          /* a policy may stop at this relative gap */
    double time_limit_s; /* and must stop about here with the best it has */
    uint64_t seed;       /* for policies that draw */
    /* A plan to start from, or NULL; one of other numbers of devices or subchannels is an error.
     * Makes "exact" and "dual" no worse than its owners at its cut, and often faster; nothing else
     * rests on it. */
    const struct plan *previous;
    /* For "fixed": names of devices, subchannel by subchannel, from the start again when they run
     * out; n_owners 0: all devices in turn. Borrowed. */
    char *const *owners;
    int n_owners;
};

/* A scheduling policy: one file scheduler/policy_<name>.c, one row of the table in
 * scheduler/policy.c. */
struct policy {
    const char *name, *help;
    /*
     * Fills owner, psd, cut, lower_bound_s and status of a plan made by plan_init(); rates, terms
     * and latency are computed by plan_make() afterwards. 0, or -1 with err for trouble that is not
     * an infeasible problem.
     */
    int (*solve)(const struct problem *problem, const struct plan_options *options,
                 struct plan *plan, struct err *err);
    /* The same for U-shaped problems, filling plan->u; NULL: the policy does not apply to them. */
    int (*solve_u)(const struct problem *problem, const struct plan_options *options,
                   struct plan *plan, struct err *err);
};
/* 0, or -1 with err saying which policies do apply to the problem's shape. */
int policy_check_applies(const struct policy *policy, const struct problem *problem,
                         struct err *err);
const struct policy *policy_find(const char *name);
const struct policy *policy_at(int i); /* NULL past the last */
const char *const *policy_names(void); /* NULL-terminated, for experiment_choices */

/* Solves and checks: a plan that comes back other than infeasible has passed plan_check(). */
int plan_make(struct plan *plan, const struct problem *problem, const char *policy,
              const struct plan_options *options, struct err *err);
void plan_init(struct plan *plan, const struct problem *problem);
void plan_release(struct plan *plan);

double plan_gap(const struct plan *plan); /* (T - L) / T; 1 when nothing is known */

/*
 * Recomputes rates, terms and latency from cut, owners and powers alone and holds every constraint
 * against the problem (layers within the devices' memory, owners in range, powers >= 0, device and total limits within 1e-6 relative,
 * latency equal within 1e-9, lower bound not above the latency; of U-shaped plans two cuts in
 * order, shares >= 0 and together at most 1). The error says which and by how much.
 */
int plan_check(const struct plan *plan, const struct problem *problem, struct err *err);

/* plan.json as in docs/MODEL.md; and the table for the terminal: cut, subchannels, power, times,
 * gap. */
int plan_save(const struct plan *plan, const struct problem *problem, const char *path,
              struct err *err);
/* Appends plan.json's members, and the round from which the plan holds, as a line to a file of such. */
int plan_append(const struct plan *plan, const struct problem *problem, uint32_t round,
                const char *path, struct err *err);
void plan_print(const struct plan *plan, const struct problem *problem, struct strbuf *out);

#endif
