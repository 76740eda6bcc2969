/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/children.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/signal_fd.h"
#include "netns/netns.h"

int children_init(struct children *children, struct err *err)
{
    *children = (struct children){.exit_fd = signal_fd_open(SIGCHLD, err)};
    return children->exit_fd < 0 ? -1 : 0;
}

/* In the child, after fork(): only what may be called there. */
static void become(pid_t parent, const struct child_start *start)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127); /* the parent died before the line above */
    for (int i = 0; i < start->n_keep_fds; i++)
        fcntl(start->keep_fds[i], F_SETFD, 0);
    if (start->netns_fd < 0 || !netns_enter(start->netns_fd))
        execv(start->argv[0], start->argv);
    static const char complaint[] = "cannot start a program of the run\n";
    ssize_t n = write(STDERR_FILENO, complaint, sizeof complaint - 1);
    (void)n;
    _exit(127);
}

int children_start(struct children *children, const struct child_start *start, struct err *err)
{
    const char *program = start->argv[0];
    if (access(program, X_OK))
        return err_set_errno(err, "cannot start '%s'", program);
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return err_set_errno(err, "cannot start '%s'", program);
    if (pid == 0)
        become(parent, start);
    setpgid(pid, pid);
    children->list =
        mem_grow(children->list, children->n, &children->capacity, sizeof *children->list);
    children->list[children->n] =
        (struct child){.name = mem_string(start->name), .pid = pid, .is_running = true};
    return (int)children->n++;
}

bool children_collect(struct children *children)
{
    signal_fd_take(children->exit_fd); /* may stand for several children: each is asked */
    bool has_ended = false;
    for (size_t i = 0; i < children->n; i++) {
        struct child *child = &children->list[i];
        if (child->is_running && waitpid(child->pid, &child->wait_status, WNOHANG) == child->pid) {
            child->is_running = false;
            has_ended = true;
        }
    }
    return has_ended;
}

size_t children_n_running(const struct children *children)
{
    size_t n = 0;
    for (size_t i = 0; i < children->n; i++)
        n += children->list[i].is_running;
    return n;
}

void children_signal(struct children *children, int signal)
{
    for (size_t i = 0; i < children->n; i++)
        if (children->list[i].is_running)
            kill(children->list[i].pid, signal);
}

static void wait_for_all(struct children *children, double grace_s)
{
    int64_t end_us = clock_now_us() + (int64_t)(grace_s * 1e6);
    children_collect(children);
    while (children_n_running(children) > 0) {
        int64_t left_us = end_us - clock_now_us();
        if (left_us <= 0)
            return;
        struct pollfd p = {.fd = children->exit_fd, .events = POLLIN};
        poll(&p, 1, (int)(left_us / 1000 + 1));
        children_collect(children);
    }
}

void children_release(struct children *children, double grace_s)
{
    children_signal(children, SIGTERM);
    wait_for_all(children, grace_s);
    children_signal(children, SIGKILL);
    wait_for_all(children, grace_s);
    for (size_t i = 0; i < children->n; i++)
        free(children->list[i].name);
    free(children->list);
    *children = (struct children){.exit_fd = -1};
}

char *child_describe_end(const struct child *child, char *buf, size_t n)
{
    if (WIFSIGNALED(child->wait_status))
        snprintf(buf, n, "was killed by signal %d (%s)", WTERMSIG(child->wait_status),
                 strsignal(WTERMSIG(child->wait_status)));
    else
        snprintf(buf, n, "ended with exit status %d", WEXITSTATUS(child->wait_status));
    return buf;
}

bool child_succeeded(const struct child *child)
{
    return WIFEXITED(child->wait_status) && WEXITSTATUS(child->wait_status) == 0;
}
