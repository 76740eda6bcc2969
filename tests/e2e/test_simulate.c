/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `splitbed simulate` as a user sees it: files and losses of `splitbed run`, again and again the same. */
#include "tests/e2e/runs.h"

/* `command` with three rounds and up to three settings more, to its end. */
static void do_short(const char *command, const char *dir, const char *const more[3])
{
    const char *settings[] = {
        QUICK, "training.evaluate_every=2", "training.rounds=3", NULL, NULL, NULL, NULL};
    for (size_t i = 0; i < 3 && more[i]; i++)
        settings[ARRAY_LEN(settings) - 4 + i] = more[i];
    struct process p = run_with(command, dir, settings);
    assert_said(&p, "3 rounds");
    process_release(&p);
}

/* Columns round, cut, loss, accuracy, test_loss of rounds.csv. */
static char *losses_in(const char *dir)
{
    return columns(dir, 0, 5);
}

static void assert_same_file(const char *a_dir, const char *b_dir, const char *name)
{
    char *command = mem_format("cmp '%s/%s' '%s/%s'", a_dir, name, b_dir, name);
    assert_int_equal(system(command), 0);
    free(command);
}

static void losses_and_weights_are_those_of_a_run(void **state)
{
    (void)state;
    static const char *const settings[][3] = {
        {"training.framework=epsl", "training.momentum=0.9", NULL},
        {"training.framework=psl", "training.optimizer=adamw", "data.crop_padding=2"},
        {"training.framework=sl", "devices.0.count=3", NULL},
    };
    static const char *const weights[] = {"back.safetensors", "back.safetensors",
                                          "weights.safetensors"};
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        char *run = make_dir(), *simulation = make_dir();
        do_short("run", run, settings[i]);
        do_short("simulate", simulation, settings[i]);
        char *a = losses_in(run), *b = losses_in(simulation);
        assert_string_equal(a, b);
        assert_non_null(strstr(a, "\n3,"));
        assert_same_file(run, simulation, weights[i]);
        free(a);
        free(b);
        remove_dir(run);
        remove_dir(simulation);
    }
}

static void do_planning_again(const char *command, const char *dir)
{
    static const char *const settings[] = {PLANNING_AGAIN, "training.evaluate_every=0",
                                           "data.test_samples=100", NULL};
    struct process p = run_with(command, dir, settings);
    process_release(&p);
}

static void losses_are_those_of_a_run_that_plans_again_and_moves_the_cut(void **state)
{
    (void)state;
    char *run = make_dir(), *simulation = make_dir();
    do_planning_again("run", run);
    do_planning_again("simulate", simulation);
    char *a = losses_in(run), *b = losses_in(simulation);
    assert_string_equal(a, b);
    assert_true(strstr(a, ",3,") && strstr(a, ",6,")); /* it has moved */
    free(a);
    free(b);
    remove_dir(run);
    remove_dir(simulation);
}

