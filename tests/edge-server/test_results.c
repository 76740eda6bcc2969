/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records to tables: phases, rounds.csv and devices.csv, the summary, evaluations, the air. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "edge-server/air.h"
#include "edge-server/evaluation.h"
#include "edge-server/phase.h"
#include "edge-server/results.h"
#include "edge-server/summary.h"
#include "tests/link/near.h"

static struct round_record make_record(uint32_t round)
{
    struct round_record record;
    round_record_init(&record, 2);
    record.predicted.uplink_s[0] = 0.25;
    record.predicted.uplink_s[1] = 0.5;
    record.predicted.server_forward_s = 0.125;
    record.measured.uplink_s[0] = 0.75;
    record.measured.uplink_s[1] = 0.5;
    record.measured.server_forward_s = 0.125;
    record.round = round;
    record.cut = 3;
    record.has_learned = true;
    record.plan_round = 5;
    record.predicted_s = 1;
    record.measured_s = 1 + 0.5 * round;
    record.loss = 1.0 / 3;
    record.devices[1].loss = 0.5;
    return record;
}

static void a_phase_is_the_slowest_device_or_when_taking_turns_the_sum(void **state)
{
    (void)state;
    struct round_record record = make_record(1);
    for (size_t i = 0; i < n_phases; i++)
        if (strcmp(phases[i].key, "uplink") == 0) {
            assert_true(phase_of_round(&phases[i], &record.predicted, false) == 0.5);
            assert_true(phase_of_round(&phases[i], &record.predicted, true) == 0.75);
            assert_true(phase_of_device(&phases[i], &record.measured, 0) == 0.75);
        }
    round_record_release(&record);
}

static void read_lines(const char *dir, const char *name, char lines[4][1024])
{
    char *path = mem_format("%s/%s", dir, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (int i = 0; i < 4; i++)
        if (!fgets(lines[i], 1024, file))
            lines[i][0] = '\0';
    fclose(file);
    unlink(path);
    free(path);
}

static int n_columns(const char *line)
{
    int n = 1;
    for (; *line; line++)
        n += *line == ',';
    return n;
}

static void rows_have_the_headers_columns_and_losses_keep_their_bits(void **state)
{
    (void)state;
    static char zero[] = "d0", one[] = "d1";
    struct experiment_device devices[2] = {{.name = zero}, {.name = one}};
    struct experiment e = {.devices = devices, .n_devices = 2};
    struct err err = ERR_INIT;
    char dir[] = "/tmp/splitbed-results-XXXXXX", lines[4][1024];
    assert_non_null(mkdtemp(dir));
    struct results *results = results_open(dir, &e, false, &err);
    assert_non_null(results);
    struct round_record record = make_record(7);
    assert_int_equal(results_write(results, &record, &err), 0);
    record.is_evaluated = true;
    record.accuracy = 0.875;
    assert_int_equal(results_write(results, &record, &err), 0);
    assert_int_equal(results_close(results, &err), 0);

    read_lines(dir, "rounds.csv", lines);
    for (int i = 1; i < 3; i++)
        assert_int_equal(n_columns(lines[i]), n_columns(lines[0]));
    assert_true(strncmp(lines[1], "7,3,0.33333333333333331,,,1,4.5,", 32) == 0);
    assert_true(strncmp(lines[2], "7,3,0.33333333333333331,0.875,0,", 32) == 0);
    assert_string_equal(lines[3], "");
    read_lines(dir, "devices.csv", lines);
    for (int i = 1; i < 3; i++)
        assert_int_equal(n_columns(lines[i]), n_columns(lines[0]));
    assert_true(strncmp(lines[2], "7,1,d1,0.5,", 11) == 0);
    rmdir(dir);
    round_record_release(&record);
}

static void a_folder_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct experiment e = {.n_devices = 0};
    struct err err = ERR_INIT;
    assert_null(results_open("/nowhere", &e, false, &err));
    assert_non_null(strstr(err.text, "/nowhere/rounds.csv"));
}

