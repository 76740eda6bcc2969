/* SPDX-License-Identifier: GPL-3.0-or-later */
/* testbed.time_scale: auto as a user sees it: rehearsals, their folders, and what happens when one is stopped. */
#include "tests/e2e/runs.h"

#define START                                                                                      \
    "run", CONFIG, "--set", "scheduler.cuts=[pool2]", "--set", "scheduler.time_limit=0.2 s",       \
        "--set", "training.evaluate_every=0", "--set", "data.test_samples=200", "--set",           \
        "testbed.time_scale=auto", "--out"

static json_t *summary_in(const char *dir, const char *folder)
{
    char *path = mem_format("%s/%ssummary.json", dir, folder);
    json_t *root = json_load_file(path, 0, NULL);
    if (!root)
        fail_msg("%s is not there, or no JSON", path);
    free(path);
    return root;
}

static double number_in(const json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void a_run_rehearses_and_keeps_what_it_found(void **state)
{
    (void)state;
    char *dir = make_dir();
    const char *const arguments[] = {START, dir, "--set", "training.rounds=3", NULL};
    struct process p = process_start("splitbed", arguments);
    int status = process_end(&p);
    if (status != 0)
        fail_msg("exit status %d: %s", status, p.output);
    const char *rehearsed = strstr(p.output, "rehearsing at time scale "),
               *found = strstr(p.output, ": time_scale ");
    assert_true(rehearsed && found && rehearsed < found);
    json_t *rehearsal = summary_in(dir, "rehearsal/"), *run = summary_in(dir, "");
    assert_true(number_in(rehearsal, "time_scale") ==
                atof(rehearsed + strlen("rehearsing at time scale ")));
    assert_true(number_in(rehearsal, "rounds") >= 5);
    assert_true(number_in(run, "time_scale") == atof(found + strlen(": time_scale ")));
    assert_int_equal(number_in(run, "rounds"), 3);
    assert_null(strstr(found, "rehearsing")); /* what is rehearsed says nothing of its own */
    assert_true(strstr(p.output, "3 rounds") && !strstr(p.output, "\n5 rounds"));
    json_decref(rehearsal);
    json_decref(run);
    process_release(&p);
    remove_dir(dir);
}

/* Waits until the rehearsal has rounds behind it. */
static void wait_for_rounds(const char *dir)
{
    int64_t deadline_us = clock_now_us() + DEADLINE_US;
    char *path = mem_format("%s/rehearsal/rounds.csv", dir);
    while (n_lines(path) < 2) {
        if (clock_now_us() > deadline_us)
            fail_msg("no round was rehearsed");
        poll(NULL, 0, 10);
    }
    free(path);
}

static bool has_ended(pid_t pid)
{
    int64_t deadline_us = clock_now_us() + DEADLINE_US;
    while (kill(pid, 0) == 0 && clock_now_us() < deadline_us)
        poll(NULL, 0, 10);
    return kill(pid, 0) != 0;
}

/* The process that rehearses is a child of the one that was started, its server a child of that. */
static void a_stop_amid_a_rehearsal_ends_all_of_it(void **state)
{
    (void)state;
    char *dir = make_dir();
    const char *const arguments[] = {START, dir, "--set", "training.rounds=9", NULL};
    struct process p = process_start("splitbed", arguments);
    wait_for_rounds(dir);
    pid_t stage = find_child(p.pid, "splitbed");
    pid_t server = stage ? find_child(stage, "splitbed-server") : 0;
    assert_true(stage && server);
    kill(p.pid, SIGINT);
    assert_int_equal(process_end(&p), 1);
    if (!strstr(p.output, "auto: stopped by a signal"))
        fail_msg("%s", p.output);
    assert_true(has_ended(stage) && has_ended(server));
    process_release(&p);

    struct process again = process_start("splitbed", arguments); /* into the same folder */
    int status = process_end(&again);
    if (status != 0)
        fail_msg("exit status %d: %s", status, again.output);
    char *second = mem_format("%s/rehearsal-2/summary.json", dir);
    assert_true(n_lines(second) > 0);
    free(second);
    process_release(&again);
    remove_dir(dir);
}

/* As for a run that cannot be: the server's reason, and where more of it stands. */
static void a_rehearsal_that_fails_says_why(void **state)
{
    (void)state;
    char *dir = make_dir();
    const char *const arguments[] = {START, dir, "--set", "testbed.listen=tcp://192.0.2.1:1", NULL};
    struct process p = process_start("splitbed", arguments);
    assert_int_equal(process_end(&p), 1);
    if (!strstr(p.output, "192.0.2.1") ||
        !strstr(p.output, "the rehearsal for testbed.time_scale: auto: the server ended with") ||
        !strstr(p.output, "/rehearsal"))
        fail_msg("%s", p.output);
    char *path = mem_format("%s/rehearsal/log.txt", dir), *text = file_text(path);
    assert_true(text && strstr(text, "192.0.2.1"));
    free(text);
    free(path);
    process_release(&p);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_rehearses_and_keeps_what_it_found),
        cmocka_unit_test(a_stop_amid_a_rehearsal_ends_all_of_it),
        cmocka_unit_test(a_rehearsal_that_fails_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
