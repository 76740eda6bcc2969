/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "testbed/helpers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

/* Fits into a pipe, and into one write that is whole (PIPE_BUF). */
struct answer {
    bool is_done;
    double values[HELPER_VALUES];
    struct err err;
};
_Static_assert(sizeof(struct answer) <= 4096, "an answer is written whole");

/* One process. It says a byte on `answer_fd` when it is ready, waits for the end of `start_fd`, and says its answer. */
struct helper {
    pid_t pid;
    int answer_fd, start_fd;
    bool has_met;
};

static ssize_t read_all(int fd, void *to, size_t n)
{
    size_t got = 0;
    while (got < n) {
        ssize_t m = read(fd, (char *)to + got, n - got);
        if (m < 0 && errno == EINTR)
            continue;
        if (m <= 0)
            break;
        got += (size_t)m;
    }
    return (ssize_t)got;
}

void helper_meet(struct helper *helper)
{
    char byte = 0;
    if (helper->has_met)
        return;
    helper->has_met = true;
    if (write(helper->answer_fd, &byte, 1) == 1)
        read_all(helper->start_fd, &byte, 1);
}

static _Noreturn void work_and_leave(helper_work *work, const void *job, struct helper *self)
{
    struct answer answer = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL); /* what the parent does about them is not for this process */
    signal(SIGTERM, SIG_DFL);
    answer.is_done = work(job, self, answer.values, &answer.err) == 0;
    helper_meet(self); /* one that failed keeps nobody waiting */
    _exit(write(self->answer_fd, &answer, sizeof answer) == (ssize_t)sizeof answer ? 0 : 1);
}

/* start[0] is to be read by helpers, start[1] is the parent's. */
static int start_one(struct helper *helper, helper_work *work, const void *job, const int start[2],
                     struct err *err)
{
    int answer[2];
    if (pipe2(answer, O_CLOEXEC))
        return err_set_errno(err, "cannot make a pipe");
    pid_t pid = fork();
    if (pid == 0) {
        struct helper self = {.answer_fd = answer[1], .start_fd = start[0]};
        close(answer[0]);
        close(start[1]);
        work_and_leave(work, job, &self);
    }
    close(answer[1]);
    if (pid < 0) {
        close(answer[0]);
        return err_set_errno(err, "cannot start a process");
    }
    *helper = (struct helper){.pid = pid, .answer_fd = answer[0]};
    return 0;
}

/* Waits until there is something to read; false: told to stop meanwhile. */
static bool wait_for(int fd, int stop_fd)
{
    struct pollfd polled[] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    while (poll(polled, ARRAY_LEN(polled), -1) < 0 && errno == EINTR)
        ;
    return polled[1].revents == 0;
}

/* Every helper has something to say; if there is a wish to stop first they are ended. */
static bool wait_for_all(const struct helper *helpers, int n, int stop_fd)
{
    for (int i = 0; i < n; i++) {
        if (wait_for(helpers[i].answer_fd, stop_fd))
            continue;
        for (int k = 0; k < n; k++)
            kill(helpers[k].pid, SIGTERM);
        return false;
    }
    return true;
}

static int take_answer(const struct helper *helper, double *values, struct err *err)
{
    struct answer answer;
    if (read_all(helper->answer_fd, &answer, sizeof answer) != (ssize_t)sizeof answer)
        return err_set(err, "a process that measured died");
    memcpy(values, answer.values, sizeof answer.values);
    return answer.is_done ? 0 : err_set(err, "%s", answer.err.text);
}

/* Once all are ready or have failed they may begin. False: told to stop. */
static bool let_go(struct helper *helpers, int n, int start[2], int stop_fd)
{
    char byte;
    bool goes_on = wait_for_all(helpers, n, stop_fd);
    for (int i = 0; i < n && goes_on; i++)
        read_all(helpers[i].answer_fd, &byte, 1);
    close(start[0]);
    close(start[1]);
    return goes_on && wait_for_all(helpers, n, stop_fd);
}

int helpers_run(helper_work *work, const void *job, int n, double *values, int stop_fd,
                struct err *err)
{
    struct helper *helpers = mem_zero((size_t)n, sizeof *helpers);
    int start[2], status = 0, n_started = 0;
    if (pipe2(start, O_CLOEXEC)) {
        free(helpers);
        return err_set_errno(err, "cannot make a pipe");
    }
    while (n_started < n && !(status = start_one(&helpers[n_started], work, job, start, err)))
        n_started++;
    bool is_whole = let_go(helpers, n_started, start, stop_fd);
    if (!is_whole && !status)
        status = err_set(err, "stopped by a signal");
    for (int i = 0; i < n_started; i++) {
        int answered =
            is_whole ? take_answer(&helpers[i], values + i * HELPER_VALUES, status ? NULL : err)
                     : 0;
        status = answered ? answered : status;
        waitpid(helpers[i].pid, NULL, 0);
        close(helpers[i].answer_fd);
    }
    free(helpers);
    return status;
}
