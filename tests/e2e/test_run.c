/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `splitbed run` as a user sees it: real processes, sockets and data, and what happens when one dies. */
#include "tests/e2e/process.h"

#include <jansson.h>

#define CONFIG "configs/experiments/quickstart.yaml"
/* A plan in no time; the cut fixed, so that losses do not depend on how far planning got. */
#define QUICK                                                                                      \
    "--set", "scheduler.cuts=[pool2]", "--set", "scheduler.time_limit=0.2 s", "--set",             \
        "training.evaluate_every=0", "--set", "data.test_samples=200"

static char *make_dir(void)
{
    char *dir = mem_string("/tmp/splitbed-run-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return dir;
}

static void remove_dir(char *dir)
{
    char *command = mem_format("rm -r '%s'", dir);
    assert_int_equal(system(command), 0);
    free(command);
    free(dir);
}

static char *in(const char *dir, const char *name)
{
    return mem_format("%s/%s", dir, name);
}

/* Waits until `path` has more than n lines; fails when it takes too long. */
static void wait_for_lines(const char *path, int n)
{
    int64_t deadline_us = clock_now_us() + DEADLINE_US;
    while (n_lines(path) <= n) {
        if (clock_now_us() > deadline_us)
            fail_msg("%s did not grow past %d lines", path, n);
        poll(NULL, 0, 20);
    }
}

static struct process start_long_run(const char *dir)
{
    const char *const arguments[] = {"run", CONFIG, "--out", dir, "--set", "training.rounds=100000",
                                     QUICK, NULL};
    return process_start("splitbed", arguments);
}

static void assert_said(const struct process *p, const char *words)
{
    if (!strstr(p->output, words))
        fail_msg("'%s' is missing in: %s", words, p->output);
}

/* Each finished round is a whole row. */
static void assert_rows_are_whole(const char *dir)
{
    char *path = in(dir, "rounds.csv"), *text = file_text(path);
    assert_non_null(text);
    assert_true(strlen(text) > 0 && text[strlen(text) - 1] == '\n');
    free(text);
    free(path);
}

/* Column `wanted` of rounds.csv, the rows' values joined. */
static char *column(const char *dir, int wanted)
{
    char *path = in(dir, "rounds.csv"), *text = file_text(path), *joined = mem_string("");
    assert_non_null(text);
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;) {
        char *field = NULL;
        for (int i = 0; i <= wanted; i++)
            field = strsep(&line, ",");
        char *longer = mem_format("%s%s\n", joined, field);
        free(joined);
        joined = longer;
    }
    free(text);
    free(path);
    return joined;
}

static void run_short(const char *dir, const char *framework)
{
    const char *const arguments[] = {"run",   CONFIG,    "--out", dir, "--set", "training.rounds=3",
                                     "--set", framework, QUICK,   NULL};
    struct process p = process_start("splitbed", arguments);
    int status = process_end(&p);
    if (status != 0)
        fail_msg("exit status %d: %s", status, p.output);
    assert_said(&p, "3 rounds");
    assert_said(&p, "predicted ms");
    process_release(&p);
}

static void a_run_leaves_its_result_folder(void **state)
{
    (void)state;
    static const char *const files[] = {"config.yaml", "plan.json",  "plans.jsonl", "rounds.csv",
                                        "devices.csv", "trace.json", "log.txt"};
    static const char *const weights[] = {"back.safetensors", "front-pi-0.safetensors",
                                          "front-pi-4.safetensors"};
    char *dir = make_dir();
    run_short(dir, "training.framework=epsl");
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char *path = in(dir, files[i]);
        if (n_lines(path) == 0)
            fail_msg("%s is not there or empty", files[i]);
        free(path);
    }
    for (size_t i = 0; i < ARRAY_LEN(weights); i++) {
        char *path = in(dir, weights[i]);
        assert_int_equal(access(path, R_OK), 0);
        free(path);
    }
    char *rounds = in(dir, "rounds.csv"), *devices = in(dir, "devices.csv");
    assert_int_equal(n_lines(rounds), 1 + 3);
    assert_int_equal(n_lines(devices), 1 + 3 * 5);
    free(rounds);
    free(devices);
    remove_dir(dir);
}

static void the_same_seed_gives_the_same_losses(void **state)
{
    (void)state;
    static const char *const frameworks[] = {"training.framework=epsl", "training.framework=sl"};
    for (size_t i = 0; i < ARRAY_LEN(frameworks); i++) {
        char *a = make_dir(), *b = make_dir();
        run_short(a, frameworks[i]);
        run_short(b, frameworks[i]);
        char *a_losses = column(a, 2), *b_losses = column(b, 2);
        assert_string_equal(a_losses, b_losses);
        assert_non_null(strstr(a_losses, "loss\n2."));
        free(a_losses);
        free(b_losses);
        remove_dir(a);
        remove_dir(b);
    }
}