static void the_same_simulation_gives_the_same_tables_to_the_byte(void **state)
{
    (void)state;
    static const char *const none[3] = {NULL};
    char *a = make_dir(), *b = make_dir();
    do_short("simulate", a, none);
    do_short("simulate", b, none);
    static const char *const files[] = {"rounds.csv", "devices.csv", "config.yaml",
                                        "back.safetensors", "front-pi-4.safetensors"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        assert_same_file(a, b, files[i]);
    char *plan = text_in(a, "plan.json"), *plans = text_in(a, "plans.jsonl"),
         *log = text_in(a, "log.txt");
    assert_non_null(strstr(plan, "\"pool2\""));
    free(plan);
    free(plans);
    free(log);
    remove_dir(a);
    remove_dir(b);
}

static void native_machines_are_simulated_as_modelled(void **state)
{
    (void)state;
    static const char *const native[] = {"testbed.compute=native", "testbed.link=native", NULL};
    static const char *const none[3] = {NULL};
    char *a = make_dir(), *b = make_dir();
    do_short("simulate", a, native);
    do_short("simulate", b, none);
    assert_same_file(a, b, "rounds.csv");
    remove_dir(a);
    remove_dir(b);
}

static void without_learning_no_data_are_wanted_and_there_are_no_losses(void **state)
{
    (void)state;
    static const char *const commands[] = {"simulate", "run"};
    static const char *const settings[] = {"training.learning=false", "data.dir=/nowhere", NULL};
    for (int i = 0; i < 2; i++) {
        char *dir = make_dir();
        do_short(commands[i], dir, settings);
        char *losses = losses_in(dir);
        assert_string_equal(losses,
                            "round,cut,loss,accuracy,test_loss,\n1,6,,,,\n2,6,,,,\n3,6,,,,\n");
        char *weights = mem_format("%s/back.safetensors", dir);
        assert_int_equal(access(weights, F_OK), -1);
        free(weights);
        free(losses);
        remove_dir(dir);
    }
}

static void an_interrupt_keeps_finished_rounds(void **state)
{
    (void)state;
    char *dir = make_dir(), *rounds = mem_format("%s/rounds.csv", dir);
    static const char *const settings[] = {QUICK, "training.evaluate_every=2",
                                           "training.rounds=1000000", NULL};
    struct process p = start_with("simulate", dir, settings);
    wait_for_lines(rounds, 2);
    kill(p.pid, SIGINT);
    assert_int_equal(process_end(&p), 1);
    assert_said(&p, "stopped by a signal");
    assert_said(&p, "ended early after");
    assert_said(&p, "Results: ");
    char *text = text_in(dir, "rounds.csv");
    assert_true(n_lines(rounds) >= 3 && text[strlen(text) - 1] == '\n');
    free(text);
    free(rounds);
    process_release(&p);
    remove_dir(dir);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    char *dir = make_dir(), *rounds = mem_format("%s/rounds.csv", dir);
    fclose(fopen(rounds, "w"));
    const struct {
        const char *arguments[6];
        int status;
        const char *words;
    } rows[] = {
        {{"simulate", NULL}, 2, "CONFIG"},
        {{"simulate", "/nowhere.yaml", NULL}, 2, "/nowhere.yaml"},
        {{"simulate", CONFIG, "--set", "training.learning=maybe", NULL},
         2,
         "training.learning: value 'maybe': must be true or false"},
        {{"simulate", CONFIG, "--out", dir, NULL}, 1, "holds a run already"},
        {{"simulate", CONFIG, "--out", "/dev/null/x", NULL}, 1, "/dev/null"},
        {{"simulate", "--help", NULL}, 0, "virtual clock"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_ends("splitbed", rows[i].arguments, rows[i].status, rows[i].words);
    free(rounds);
    remove_dir(dir);
}

static void data_that_are_missing_are_named(void **state)
{
    (void)state;
    char *dir = make_dir();
    static const char *const settings[] = {QUICK, "data.dir=/nowhere", NULL};
    struct process p = start_with("simulate", dir, settings);
    assert_int_equal(process_end(&p), 1);
    assert_said(&p, "/nowhere");
    process_release(&p);
    remove_dir(dir);
}

/* Five devices, the cut left open; one round, and of it only the times. */
static struct process plan_with(const char *policy, const char *time_limit)
{
    char *dir = make_dir();
    const char *const arguments[] = {"simulate", CONFIG,
                                     "--out",    dir,
                                     "--set",    "training.learning=false",
                                     "--set",    "training.rounds=1",
                                     "--set",    "testbed.trace_rounds=0",
                                     "--set",    policy,
                                     "--set",    time_limit,
                                     NULL};
    struct process p = process_start("splitbed", arguments);
    assert_int_equal(process_end(&p), 0);
    remove_dir(dir);
    return p;
}

static void the_time_limit_is_blamed_for_a_gap_only_where_it_ended_the_search(void **state)
{
    (void)state;
    static const char warning[] = "planning stopped at scheduler.time_limit";
    struct process p = plan_with("scheduler.policy=exact", "scheduler.time_limit=1 us");
    assert_said(&p, warning);
    process_release(&p);
    p = plan_with("scheduler.policy=equal", "scheduler.time_limit=1 us");
    assert_said(&p, "policy equal, feasible"); /* with a gap, then */
    assert_null(strstr(p.output, warning));
    process_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_weights_are_those_of_a_run),
        cmocka_unit_test(losses_are_those_of_a_run_that_plans_again_and_moves_the_cut),
        cmocka_unit_test(the_same_simulation_gives_the_same_tables_to_the_byte),
        cmocka_unit_test(native_machines_are_simulated_as_modelled),
        cmocka_unit_test(without_learning_no_data_are_wanted_and_there_are_no_losses),
        cmocka_unit_test(an_interrupt_keeps_finished_rounds),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(data_that_are_missing_are_named),
        cmocka_unit_test(the_time_limit_is_blamed_for_a_gap_only_where_it_ended_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
