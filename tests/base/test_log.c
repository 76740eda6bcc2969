/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"

static char path[] = "/tmp/splitbed-test-log-XXXXXX";
static char text[16384];

static const char *log_text(void)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

static int open_log(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    log_open("tester", LOG_ERROR);
    return log_to_file(path, NULL);
}

static int remove_log(void **state)
{
    (void)state;
    return unlink(path);
}

static void the_file_gets_every_level_with_who_and_time(void **state)
{
    (void)state;
    log_info("hello %d", 7);
    log_debug("quiet");
    log_warn("careful");
    assert_non_null(strstr(log_text(), " tester: hello 7\n"));
    assert_non_null(strstr(log_text(), " tester: debug: quiet\n"));
    assert_non_null(strstr(log_text(), " tester: warning: careful\n"));
}

static void long_lines_are_cut_and_still_end(void **state)
{
    (void)state;
    char line[5000];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    log_info("%s", line);
    log_open(line, LOG_ERROR);
    log_info("%s", line);
    log_open("tester", LOG_ERROR);
    const char *t = log_text();
    assert_int_equal(t[strlen(t) - 1], '\n');
    for (const char *start = t, *end; (end = strchr(start, '\n')); start = end + 1)
        assert_true(end - start < 2048);
}

static void a_file_that_cannot_be_opened_is_an_error(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(log_to_file("/nowhere/log.txt", &err), -1);
    assert_string_equal(err.text,
                        "cannot open the log '/nowhere/log.txt': No such file or directory");
    log_info("still here");
    assert_non_null(strstr(log_text(), "still here"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_gets_every_level_with_who_and_time),
        cmocka_unit_test(long_lines_are_cut_and_still_end),
        cmocka_unit_test(a_file_that_cannot_be_opened_is_an_error),
    };
    return cmocka_run_group_tests(tests, open_log, remove_log);
}
