/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a process asks of Linux to be woken when it is due, and that its children have it too. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testbed/promptness.h"

/* The first version of the kernel's struct sched_attr. */
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

static uint64_t slice_ns(void)
{
    struct scheduling scheduling = {0};
    return syscall(SYS_sched_getattr, 0, &scheduling, sizeof scheduling, 0) ? 0
                                                                            : scheduling.runtime_ns;
}

static void timers_have_no_slack_and_slices_are_short_in_children_too(void **state)
{
    (void)state;
    int status;
    prctl(PR_SET_TIMERSLACK, 50000UL);
    uint64_t before_ns =
        slice_ns(); /* 0: a kernel that does not tell, and has no slices to ask for */
    promptness_ask_for();
    pid_t child = fork();
    if (child == 0)
        _exit(prctl(PR_GET_TIMERSLACK) != 1 || (before_ns > 0 && slice_ns() != 100000));
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_have_no_slack_and_slices_are_short_in_children_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