static void a_summary_shows_medians_overruns_and_the_last_accuracy(void **state)
{
    (void)state;
    struct summary *summary = summary_new(false);
    struct strbuf text = STRBUF_INIT;
    for (uint32_t i = 0; i < 3; i++) {
        struct round_record record = make_record(i);
        record.n_overruns = i == 1 ? 4 : 0;
        record.is_late = i == 2;
        record.is_evaluated = i < 2;
        record.accuracy = 0.25 * (i + 1);
        summary_add(summary, &record);
        round_record_release(&record);
    }
    summary_print(summary, &text);
    assert_non_null(strstr(text.text, "3 rounds"));
    assert_non_null(strstr(text.text, "test accuracy 50.00 %"));
    assert_non_null(strstr(text.text, "1000.000     1500.000     +500.000    +50.0 %"));
    assert_non_null(strstr(text.text, "in 1 of 3 rounds 4 passes"));
    assert_non_null(strstr(text.text, "LATE: 1 of 3 rounds"));
    assert_null(strstr(text.text, "kept up"));
    assert_null(strstr(text.text, "broadcast")); /* nothing predicted: no line */
    strbuf_release(&text);
    summary_free(summary);
}

static void a_machine_that_kept_up_is_told_so(void **state)
{
    (void)state;
    struct summary *summary = summary_new(false);
    struct strbuf text = STRBUF_INIT;
    struct round_record record = make_record(1);
    summary_add(summary, &record);
    summary_print(summary, &text);
    assert_non_null(strstr(text.text, "No overruns, no late rounds"));
    strbuf_release(&text);
    summary_free(summary);
    round_record_release(&record);
}

static void tables_that_are_there_are_not_written_over(void **state)
{
    (void)state;
    struct experiment e = {.n_devices = 0};
    struct err err = ERR_INIT;
    char dir[] = "/tmp/splitbed-results-XXXXXX", lines[4][1024];
    assert_non_null(mkdtemp(dir));
    struct results *results = results_open(dir, &e, false, &err);
    assert_int_equal(results_close(results, &err), 0);
    assert_null(results_open(dir, &e, false, &err));
    assert_non_null(strstr(err.text, "File exists"));
    read_lines(dir, "rounds.csv", lines);
    read_lines(dir, "devices.csv", lines);
    rmdir(dir);
}

static void an_empty_summary_says_so(void **state)
{
    (void)state;
    struct summary *summary = summary_new(false);
    struct strbuf text = STRBUF_INIT;
    summary_print(summary, &text);
    assert_string_equal(text.text, "No round was finished.\n");
    strbuf_release(&text);
    summary_free(summary);
}

/* Every test sample that the answers to an evaluation cover, counted. */
static void walk(struct evaluation *evaluation, int *n_seen)
{
    for (int i = 0; i < evaluation->n_devices; i++) {
        struct msg *msg;
        while ((msg = evaluation_ask(evaluation, i))) {
            const struct msg_evaluate *ask = &msg->evaluate;
            struct msg_evaluation answer = {ask->evaluation, ask->first, ask->n_samples};
            assert_true(evaluation_expects(evaluation, i, &answer));
            answer.first++;
            assert_false(evaluation_expects(evaluation, i, &answer));
            for (uint32_t k = 0; k < ask->n_samples; k++)
                n_seen[ask->first + k * ask->stride]++;
            evaluation_count(evaluation, i,
                             (struct loss){2.0 * ask->n_samples, (int)ask->n_samples - 1});
            msg_free(msg);
        }
    }
    assert_int_equal(evaluation->n_left, 0);
}

