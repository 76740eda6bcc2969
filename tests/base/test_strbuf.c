/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/strbuf.h"

static void appends_in_order_and_ends_in_nul(void **state)
{
    (void)state;
    struct strbuf s = STRBUF_INIT;
    strbuf_add(&s, "abcdef", 3);
    strbuf_addf(&s, "-%d-%s", 42, "x");
    assert_string_equal(s.text, "abc-42-x");
    assert_int_equal(s.n, strlen(s.text));
    strbuf_release(&s);
}

static void an_empty_append_makes_an_empty_string(void **state)
{
    (void)state;
    struct strbuf s = STRBUF_INIT, t = STRBUF_INIT;
    strbuf_add(&s, NULL, 0);
    assert_string_equal(s.text, "");
    strbuf_addf(&t, "%s", "");
    assert_string_equal(t.text, "");
    strbuf_release(&s);
    strbuf_release(&t);
}

static void grows_far_beyond_its_first_size(void **state)
{
    (void)state;
    struct strbuf s = STRBUF_INIT;
    for (int i = 0; i < 20000; i++)
        strbuf_addf(&s, "%05d\n", i);
    assert_int_equal(s.n, 120000);
    assert_memory_equal(s.text + 6 * 19999, "19999\n", 7);
    strbuf_release(&s);
}

static void release_leaves_it_empty_and_usable(void **state)
{
    (void)state;
    struct strbuf s = STRBUF_INIT;
    strbuf_addf(&s, "x");
    strbuf_release(&s);
    assert_null(s.text);
    assert_int_equal(s.n, 0);
    strbuf_addf(&s, "y");
    assert_string_equal(s.text, "y");
    strbuf_release(&s);
    strbuf_release(&s);
}

static void bytes_may_hold_nul(void **state)
{
    (void)state;
    struct strbuf s = STRBUF_INIT;
    strbuf_add(&s, "a\0b", 3);
    strbuf_add(&s, "c", 1);
    assert_memory_equal(s.text, "a\0bc", 5);
    strbuf_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_in_order_and_ends_in_nul),
        cmocka_unit_test(an_empty_append_makes_an_empty_string),
        cmocka_unit_test(grows_far_beyond_its_first_size),
        cmocka_unit_test(release_leaves_it_empty_and_usable),
        cmocka_unit_test(bytes_may_hold_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
