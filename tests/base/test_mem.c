/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/mem.h"

static void zeroed_memory_is_zero(void **state)
{
    (void)state;
    unsigned char *p = mem_zero(100, 7);
    for (int i = 0; i < 700; i++)
        assert_int_equal(p[i], 0);
    free(p);
}

static void nothing_is_still_a_pointer_to_free(void **state)
{
    (void)state;
    free(mem_zero(0, 8));
    free(mem_zero(8, 0));
    free(mem_resize(NULL, 0, 4));
    free(mem_copy(NULL, 0));
}

static void growing_keeps_what_is_there(void **state)
{
    (void)state;
    int *p = NULL;
    size_t n = 0, capacity = 0;
    for (int i = 0; i < 1000; i++) {
        p = mem_grow(p, n, &capacity, sizeof *p);
        p[n++] = i;
        assert_true(n <= capacity);
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(p[i], i);
    free(p);
}

static void copies_are_equal_and_apart(void **state)
{
    (void)state;
    char text[] = "pi-03";
    char *s = mem_string(text), *c = mem_copy(text, 3), *f = mem_format("%s/%d", text, 7);
    text[0] = '#';
    assert_string_equal(s, "pi-03");
    assert_memory_equal(c, "pi-", 3);
    assert_string_equal(f, "pi-03/7");
    free(s);
    free(c);
    free(f);
}

/* In a child, since the promise is that the process ends. */
static void a_product_that_overflows_aborts(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(STDERR_FILENO);
        volatile size_t n = SIZE_MAX / 8 + 2; /* times 8 wraps to 8 */
        free(mem_zero(n, 8));
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_memory_is_zero),
        cmocka_unit_test(nothing_is_still_a_pointer_to_free),
        cmocka_unit_test(growing_keeps_what_is_there),
        cmocka_unit_test(copies_are_equal_and_apart),
        cmocka_unit_test(a_product_that_overflows_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
