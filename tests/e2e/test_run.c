/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `splitbed run` as a user sees it: real processes, sockets and data, and what is in the result folder. */
#include "tests/e2e/runs.h"

static void run_short(const char *dir, const char *framework)
{
    const char *const settings[] = {QUICK, "training.evaluate_every=0", "training.rounds=3",
                                    framework, NULL};
    struct process p = run_with("run", dir, settings);
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
        char *a_losses = columns(a, 2, 3), *b_losses = columns(b, 2, 3);
        assert_string_equal(a_losses, b_losses);
        assert_non_null(strstr(a_losses, "loss,\n2."));
        free(a_losses);
        free(b_losses);
        remove_dir(a);
        remove_dir(b);
    }
}

static void run_planning_again(const char *dir)
{
    static const char *const settings[] = {PLANNING_AGAIN, "training.evaluate_every=5",
                                           "data.test_samples=200", "training.momentum=0", NULL};
    struct process p = run_with("run", dir, settings);
    assert_said(&p, "12 rounds");
    process_release(&p);
}

static void plans_made_anew_are_kept_and_repeat(void **state)
{
    (void)state;
    char *a = make_dir(), *b = make_dir();
    run_planning_again(a);
    run_planning_again(b);
    char *a_columns = columns(a, 1, 4), *b_columns = columns(b, 1, 4); /* cut, loss, accuracy */
    assert_string_equal(a_columns, b_columns);
    char *cuts = columns(a, 1, 2);
    assert_non_null(strstr(cuts, "3,\n6,\n")); /* to and fro */
    char *plans = in(a, "plans.jsonl"), *text = file_text(plans);
    assert_int_equal(n_lines(plans), 6);
    assert_non_null(strstr(text, "{\"round\":1,\"status\":"));
    assert_non_null(strstr(text, "{\"round\":11,\"status\":"));
    free(text);
    free(plans);
    free(cuts);
    free(a_columns);
    free(b_columns);
    remove_dir(a);
    remove_dir(b);
}

static void a_folder_that_holds_a_run_is_left_alone(void **state)
{
    (void)state;
    char *dir = make_dir();
    run_short(dir, "training.framework=epsl");
    const char *const arguments[] = {"run", CONFIG, "--out", dir, NULL};
    assert_ends("splitbed", arguments, 1, "holds a run already");
    remove_dir(dir);
}

static void the_resolved_config_reproduces_the_run(void **state)
{
    (void)state;
    char *a = make_dir(), *b = make_dir(), *config = in(a, "config.yaml");
    run_short(a, "training.framework=psl");
    const char *const arguments[] = {"run", config, "--out", b, NULL};
    assert_ends("splitbed", arguments, 0, "3 rounds");
    char *a_losses = columns(a, 2, 3), *b_losses = columns(b, 2, 3);
    assert_string_equal(a_losses, b_losses);
    free(a_losses);
    free(b_losses);
    free(config);
    remove_dir(a);
    remove_dir(b);
}

static void an_automatic_time_scale_is_found_said_and_kept(void **state)
{
    (void)state;
    static const char *const settings[] = {QUICK, "training.evaluate_every=0", "training.rounds=3",
                                           "testbed.time_scale=auto", NULL};
    char *dir = make_dir();
    struct process p = run_with("run", dir, settings);
    const char *said = strstr(p.output, "time_scale ");
    assert_non_null(said);
    char *text = text_in(dir, "config.yaml"), *kept = strstr(text, "\n  time_scale: ");
    assert_non_null(kept);
    double found = atof(said + strlen("time_scale "));
    assert_true(found >= 0.05);
    assert_true(atof(kept + strlen("\n  time_scale: ")) == found);
    assert_trace_is_whole(dir);
    free(text);
    process_release(&p);
    remove_dir(dir);
}

static void a_server_by_hand_wants_a_number_for_the_time_scale(void **state)
{
    (void)state;
    char *dir = make_dir();
    const char *const arguments[] = {CONFIG, "--out", dir, "--set", "testbed.time_scale=auto",
                                     NULL};
    assert_ends("splitbed-server", arguments, 1, "testbed.time_scale: auto is for `splitbed run`");
    remove_dir(dir);
}

/* The second run's steps move nothing, so its evaluation is that of what the first one left. */
static void a_run_starts_from_the_weights_another_left(void **state)
{
    (void)state;
    static const char before[] = "test_loss,\n,\n,\n", again_before[] = "test_loss,\n";
    char *a = make_dir(), *b = make_dir(), *weights = mem_format("model.weights=%s", a);
    const char *const first[] = {QUICK,
                                 "training.evaluate_every=0",
                                 "training.rounds=3",
                                 "training.optimizer=adamw",
                                 "data.crop_padding=2",
                                 "training.server_learning_rate=1e-3",
                                 NULL};
    const char *const second[] = {QUICK,
                                  "training.evaluate_every=0",
                                  "training.rounds=1",
                                  "training.device_learning_rate=1e-30",
                                  "training.server_learning_rate=1e-30",
                                  weights,
                                  NULL};
    struct process p = run_with("run", a, first), q = run_with("run", b, second);
    char *a_loss = columns(a, 4, 5), *b_loss = columns(b, 4, 5);
    const char *left = a_loss + strlen(before), *found = b_loss + strlen(again_before);
    assert_memory_equal(a_loss, before, strlen(before));
    assert_memory_equal(b_loss, again_before, strlen(again_before));
    assert_memory_equal(left, "2.", 2);
    assert_string_equal(left, found);
    process_release(&p);
    process_release(&q);
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
    const char *const settings[] = {
        QUICK, "training.evaluate_every=0", "training.rounds=2", "data.partition=local", setting,
        NULL};
    struct process p = run_with("run", dir, settings);
    process_release(&p);
    char *missing = in(data, "pi-3"), *again = make_dir();
    assert_int_equal(unlink(missing), 0);
    p = start_with("run", again, settings);
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
    const char *const settings[] = {QUICK, "model.weights=/nowhere", NULL};
    struct process p = start_with("run", dir, settings);
    assert_int_equal(process_end(&p), 2);
    assert_said(&p, "model.weights: /nowhere: ");
    process_release(&p);
    remove_dir(dir);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
