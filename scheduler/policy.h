/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What policies share, and the solve functions that the table in policy.c points at. To add a
 * policy: one file scheduler/policy_<name>.c, one line here, one row there.
 */
#ifndef SCHEDULER_POLICY_H
#define SCHEDULER_POLICY_H

#include "scheduler/cell.h"
#include "scheduler/plan.h"

int policy_auto_solve(const struct problem *problem, const struct plan_options *options,
                      struct plan *plan, struct err *err);
int policy_bcd_solve(const struct problem *problem, const struct plan_options *options,
                     struct plan *plan, struct err *err);
int policy_dual_solve(const struct problem *problem, const struct plan_options *options,
                      struct plan *plan, struct err *err);
int policy_equal_solve(const struct problem *problem, const struct plan_options *options,
                       struct plan *plan, struct err *err);
int policy_equal_in_cell_solve(const struct problem *problem, const struct plan_options *options,
                               struct plan *plan, struct err *err);
/* The same without a cell, where every gain is that of the whole band (policy_equal_flat.c). */
bool policy_equal_flat_applies(const struct problem *problem);
int policy_equal_flat_solve(const struct problem *problem, const struct plan_options *options,
                            struct plan *plan, struct err *err);
int policy_exact_solve(const struct problem *problem, const struct plan_options *options,
                       struct plan *plan, struct err *err);
int policy_fixed_solve(const struct problem *problem, const struct plan_options *options,
                       struct plan *plan, struct err *err);
int policy_rss_uniform_random_solve(const struct problem *problem,
                                    const struct plan_options *options, struct plan *plan,
                                    struct err *err);
int policy_rss_uniform_best_solve(const struct problem *problem, const struct plan_options *options,
                                  struct plan *plan, struct err *err);
int policy_rss_optimised_random_solve(const struct problem *problem,
                                      const struct plan_options *options, struct plan *plan,
                                      struct err *err);
int policy_rss_optimised_best_solve(const struct problem *problem,
                                    const struct plan_options *options, struct plan *plan,
                                    struct err *err);
int policy_greedy_uniform_random_solve(const struct problem *problem,
                                       const struct plan_options *options, struct plan *plan,
                                       struct err *err);
int policy_greedy_uniform_best_solve(const struct problem *problem,
                                     const struct plan_options *options, struct plan *plan,
                                     struct err *err);
int policy_greedy_optimised_random_solve(const struct problem *problem,
                                         const struct plan_options *options, struct plan *plan,
                                         struct err *err);
int policy_greedy_optimised_best_solve(const struct problem *problem,
                                       const struct plan_options *options, struct plan *plan,
                                       struct err *err);

/* The same on a cell that is there already (policy_with_cell()); for rivals.h. */
#define POLICY_SEARCH(NAME)                                                                        \
    void policy_##NAME##_search(const struct cell *cell, const int *partner,                       \
                                const struct plan_options *options, struct plan *plan)
POLICY_SEARCH(bcd);
POLICY_SEARCH(equal_in_cell);
POLICY_SEARCH(rss_uniform_random);
POLICY_SEARCH(rss_uniform_best);
POLICY_SEARCH(rss_optimised_random);
POLICY_SEARCH(rss_optimised_best);
POLICY_SEARCH(greedy_uniform_random);
POLICY_SEARCH(greedy_uniform_best);
POLICY_SEARCH(greedy_optimised_random);
POLICY_SEARCH(greedy_optimised_best);

/* U-shaped problems (policy_u.c). */
int policy_exact_solve_u(const struct problem *problem, const struct plan_options *options,
                         struct plan *plan, struct err *err);
int policy_equal_solve_u(const struct problem *problem, const struct plan_options *options,
                         struct plan *plan, struct err *err);

/* Devices taking turns; not in the table, plan_make() calls it whenever the problem takes turns. */
int policy_turns_solve(const struct problem *problem, const struct plan_options *options,
                       struct plan *plan, struct err *err);

/*
 * wanted[n_cuts]: false for a cut that costs at least as much as another in every number. Of cuts
 * with the same numbers (a convolution and the ReLU behind it) the last is wanted: more of the
 * network stays with the data.
 */
void policy_choose_cuts(const struct problem *problem, bool *wanted);

/*
 * Runs search() on the problem's cell with a usable subchannel of its own for every device,
 * partner[C]; or, when there is no such, makes the plan infeasible with the reason.
 */
void policy_with_cell(const struct problem *problem, const struct plan_options *options,
                      struct plan *plan,
                      void (*search)(const struct cell *cell, const int *partner,
                                     const struct plan_options *options, struct plan *plan));

/* Owners [M] at a cut with the best powers for them, and a bound. */
void policy_fill_plan(struct plan *plan, const struct cell *cell, const struct cut_costs *costs,
                      int cut, const int *owner, double bound_s);

/* No round of finite length was found: names the slowest device, its limit and the rate it would
 * need. */
void policy_explain_too_slow(struct plan *plan, const struct cell *cell);

/* The owners [M] of options->previous, repaired, when it is one of this cut; NULL when there are
 * none. To be freed. */
int *policy_previous_owners(const struct plan_options *options, const struct cell *cell,
                            const int *partner, int cut);

#endif