static void evaluations_cover_the_test_set_as_asked(void **state)
{
    (void)state;
    static const struct {
        bool by_every_device;
        int only, each;
    } cases[] = {{false, -1, 1}, {true, -1, 3}, {false, 2, 1}};
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        struct evaluation evaluation;
        int n_seen[11] = {0};
        evaluation_init(&evaluation, 3, 2);
        evaluation_start(&evaluation, 11, cases[k].by_every_device, cases[k].only);
        walk(&evaluation, n_seen);
        for (size_t i = 0; i < ARRAY_LEN(n_seen); i++)
            assert_int_equal(n_seen[i], cases[k].each);
        assert_true(evaluation_loss(&evaluation) == 2);
        evaluation_release(&evaluation);
    }
}

static void more_devices_than_test_samples_are_fine(void **state)
{
    (void)state;
    struct evaluation evaluation;
    int n_seen[2] = {0};
    evaluation_init(&evaluation, 5, 4);
    evaluation_start(&evaluation, 2, false, -1);
    assert_int_equal(evaluation.n_left, 2);
    walk(&evaluation, n_seen);
    assert_int_equal(n_seen[0] + n_seen[1], 2);
    evaluation_release(&evaluation);
}

static void a_broadcast_keeps_the_downlinks_waiting(void **state)
{
    (void)state;
    double uplink[2] = {1, 1}, downlink[2] = {1000, 2000};
    struct rates rates = {uplink, downlink, 4000};
    struct air *air = air_new(2, &rates);
    int cookies[3], device;
    air_broadcast(air, 0, 4, &cookies[0]); /* 1 ms */
    air_send(air, 0, 0, 2, &cookies[1]);   /* then 2 ms */
    air_send(air, 0, 1, 2, &cookies[2]);   /* then 1 ms */
    assert_near_us(air_wake_us(air), 1000);
    assert_null(air_pop(air, 999, &device));
    assert_ptr_equal(air_pop(air, 1000, &device), &cookies[0]);
    assert_int_equal(device, AIR_ALL);
    assert_near_us(air_wake_us(air), 2000);
    assert_ptr_equal(air_pop(air, 2000, &device), &cookies[2]);
    assert_int_equal(device, 1);
    assert_ptr_equal(air_pop(air, 3000, &device), &cookies[1]);
    assert_int_equal(device, 0);
    assert_true(isinf(air_wake_us(air)));
    air_free(air);
}

static void messages_on_one_downlink_arrive_one_after_the_other(void **state)
{
    (void)state;
    double uplink[2] = {1, 1}, downlink[2] = {1000, 1000};
    struct rates rates = {uplink, downlink, 1000};
    struct air *air = air_new(2, &rates);
    int cookies[3], device;
    air_send(air, 0, 1, 1, &cookies[0]); /* 1 ms each */
    air_send(air, 0, 1, 1, &cookies[1]);
    air_send(air, 0, 0, 3, &cookies[2]);
    assert_ptr_equal(air_pop(air, 1000, &device), &cookies[0]);
    assert_null(air_pop(air, 1000, &device));
    assert_near_us(air_wake_us(air), 2000);
    air_shift_clock(air, -1000);
    assert_near_us(air_wake_us(air), 1000);
    assert_ptr_equal(air_pop(air, 1000, &device), &cookies[1]);
    assert_int_equal(device, 1);
    assert_ptr_equal(air_pop(air, 2000, &device), &cookies[2]);
    assert_true(isinf(air_wake_us(air)));
    air_free(air);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phase_is_the_slowest_device_or_when_taking_turns_the_sum),
        cmocka_unit_test(rows_have_the_headers_columns_and_losses_keep_their_bits),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_an_error),
        cmocka_unit_test(a_summary_shows_medians_overruns_and_the_last_accuracy),
        cmocka_unit_test(a_machine_that_kept_up_is_told_so),
        cmocka_unit_test(tables_that_are_there_are_not_written_over),
        cmocka_unit_test(an_empty_summary_says_so),
        cmocka_unit_test(evaluations_cover_the_test_set_as_asked),
        cmocka_unit_test(more_devices_than_test_samples_are_fine),
        cmocka_unit_test(a_broadcast_keeps_the_downlinks_waiting),
        cmocka_unit_test(messages_on_one_downlink_arrive_one_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
