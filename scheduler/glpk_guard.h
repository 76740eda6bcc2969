/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GLPK without its manners: silent, and an internal error comes back as a status instead of
 * abort().
 *
 * After such an error GLPK's environment of the thread, and every glp_prob in it, is gone: whoever
 * holds one must forget it without glp_delete_prob(); glpk_generation() tells, because it has
 * changed.
 */
#ifndef SCHEDULER_GLPK_GUARD_H
#define SCHEDULER_GLPK_GUARD_H

/* Runs call(data) with GLPK's output off. 0, or -1 when GLPK gave up inside. */
int glpk_guard(void (*call)(void *data), void *data);

/* Counts the errors of this thread so far. */
unsigned glpk_generation(void);

#endif
