/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small problem with its plan, for tests of what becomes of plans. Include after cmocka.h. */
#ifndef TESTS_SCHEDULER_PLANNED_H
#define TESTS_SCHEDULER_PLANNED_H

#include "scheduler/plan.h"
#include "tests/scheduler/sample_problems.h"

static const struct plan_options defaults = {.gap = 0.005, .time_limit_s = 10};

struct planned {
    struct problem problem;
    struct plan plan;
};

static inline void planned_init(struct planned *p, bool takes_turns)
{
    struct err err = ERR_INIT;

    random_problem(&p->problem, 6, 3, 6, 4, 0.5);
    p->problem.takes_turns = takes_turns;
    if (plan_make(&p->plan, &p->problem, "exact", &defaults, &err))
        fail_msg("%s", err.text);
    assert_int_equal(plan_check(&p->plan, &p->problem, &err), 0);
}

static inline void planned_release(struct planned *p)
{
    plan_release(&p->plan);
    problem_release(&p->problem);
}

#endif
