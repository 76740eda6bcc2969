/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Functions in processes of their own: numbers and errors come back, whatever becomes of the process. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testbed/helpers.h"

/* Seen by all processes. */
struct shared {
    int n_ready, n_seen[3], order;
};

static struct shared *shared_memory(void)
{
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    return shared;
}

static int count_others(const void *job, struct helper *helper, double values[HELPER_VALUES],
                        struct err *err)
{
    struct shared *const *shared = job;
    (void)err;
    values[1] = __atomic_fetch_add(&(*shared)->n_ready, 1, __ATOMIC_SEQ_CST);
    helper_meet(helper);
    values[0] = __atomic_load_n(&(*shared)->n_ready, __ATOMIC_SEQ_CST);
    return 0;
}

static void assert_no_process_is_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void nobody_begins_before_all_are_ready(void **state)
{
    (void)state;
    struct shared *shared = shared_memory();
    struct err err = ERR_INIT;
    double values[3 * HELPER_VALUES] = {0};
    assert_int_equal(helpers_run(count_others, &shared, 3, values, -1, &err), 0);
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        assert_true(values[i * HELPER_VALUES] == 3);
        sum += values[i * HELPER_VALUES + 1];
    }
    assert_true(sum == 0 + 1 + 2);
    munmap(shared, sizeof *shared);
    assert_no_process_is_left();
}

/* The second to come fails before it is ready; the first waits for it. */
static int fail_second(const void *job, struct helper *helper, double values[HELPER_VALUES],
                       struct err *err)
{
    struct shared *const *shared = job;
    (void)values;
    if (__atomic_fetch_add(&(*shared)->order, 1, __ATOMIC_SEQ_CST) == 1)
        return err_set(err, "no room for %d", 7);
    helper_meet(helper);
    return 0;
}

static void one_that_fails_keeps_nobody_waiting_and_says_why(void **state)
{
    (void)state;
    struct shared *shared = shared_memory();
    struct err err = ERR_INIT;
    double values[2 * HELPER_VALUES];
    assert_int_equal(helpers_run(fail_second, &shared, 2, values, -1, &err), -1);
    assert_string_equal(err.text, "no room for 7");
    munmap(shared, sizeof *shared);
    assert_no_process_is_left();
}

static int die(const void *job, struct helper *helper, double values[HELPER_VALUES],
               struct err *err)
{
    (void)job;
    (void)helper;
    (void)values;
    (void)err;
    _exit(3);
}

static void one_that_dies_is_an_error(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    double values[HELPER_VALUES];
    assert_int_equal(helpers_run(die, NULL, 1, values, -1, &err), -1);
    assert_string_equal(err.text, "a process that measured died");
    assert_no_process_is_left();
}

static int wait_for_ever(const void *job, struct helper *helper, double values[HELPER_VALUES],
                         struct err *err)
{
    const int *stop = job;
    (void)values;
    (void)err;
    helper_meet(helper);
    if (write(stop[1], "", 1) == 1)
        for (;;)
            pause();
    return 0;
}

static void a_wish_to_stop_ends_them(void **state)
{
    (void)state;
    int stop[2];
    struct err err = ERR_INIT;
    double values[2 * HELPER_VALUES];
    assert_int_equal(pipe(stop), 0);
    assert_int_equal(helpers_run(wait_for_ever, stop, 2, values, stop[0], &err), -1);
    assert_string_equal(err.text, "stopped by a signal");
    assert_no_process_is_left();
    close(stop[0]);
    close(stop[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_begins_before_all_are_ready),
        cmocka_unit_test(one_that_fails_keeps_nobody_waiting_and_says_why),
        cmocka_unit_test(one_that_dies_is_an_error),
        cmocka_unit_test(a_wish_to_stop_ends_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
