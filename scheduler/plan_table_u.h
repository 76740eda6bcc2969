/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of a U-shaped plan; used by plan_table.c alone. */
#ifndef SCHEDULER_PLAN_TABLE_U_H
#define SCHEDULER_PLAN_TABLE_U_H

#include "scheduler/plan.h"

/* Per device: its two cuts, its share of the server, and its step in four parts; appended to `out`.
 * */
void plan_print_u(const struct plan *plan, const struct problem *problem, struct strbuf *out);

#endif