/* Twelve rounds on a channel that fades by the round, the plan made anew every second one. */
static void run_planning_again(const char *dir)
{
    const char *const arguments[] = {"run",   CONFIG,
                                     "--out", dir,
                                     "--set", "training.rounds=12",
                                     "--set", "training.evaluate_every=5",
                                     "--set", "data.test_samples=200",
                                     "--set", "devices.0.count=3",
                                     "--set", "devices.0.cycles_per_flop=1.8",
                                     "--set", "training.framework=psl",
                                     "--set", "training.momentum=0",
                                     "--set", "radio.fading_block=round",
                                     "--set", "radio.subchannels=3",
                                     "--set", "server.cycles_per_flop=0.01",
                                     "--set", "scheduler.every=2",
                                     "--set", "scheduler.policy=bcd",
                                     "--set", "scheduler.cuts=[pool1, pool2]",
                                     NULL};
    struct process p = process_start("splitbed", arguments);
    int status = process_end(&p);
    if (status != 0)
        fail_msg("exit status %d: %s", status, p.output);
    assert_said(&p, "12 rounds");
    process_release(&p);
}

static void plans_made_anew_are_kept_and_repeat(void **state)
{
    (void)state;
    char *a = make_dir(), *b = make_dir();
    run_planning_again(a);
    run_planning_again(b);
    for (int i = 1; i < 4; i++) { /* cut, loss, accuracy */
        char *a_column = column(a, i), *b_column = column(b, i);
        assert_string_equal(a_column, b_column);
        if (i == 1)
            assert_non_null(strstr(a_column, "3\n6\n")); /* to and fro */
        free(a_column);
        free(b_column);
    }
    char *plans = in(a, "plans.jsonl"), *text = file_text(plans);
    assert_int_equal(n_lines(plans), 6);
    assert_non_null(strstr(text, "{\"round\":1,\"status\":"));
    assert_non_null(strstr(text, "{\"round\":11,\"status\":"));
    free(text);
    free(plans);
    remove_dir(a);
    remove_dir(b);
}

static void a_folder_that_holds_a_run_is_left_alone(void **state)
{
    (void)state;
    char *dir = make_dir();
    run_short(dir, "training.framework=epsl");
    const char *const arguments[] = {"run", CONFIG, "--out", dir, NULL};
    struct process p = process_start("splitbed", arguments);
    assert_int_equal(process_end(&p), 1);
    assert_said(&p, "holds a run already");
    process_release(&p);
    remove_dir(dir);
}

static void the_resolved_config_reproduces_the_run(void **state)
{
    (void)state;
    char *a = make_dir(), *b = make_dir(), *config = in(a, "config.yaml");
    run_short(a, "training.framework=psl");
    const char *const arguments[] = {"run", config, "--out", b, NULL};
    struct process p = process_start("splitbed", arguments);
    assert_int_equal(process_end(&p), 0);
    char *a_losses = column(a, 2), *b_losses = column(b, 2);
    assert_string_equal(a_losses, b_losses);
    free(a_losses);
    free(b_losses);
    process_release(&p);
    free(config);
    remove_dir(a);
    remove_dir(b);
}

/* A document that a reader of JSON takes whole, whatever became of the run. */
static void assert_trace_is_whole(const char *dir)
{
    char *path = in(dir, "trace.json");
    json_error_t error;
    json_t *events = json_load_file(path, 0, &error);
    if (!events)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    assert_true(json_array_size(events) > 20);
    json_decref(events);
    free(path);
}

static void an_automatic_time_scale_is_found_said_and_kept(void **state)
{
    (void)state;
    char *dir = make_dir(), *config = in(dir, "config.yaml");
    const char *const arguments[] = {"run",   CONFIG,
                                     "--out", dir,
                                     "--set", "training.rounds=3",
                                     "--set", "testbed.time_scale=auto",
                                     QUICK,   NULL};
    struct process p = process_start("splitbed", arguments);
    int status = process_end(&p);
    if (status != 0)
        fail_msg("exit status %d: %s", status, p.output);
    const char *said = strstr(p.output, "time_scale ");
    assert_non_null(said);
    char *text = file_text(config), *kept = strstr(text, "\n  time_scale: ");
    assert_non_null(kept);
    double found = atof(said + strlen("time_scale "));
    assert_true(found >= 0.05);
    assert_true(atof(kept + strlen("\n  time_scale: ")) == found);
    assert_trace_is_whole(dir);
    free(text);
    free(config);
    process_release(&p);
    remove_dir(dir);
}

static void a_server_by_hand_wants_a_number_for_the_time_scale(void **state)
{
    (void)state;
    char *dir = make_dir();
    const char *const arguments[] = {CONFIG, "--out", dir, "--set", "testbed.time_scale=auto",
                                     NULL};
    struct process p = process_start("splitbed-server", arguments);
    assert_int_equal(process_end(&p), 1);
    assert_said(&p, "testbed.time_scale: auto is for `splitbed run`");
    process_release(&p);
    remove_dir(dir);
}

