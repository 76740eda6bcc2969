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

struct child_start {
    const char *name;
    char *const *argv;   /* argv[0] is a path */
    const int *keep_fds; /* [n_keep_fds] that stay open in the child under the same numbers */
    int n_keep_fds;
    int netns_fd; /* network namespace to be in; -1: the caller's */
};

/* Returns the child's index, or -1. */
int children_start(struct children *children, const struct child_start *start, struct err *err);

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
