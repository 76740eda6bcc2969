/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/planning.h"

#include "edge-server/framework.h"

int planning_problem(struct problem *problem, const struct experiment *e, struct err *err)
{
    const struct framework *framework = framework_find(e->training.framework);
    if (!framework)
        return err_set(err, "there is no framework '%s'", e->training.framework);
    return problem_build(problem, e, framework->aggregation_ratio(e), framework->takes_turns, err);
}

int planning_solve(struct plan *plan, const struct problem *problem, const struct experiment *e,
                   const char *policy, const struct plan *previous, struct err *err)
{
    struct plan_options options = {
        .gap = e->scheduler.gap,
        .time_limit_s = e->scheduler.time_limit_s,
        .seed = e->seed,
        .previous = previous,
        .owners = e->scheduler.owners,
        .n_owners = e->scheduler.n_owners,
    };
    return plan_make(plan, problem, policy ? policy : e->scheduler.policy, &options, err);
}

struct experiment_choices planning_choices(void)
{
    return (struct experiment_choices){.frameworks = framework_names(), .policies = policy_names()};
}