/* A run that may only end well, with up to four more settings. */
static void run_with(const char *dir, const char *const settings[4])
{
    const char *arguments[PROCESS_MAX_ARGS] = {"run", CONFIG, "--out", dir, QUICK};
    size_t n = 0;
    while (arguments[n])
        n++;
    for (size_t i = 0; i < 4 && settings[i]; i++) {
        arguments[n++] = "--set";
        arguments[n++] = settings[i];
    }
    struct process p = process_start("splitbed", arguments);
    int status = process_end(&p);
    if (status != 0)
        fail_msg("exit status %d: %s", status, p.output);
    process_release(&p);
}

/* The second run's steps move nothing, so its evaluation is that of what the first one left. */
static void a_run_starts_from_the_weights_another_left(void **state)
{
    (void)state;
    char *a = make_dir(), *b = make_dir();
    char *weights = mem_format("model.weights=%s", a);
    run_with(a, (const char *[4]){"training.rounds=3", "training.optimizer=adamw",
                                  "data.crop_padding=2", "training.server_learning_rate=1e-3"});
    run_with(b, (const char *[4]){"training.rounds=1", "training.device_learning_rate=1e-30",
                                  "training.server_learning_rate=1e-30", weights});
    char *a_loss = column(a, 4), *b_loss = column(b, 4);
    assert_memory_equal(a_loss, "test_loss\n\n\n2.", 14);
    assert_memory_equal(b_loss, "test_loss\n2.", 12);
    assert_string_equal(a_loss + 12, b_loss + 10);
    free(a_loss);
    free(b_loss);
    free(weights);
    remove_dir(a);
    remove_dir(b);
}

static void each_device_trains_on_a_folder_of_its_own(void **state)
{
    (void)state;
    char *dir = make_dir(), *data = make_dir(), *setting = mem_format("data.dir=%s", data);
    for (int i = 0; i < 5; i++) {
        char *link = mem_format("%s/pi-%d", data, i);
        assert_int_equal(symlink("/usr/share/datasets/fashion-mnist", link), 0);
        free(link);
    }
    const char *const settings[4] = {"training.rounds=2", "data.partition=local", setting};
    run_with(dir, settings);
    char *missing = mem_format("%s/pi-3", data), *again = make_dir();
    assert_int_equal(unlink(missing), 0);
    const char *const arguments[] = {
        "run",   CONFIG,  "--out", again, QUICK, "--set", "data.partition=local",
        "--set", setting, NULL};
    struct process p = process_start("splitbed", arguments);
    assert_int_equal(process_end(&p), 1);
    assert_said(&p, missing);
    process_release(&p);
    free(missing);
    free(setting);
    remove_dir(again);
    remove_dir(dir);
    remove_dir(data);
}

static void weights_that_are_not_there_are_refused(void **state)
{
    (void)state;
    char *dir = make_dir();
    const char *const arguments[] = {
        "run", CONFIG, "--out", dir, QUICK, "--set", "model.weights=/nowhere", NULL};
    struct process p = process_start("splitbed", arguments);
    assert_int_equal(process_end(&p), 2);
    assert_said(&p, "model.weights: /nowhere: ");
    process_release(&p);
    remove_dir(dir);
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
    struct process p = process_start("splitbed", arguments);
    assert_int_equal(process_end(&p), 1);
    assert_said(&p, "/nowhere");
    process_release(&p);
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
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct process p = process_start("splitbed", cases[i].arguments);
        int status = process_end(&p);
        if (status != 2)
            fail_msg("case %zu: exit status %d: %s", i, status, p.output);
        assert_said(&p, cases[i].said);
        process_release(&p);
    }
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
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct process agent = process_start("splitbed-agent", strangers[i]);
        assert_int_equal(process_end(&agent), 1);
        assert_said(&agent, said[i]);
        process_release(&agent);
    }
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
    struct process p = process_start("splitbed-agent", arguments);
    assert_int_equal(process_end(&p), 1);
    assert_said(&p, "the server is gone");
    process_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_leaves_its_result_folder),
        cmocka_unit_test(the_same_seed_gives_the_same_losses),
        cmocka_unit_test(plans_made_anew_are_kept_and_repeat),
        cmocka_unit_test(a_folder_that_holds_a_run_is_left_alone),
        cmocka_unit_test(the_resolved_config_reproduces_the_run),
        cmocka_unit_test(an_automatic_time_scale_is_found_said_and_kept),
        cmocka_unit_test(a_server_by_hand_wants_a_number_for_the_time_scale),
        cmocka_unit_test(a_run_starts_from_the_weights_another_left),
        cmocka_unit_test(each_device_trains_on_a_folder_of_its_own),
        cmocka_unit_test(weights_that_are_not_there_are_refused),
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
