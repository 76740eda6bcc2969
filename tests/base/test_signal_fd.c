/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signals seen through a file descriptor, whichever thread gets them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>

#include "base/signal_fd.h"

static void both_wishes_to_stop_make_it_readable(void **state)
{
    (void)state;
    int fd = signal_fd_open_stop(NULL);
    assert_true(fd >= 0);
    assert_false(signal_fd_came(fd));
    raise(SIGINT);
    assert_true(signal_fd_came(fd));
    assert_true(signal_fd_take(fd));
    assert_false(signal_fd_came(fd));
    raise(SIGTERM);
    assert_true(signal_fd_came(fd));
}

static void *raise_here(void *signal)
{
    raise(*(int *)signal);
    return NULL;
}

static void a_signal_taken_by_another_thread_counts(void **state)
{
    (void)state;
    int signal = SIGCHLD, fd = signal_fd_open(signal, NULL);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, raise_here, &signal), 0);
    pthread_join(thread, NULL);
    assert_true(signal_fd_came(fd));
}

static void no_descriptor_never_saw_one(void **state)
{
    (void)state;
    assert_false(signal_fd_came(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_wishes_to_stop_make_it_readable),
        cmocka_unit_test(a_signal_taken_by_another_thread_counts),
        cmocka_unit_test(no_descriptor_never_saw_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
