/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs as a user starts them, for end-to-end tests: output and exit status, children by name. */
#ifndef TESTS_E2E_PROCESS_H
#define TESTS_E2E_PROCESS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define PROCESS_MAX_ARGS 48
#define DEADLINE_US      30000000 /* nothing here may take longer */

struct process {
    pid_t pid;
    char *output_path; /* standard output and error, in one file */
    char *output;      /* once it ended */
};

/* SPLITBED_BIN/program with arguments up to NULL. */
static inline struct process process_start(const char *program, const char *const *arguments)
{
    struct process p = {.output_path = mem_string("/tmp/splitbed-e2e-XXXXXX")};
    const char *bin = getenv("SPLITBED_BIN");
    char *path = mem_format("%s/%s", bin ? bin : "build/release/bin", program);
    const char *argv[PROCESS_MAX_ARGS] = {path};
    for (int i = 0; arguments[i]; i++)
        argv[i + 1] = arguments[i];
    int fd = mkstemp(p.output_path);
    assert_true(fd >= 0);
    fflush(NULL);
    p.pid = fork();
    if (p.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing outlives a test that failed */
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execv(path, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(fd);
    free(path);
    return p;
}

static inline char *file_text(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = NULL;
    size_t n = 0, capacity = 0;
    int c;
    while ((c = fgetc(file)) != EOF) {
        text = mem_grow(text, n + 1, &capacity, 1);
        text[n++] = (char)c;
    }
    fclose(file);
    text = mem_resize(text, n + 1, 1);
    text[n] = '\0';
    return text;
}

/* Waits for the end; the exit status, or -signal. A program that hangs fails the test. */
static inline int process_end(struct process *p)
{
    int status = 0;
    int64_t deadline_us = clock_now_us() + DEADLINE_US;
    pid_t done;
    while ((done = waitpid(p->pid, &status, WNOHANG)) == 0 && clock_now_us() < deadline_us)
        poll(NULL, 0, 10);
    if (done == 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, &status, 0);
    }
    p->output = file_text(p->output_path);
    unlink(p->output_path);
    if (done == 0)
        fail_msg("a program hung; it said: %s", p->output);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static inline void process_release(struct process *p)
{
    free(p->output_path);
    free(p->output);
}

/* A child of `parent` whose command line contains `word` (0: none now). */
static inline pid_t find_child(pid_t parent, const char *word)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;
    while (!found && (entry = readdir(proc))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        char path[64], state;
        int ppid = 0;
        if (pid <= 0)
            continue;
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        char *stat = file_text(path);
        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
        char *command = file_text(path);
        const char *after_name = stat ? strrchr(stat, ')') : NULL;
        if (after_name && command && sscanf(after_name, ") %c %d", &state, &ppid) == 2 &&
            ppid == parent) {
            for (char *c = command; *c; c += strlen(c) + 1)
                if (strcmp(c, word) == 0 ||
                    (strrchr(c, '/') && strcmp(strrchr(c, '/') + 1, word) == 0))
                    found = pid;
        }
        free(stat);
        free(command);
    }
    closedir(proc);
    return found;
}

/* Lines of a file; 0 when it is not there. */
static inline int n_lines(const char *path)
{
    char *text = file_text(path);
    int n = 0;
    for (char *c = text; c && *c; c++)
        n += *c == '\n';
    free(text);
    return n;
}

#endif
