/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How `splitbed run` ends when it is stopped, when one of its processes dies, and when it is asked for what cannot be. */
#include "tests/e2e/runs.h"

static struct process start_long_run(const char *dir)
{
    static const char *const settings[] = {QUICK, "training.evaluate_every=0",
                                           "training.rounds=100000", NULL};
    return start_with("run", dir, settings);
}

/* Each finished round is a whole row. */
static void assert_rows_are_whole(const char *dir)
{
    char *text = text_in(dir, "rounds.csv");
    assert_true(strlen(text) > 0 && text[strlen(text) - 1] == '\n');
    free(text);
}

/* Kills the child called `word` after some rounds; the run has to end by itself, soon. */
static void kill_in_mid_run(const char *word, const char *message)
{
    char *dir = make_dir(), *rounds = in(dir, "rounds.csv");
    struct process p = start_long_run(dir);
    wait_for_lines(rounds, 3);
    pid_t victim = find_child(p.pid, word);
    assert_true(victim > 0);
    int64_t killed_us = clock_now_us();
    kill(victim, SIGKILL);
    assert_int_equal(process_end(&p), 1);
    assert_true(clock_now_us() - killed_us < 10000000);
    assert_said(&p, message);
    assert_said(&p, "killed by signal 9");
    assert_rows_are_whole(dir);
    assert_trace_is_whole(dir);
    assert_true(n_lines(rounds) > 3);
    process_release(&p);
    free(rounds);
    remove_dir(dir);
}

static void killing_an_agent_ends_the_run_with_a_message(void **state)
{
    (void)state;
    kill_in_mid_run("pi-2", "device pi-2");
}

static void killing_the_server_ends_the_run_with_a_message(void **state)
{
    (void)state;
    kill_in_mid_run("splitbed-server", "the server was killed");
}

static void an_interrupt_ends_the_run_in_order(void **state)
{
    (void)state;
    char *dir = make_dir(), *rounds = in(dir, "rounds.csv");
    struct process p = start_long_run(dir);
    wait_for_lines(rounds, 2);
    kill(p.pid, SIGINT);
    assert_int_equal(process_end(&p), 1);
    assert_said(&p, "stopped by a signal");
    assert_said(&p, "ended early");
    assert_rows_are_whole(dir);
    assert_trace_is_whole(dir);
    process_release(&p);
    free(rounds);
    remove_dir(dir);
}

static bool is_alive(pid_t pid)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    char *stat = file_text(path);
    bool alive = stat && !strstr(stat, ") Z");
    free(stat);
    return alive;
}

static void children_do_not_outlive_a_killed_run(void **state)
{
    (void)state;
    char *dir = make_dir(), *rounds = in(dir, "rounds.csv");
    struct process p = start_long_run(dir);
    wait_for_lines(rounds, 1);
    pid_t server = find_child(p.pid, "splitbed-server"), agent = find_child(p.pid, "pi-0");
    assert_true(server > 0 && agent > 0);
    kill(p.pid, SIGKILL);
    assert_int_equal(process_end(&p), -SIGKILL);
    int64_t deadline_us = clock_now_us() + 5000000;
    while ((is_alive(server) || is_alive(agent)) && clock_now_us() < deadline_us)
        poll(NULL, 0, 10);
    assert_false(is_alive(server));
    assert_false(is_alive(agent));
    process_release(&p);
    free(rounds);
    remove_dir(dir);
}

static void missing_data_are_named(void **state)
{
    (void)state;
    char *dir = make_dir();
    const char *const arguments[] = {"run", CONFIG, "--out", dir, "--set", "data.dir=/nowhere",
                                     NULL};
    assert_ends("splitbed", arguments, 1, "/nowhere");
    remove_dir(dir);
}

static void bad_usage_and_bad_configs_exit_with_2(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[6], *said;
    } cases[] = {
        {{"fly", NULL}, "there is no command 'fly'"},
        {{"run", NULL}, "CONFIG is missing"},
        {{"plan", NULL}, "either CONFIG or --problem"},
        {{"run", CONFIG, "--set", "training.roundz=5", NULL}, "did you mean 'rounds'"},
        {{"check", CONFIG, "--set", "training.framework=magic", NULL}, "sl, psl, epsl"},
        {{"check", "/nowhere.yaml", NULL}, "/nowhere.yaml"},
        {{"profile", "configs/models/lenet5.yaml", "--batch", "0", NULL}, "--batch: '0'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_ends("splitbed", cases[i].arguments, 2, cases[i].said);
}

static void a_strange_agent_is_told_and_the_run_goes_on(void **state)
{
    (void)state;
    char *dir = make_dir(), *rounds = in(dir, "rounds.csv"), *log = in(dir, "log.txt");
    struct process run = start_long_run(dir);
    wait_for_lines(rounds, 1);
    char *text = file_text(log), *address = strstr(text, "listening on ");
    assert_non_null(address);
    address += strlen("listening on ");
    address[strcspn(address, " ")] = '\0';
    const char *const strangers[][7] = {
        {"--server", address, "--name", "stranger", "--data", "/tmp", NULL},
        {"--server", address, "--name", "pi-1", "--data", "/tmp", NULL}};
    static const char *const said[] = {"no device 'stranger'", "already connected"};
    for (size_t i = 0; i < ARRAY_LEN(said); i++)
        assert_ends("splitbed-agent", strangers[i], 1, said[i]);
    wait_for_lines(rounds, n_lines(rounds) + 2);
    kill(run.pid, SIGTERM);
    assert_int_equal(process_end(&run), 1);
    process_release(&run);
    free(text);
    free(rounds);
    free(log);
    remove_dir(dir);
}

static void an_agent_without_a_server_gives_up(void **state)
{
    (void)state;
    static const char *const arguments[] = {
        "--server", "tcp://127.0.0.1:9", "--name", "pi-0", "--data",
        "/tmp",     "--timeout",         "0.3 s",  NULL};
    assert_ends("splitbed-agent", arguments, 1, "the server is gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killing_an_agent_ends_the_run_with_a_message),
        cmocka_unit_test(killing_the_server_ends_the_run_with_a_message),
        cmocka_unit_test(an_interrupt_ends_the_run_in_order),
        cmocka_unit_test(children_do_not_outlive_a_killed_run),
        cmocka_unit_test(missing_data_are_named),
        cmocka_unit_test(bad_usage_and_bad_configs_exit_with_2),
        cmocka_unit_test(a_strange_agent_is_told_and_the_run_goes_on),
        cmocka_unit_test(an_agent_without_a_server_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
