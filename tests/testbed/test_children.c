/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processes of a run: started, watched, and never left behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "testbed/children.h"

static int start(struct children *children, const char *script, int keep_fd)
{
    struct err err = ERR_INIT;
    char shell[] = "/bin/sh", option[] = "-c", *copy = mem_string(script);
    char *argv[] = {shell, option, copy, NULL};
    struct child_start from = {script, argv, &keep_fd, keep_fd >= 0, -1};
    int index = children_start(children, &from, &err);
    if (index < 0)
        fail_msg("%s", err.text);
    free(copy);
    return index;
}

static void wait_for_end(struct children *children)
{
    while (!children_collect(children)) {
        struct pollfd p = {.fd = children->exit_fd, .events = POLLIN};
        int n = poll(&p, 1, 10000);
        assert_true(n == 1 || (n < 0 && errno == EINTR));
    }
}

static void their_end_is_seen_and_described(void **state)
{
    (void)state;
    static const struct {
        const char *script, *end;
        bool is_success;
    } cases[] = {{"exit 0", "ended with exit status 0", true},
                 {"exit 3", "ended with exit status 3", false},
                 {"kill -9 $$", "was killed by signal 9 (Killed)", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct children children;
        char end[80];
        assert_int_equal(children_init(&children, NULL), 0);
        int index = start(&children, cases[i].script, -1);
        wait_for_end(&children);
        assert_int_equal(children_n_running(&children), 0);
        assert_string_equal(child_describe_end(&children.list[index], end, sizeof end),
                            cases[i].end);
        assert_int_equal(child_succeeded(&children.list[index]), cases[i].is_success);
        children_release(&children, 1);
    }
}

static void release_ends_those_that_ignore_the_wish_to_stop(void **state)
{
    (void)state;
    struct children children;
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(children_init(&children, NULL), 0);
    char *script = mem_format("trap '' TERM; echo >&%d; while :; do sleep 60; done", ends[1]);
    int index = start(&children, script, ends[1]);
    pid_t pid = children.list[index].pid;
    assert_int_equal(read(ends[0], &byte, 1), 1); /* the trap is set */
    children_release(&children, 0.2);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    free(script);
    close(ends[0]);
    close(ends[1]);
}

static void a_program_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct children children;
    struct err err = ERR_INIT;
    char program[] = "/nowhere/splitbed-server";
    char *argv[] = {program, NULL};
    assert_int_equal(children_init(&children, NULL), 0);
    struct child_start start = {"server", argv, NULL, 0, -1};
    assert_int_equal(children_start(&children, &start, &err), -1);
    assert_non_null(strstr(err.text, "/nowhere/splitbed-server"));
    children_release(&children, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(their_end_is_seen_and_described),
        cmocka_unit_test(release_ends_those_that_ignore_the_wish_to_stop),
        cmocka_unit_test(a_program_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
