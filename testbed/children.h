/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The processes of a run. They never outlive it: the kernel kills them when the parent dies, however it
 * dies, and children_release() ends those that are left. Each is in a process group of its own, so that
 * Ctrl-C reaches the parent alone, which ends the run in order.
 */
#ifndef TESTBED_CHILDREN_H
#define TESTBED_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct child {
    char *name;
    pid_t pid;
    bool is_running;
    int wait_status; /* as of waitpid(), once not running */
};

struct children {
    struct child *list;
    size_t n, capacity;
    int exit_fd; /* readable when some child has ended (SIGCHLD); stays open */
};

/* Takes over SIGCHLD; once in a program. */
int children_init(struct children *children, struct err *err);

/*
 * Starts argv[0] (a path). keep_fd >= 0 stays open in the child under the same number. Returns the child's
 * index, or -1.
 */
int children_start(struct children *children, const char *name, char *const *argv, int keep_fd,
                   struct err *err);

/* Notes what has ended since; true when something had. */
bool children_collect(struct children *children);
size_t children_n_running(const struct children *children);

void children_signal(struct children *children, int signal); /* all that run */

/* SIGTERM, at most grace_s for them to go, then SIGKILL; frees. */
void children_release(struct children *children, double grace_s);

/* "exit status 1", "killed by signal 9 (Killed)" into buf; returns buf. */
char *child_describe_end(const struct child *child, char *buf, size_t n);
bool child_succeeded(const struct child *child);

#endif
