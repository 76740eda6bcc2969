/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The measuring itself, for each framework: it comes to its end, measures something, and says what is missing. */
#include "tests/testbed/virtual_line.h"

#include "testbed/calibration.h"

static void load(struct line *line, const char *framework, const char *other)
{
    const char *const sets[] = {SMALL, framework, other, NULL};
    line_open(line, sets);
}

static void every_framework_is_measured(void **state)
{
    (void)state;
    static const char *const frameworks[] = {"training.framework=sl", "training.framework=psl",
                                             "training.framework=epsl"};
    for (size_t i = 0; i < ARRAY_LEN(frameworks); i++) {
        struct line line;
        struct machine_speed speed;
        struct err err = ERR_INIT;
        load(&line, frameworks[i], "server.threads=2");
        const struct schedule *schedule = &line.schedule;
        if (calibration_measure(&speed, &line.e, &schedule->problem, &schedule->plan, -1, &err))
            fail_msg("%s", err.text);
        assert_true(speed.n_cores >= 1);
        assert_true(speed.front_forward_s > 0 && speed.front_backward_s > 0);
        assert_true(speed.server_forward_s > 0 && speed.server_backward_s > 0);
        assert_true(speed.message_s > 0 && speed.byte_s >= 0);
        line_close(&line);
    }
}

static void data_that_are_missing_are_named(void **state)
{
    (void)state;
    struct line line;
    struct machine_speed speed;
    struct err err = ERR_INIT;
    load(&line, "training.framework=epsl", "scheduler.every=0");
    free(line.e.data.dir);
    line.e.data.dir = mem_string("/nowhere");
    const struct schedule *schedule = &line.schedule;
    assert_int_equal(
        calibration_measure(&speed, &line.e, &schedule->problem, &schedule->plan, -1, &err), -1);
    assert_non_null(strstr(err.text, "auto: "));
    assert_non_null(strstr(err.text, "/nowhere"));
    line_close(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_framework_is_measured),
        cmocka_unit_test(data_that_are_missing_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, line_remove_data);
}
