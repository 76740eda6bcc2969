/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scheduler/glpk_guard.h"

#include <glpk.h>
#include <setjmp.h>
#include <stddef.h>

/* GLPK's own state is per thread, so what belongs to it must be too. */
static _Thread_local unsigned generation;

static void jump_out(void *info)
{
    longjmp(*(jmp_buf *)info, 1);
}

static int swallow(void *info, const char *text)
{
    (void)info;
    (void)text;
    return 1;
}

int glpk_guard(void (*call)(void *data), void *data)
{
    jmp_buf back;

    if (setjmp(back)) {
        generation++;
        glp_free_env();
        return -1;
    }
    glp_term_hook(swallow, NULL);
    glp_error_hook(jump_out, &back);
    call(data);
    glp_error_hook(NULL, NULL);
    return 0;
}

unsigned glpk_generation(void)
{
    return generation;
}
