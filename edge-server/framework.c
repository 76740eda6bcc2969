/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/framework.h"

#include <string.h>

#include "base/mem.h"

/* The table: one row a framework. */
#define FRAMEWORKS(ROW) ROW(sl) ROW(psl) ROW(epsl)

#define ROW_POINTER(name) &framework_##name,
#define ROW_NAME(name)    #name,
static const struct framework *const frameworks[] = {FRAMEWORKS(ROW_POINTER)};
static const char *const names[] = {FRAMEWORKS(ROW_NAME) NULL};

const struct framework *framework_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(frameworks); i++)
        if (strcmp(frameworks[i]->name, name) == 0)
            return frameworks[i];
    return NULL;
}

const char *const *framework_names(void)
{
    return names;
}

double framework_no_aggregation(const struct experiment *e)
{
    (void)e;
    return 0;
}

void framework_learn_plainly(struct back *back, enum aggregation aggregation, int n_slots)
{
    (void)aggregation;
    (void)n_slots;
    back_backward_last(back);
    back_backward_rest(back);
    back_update(back);
}
