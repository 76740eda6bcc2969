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

#include <jansson.h>

#include "base/mem.h"
#include "edge-server/air.h"
#include "edge-server/evaluation.h"
#include "edge-server/phase.h"
#include "edge-server/results.h"
#include "edge-server/summary.h"
#include "tests/link/near.h"

static char name_0[] = "d0", name_1[] = "d1";
static struct experiment_device devices[2] = {{.name = name_0}, {.name = name_1}};
static const struct experiment two_devices = {
    .devices = devices, .n_devices = 2, .testbed = {.time_scale = 2}};

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
    record.n_turns = 1;
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
    struct err err = ERR_INIT;
    char dir[] = "/tmp/splitbed-results-XXXXXX", lines[4][1024];
    assert_non_null(mkdtemp(dir));
    struct results *results = results_open(dir, &two_devices, false, &err);
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
    assert_true(strncmp(lines[1], "7,3,0.33333333333333331,,,1,4.5,3.5,", 36) == 0);
    assert_true(strncmp(lines[2], "7,3,0.33333333333333331,0.875,0,", 32) == 0);
    assert_string_equal(lines[3], "");
    read_lines(dir, "devices.csv", lines);
    for (int i = 1; i < 3; i++)
        assert_int_equal(n_columns(lines[i]), n_columns(lines[0]));
    assert_true(strncmp(lines[2], "7,1,d1,0.5,", 11) == 0);
    rmdir(dir);
    round_record_release(&record);
}

/* The value of a column of a row, "" included. */
static void cell(char lines[4][1024], int row, const char *wanted, char out[64])
{
    const char *name = lines[0], *value = lines[row];
    size_t n = strlen(wanted);
    while (strncmp(name, wanted, n) != 0 || !strchr(",\n", name[n])) {
        name = strchr(name, ',');
        if (!name)
            fail_msg("there is no column %s", wanted);
        name++;
        value = strchr(value, ',') + 1;
    }
    snprintf(out, 64, "%.*s", (int)strcspn(value, ",\n"), value);
}

static void assert_cell(char lines[4][1024], int row, const char *name, const char *wanted)
{
    char found[64];
    cell(lines, row, name, found);
    assert_string_equal(found, wanted);
}

static void differences_and_the_rates_asked_and_achieved_are_in_the_tables(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char dir[] = "/tmp/splitbed-results-XXXXXX", lines[4][1024];
    assert_non_null(mkdtemp(dir));
    struct results *results = results_open(dir, &two_devices, false, &err);
    struct round_record record = make_record(1);
    record.devices[0].uplink_bytes = 3000;
    record.devices[1].downlink_bytes = 500;
    record.measured.downlink_s[1] = 0.25;
    record.measured.broadcast_s = 0.5;
    record.broadcast_bytes = 125;
    record.asked.uplink_bps[0] = 96000;
    record.asked.downlink_bps[1] = 20000;
    record.asked.broadcast_bps = 1e6;
    assert_int_equal(results_write(results, &record, &err), 0);
    assert_int_equal(results_close(results, &err), 0);

    read_lines(dir, "devices.csv", lines);
    assert_cell(lines, 1, "uplink_predicted_s", "0.25");
    assert_cell(lines, 1, "uplink_measured_s", "0.75");
    assert_cell(lines, 1, "uplink_difference_s", "0.5");
    assert_cell(lines, 1, "uplink_bytes", "3000");
    assert_cell(lines, 1, "uplink_asked_bps", "96000");
    assert_cell(lines, 1, "uplink_achieved_bps", "32000");
    assert_cell(lines, 1, "downlink_asked_bps", "");
    assert_cell(lines, 1, "downlink_achieved_bps", "");
    assert_cell(lines, 2, "uplink_achieved_bps", "");
    assert_cell(lines, 2, "downlink_asked_bps", "20000");
    assert_cell(lines, 2, "downlink_achieved_bps", "16000");
    read_lines(dir, "rounds.csv", lines);
    assert_cell(lines, 1, "latency_difference_s", "0.5");
    assert_cell(lines, 1, "uplink_difference_s", "0.25");
    assert_cell(lines, 1, "server_forward_difference_s", "0");
    assert_cell(lines, 1, "broadcast_asked_bps", "1000000");
    assert_cell(lines, 1, "broadcast_achieved_bps", "2000");
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
    struct summary *summary = summary_new(&two_devices, false);
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
    assert_non_null(strstr(text.text, "1000.000     1500.000     +500.000    +50.0 %     50.0 %"));
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
    struct summary *summary = summary_new(&two_devices, false);
    struct strbuf text = STRBUF_INIT;
    struct round_record record = make_record(1);
    summary_add(summary, &record);
    summary_print(summary, &text);
    assert_non_null(strstr(text.text, "No overruns, no late rounds"));
    strbuf_release(&text);
    summary_free(summary);
    round_record_release(&record);
}

static struct offender worst_of(struct round_record *records, size_t n, uint64_t *n_large)
{
    struct summary *summary = summary_new(&two_devices, false);
    for (size_t i = 0; i < n; i++)
        summary_add(summary, &records[i]);
    struct offender worst = summary_worst(summary, n_large);
    summary_free(summary);
    return worst;
}

/* With two wall seconds a modelled one, over 1 ms and 5 % is large. */
static void the_worst_offender_is_the_farthest_off_of_those_over_both_bounds(void **state)
{
    (void)state;
    uint64_t n_large;
    struct round_record records[3];
    for (uint32_t i = 0; i < ARRAY_LEN(records); i++) {
        round_record_init(&records[i], 2);
        records[i].round = i + 1;
        records[i].predicted.downlink_s[0] = records[i].measured.downlink_s[0] = 10;
        records[i].predicted.uplink_s[1] = records[i].measured.uplink_s[1] = 0.010;
        records[i].predicted.server_forward_s = records[i].measured.server_forward_s = 0.1;
    }
    records[0].measured.downlink_s[0] = 10.4; /* 4 % */
    records[1].measured.uplink_s[1] = 0.0109; /* 0.9 ms: 1.8 ms of the wall's time */
    struct offender worst = worst_of(records, 3, &n_large);
    assert_int_equal(n_large, 0);
    assert_string_equal(worst.phase->key, "downlink"); /* the farthest off, though within bounds */
    assert_int_equal(worst.round, 1);

    records[1].measured.uplink_s[1] = 0.0085;
    worst = worst_of(records, 3, &n_large);
    assert_int_equal(n_large, 1);
    assert_string_equal(worst.phase->key, "uplink");
    assert_int_equal(worst.device, 1);
    assert_int_equal(worst.round, 2);
    assert_true(worst.predicted_s == 0.010 && worst.measured_s == 0.0085);

    records[2].measured.server_forward_s = 0.2;
    worst = worst_of(records, 3, &n_large);
    assert_int_equal(n_large, 2);
    assert_string_equal(worst.phase->key, "server_forward");
    assert_int_equal(worst.device, -1);
    assert_int_equal(worst.round, 3);
    for (size_t i = 0; i < ARRAY_LEN(records); i++)
        round_record_release(&records[i]);
}

static void a_summary_names_the_worst_offender_and_how_far_off_rounds_were(void **state)
{
    (void)state;
    struct summary *summary = summary_new(&two_devices, false);
    struct strbuf text = STRBUF_INIT;
    static const double measured_s[] = {0.98, 1.03, 1.3};
    for (uint32_t i = 0; i < 3; i++) {
        struct round_record record = make_record(i + 1);
        record.measured_s = measured_s[i];
        record.measured.uplink_s[0] = i == 1 ? 0.375 : 0.25;
        summary_add(summary, &record);
        round_record_release(&record);
    }
    summary_print(summary, &text);
    assert_non_null(strstr(text.text, "1030.000      +30.000     +3.0 %      3.0 %"));
    assert_non_null(strstr(text.text, "Worst: uplink of d0 in round 2: 250.000 predicted, 375.000 "
                                      "measured, +125.000 (+50.0 %)."));
    assert_non_null(strstr(text.text, "1 of 9 phases"));
    strbuf_release(&text);
    summary_free(summary);
}

static double number_at(const json_t *root, const char *object, const char *key)
{
    const json_t *value = json_object_get(json_object_get(root, object), key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* summary.json of a run that ended early. */
static json_t *saved(const struct summary *summary)
{
    struct err err = ERR_INIT;
    char path[] = "/tmp/splitbed-summary-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(summary_save(summary, false, path, &err), 0);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    unlink(path);
    return root;
}

/* Losses that are no numbers are null: the file stays JSON. */
static void a_saved_summary_holds_what_is_printed(void **state)
{
    (void)state;
    struct summary *summary = summary_new(&two_devices, false);
    for (uint32_t i = 0; i < 3; i++) {
        struct round_record record = make_record(i + 1);
        record.measured_s = record.predicted_s * (1 + 0.25 * i);
        record.measured.uplink_s[0] = record.predicted.uplink_s[0];
        record.measured.uplink_s[1] = 0.5 + (i == 1 ? 0.25 : 0.0625);
        record.n_overruns = i;
        record.is_late = i > 0;
        record.has_learned = true;
        record.loss = (double)NAN;
        summary_add(summary, &record);
        round_record_release(&record);
    }
    json_t *root = saved(summary);
    assert_true(json_is_false(json_object_get(root, "is_complete")));
    assert_int_equal(json_integer_value(json_object_get(root, "rounds")), 3);
    assert_int_equal(json_integer_value(json_object_get(root, "overruns")), 3);
    assert_int_equal(json_integer_value(json_object_get(root, "late_rounds")), 2);
    assert_true(json_is_null(json_object_get(root, "loss")));
    assert_true(number_at(root, "latency", "off") == 0.25);
    assert_true(number_at(root, "latency", "measured_s") ==
                1.25 * number_at(root, "latency", "predicted_s"));
    const json_t *phase_objects = json_object_get(root, "phases");
    assert_true(number_at(phase_objects, "uplink", "measured_s") ==
                number_at(phase_objects, "uplink", "predicted_s") + 0.0625);
    assert_null(json_object_get(phase_objects, "broadcast")); /* nothing predicted */
    const json_t *worst = json_object_get(root, "worst");
    assert_string_equal(json_string_value(json_object_get(worst, "phase")), "uplink");
    assert_string_equal(json_string_value(json_object_get(worst, "device")), "d1");
    assert_int_equal(json_integer_value(json_object_get(worst, "round")), 2);
    json_decref(root);
    struct err err = ERR_INIT;
    assert_int_equal(summary_save(summary, true, "/nowhere/summary.json", &err), -1);
    assert_non_null(strstr(err.text, "/nowhere/summary.json"));
    summary_free(summary);
}

/* A run that ended before its first round. */
static void a_summary_of_no_round_is_saved(void **state)
{
    (void)state;
    struct summary *summary = summary_new(&two_devices, false);
    json_t *root = saved(summary);
    assert_int_equal(json_integer_value(json_object_get(root, "rounds")), 0);
    assert_null(json_object_get(root, "latency"));
    json_decref(root);
    summary_free(summary);
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
    struct summary *summary = summary_new(&two_devices, false);
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

/* One whole thing that has arrived, or NULL. */
static void *arrived(struct air *air, double now_us, int *device)
{
    struct shaper_piece piece;
    if (!air_take(air, now_us, device, &piece))
        return NULL;
    assert_true(piece.is_last);
    assert_int_equal(piece.offset_bytes, 0);
    return piece.cookie;
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
    assert_null(arrived(air, 999, &device));
    assert_ptr_equal(arrived(air, 1000, &device), &cookies[0]);
    assert_int_equal(device, AIR_ALL);
    assert_near_us(air_wake_us(air), 2000);
    assert_ptr_equal(arrived(air, 2000, &device), &cookies[2]);
    assert_int_equal(device, 1);
    assert_ptr_equal(arrived(air, 3000, &device), &cookies[1]);
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
    struct shaper_piece piece;
    int cookies[3], device;
    air_send(air, 0, 1, 1, &cookies[0]); /* 1 ms each */
    air_send(air, 0, 1, 1, &cookies[1]);
    air_send(air, 0, 0, 3, &cookies[2]);
    assert_true(air_take(air, 1000, &device, &piece));
    assert_true(piece.is_last && piece.cookie == &cookies[0]);
    assert_false(air_take(air, 1000, &device, &piece));
    assert_near_us(air_wake_us(air), 2000);
    air_shift_clock(air, -1000);
    assert_near_us(air_wake_us(air), 1000);
    assert_true(air_take(air, 1000, &device, &piece));
    assert_true(piece.is_last && piece.cookie == &cookies[1]);
    assert_int_equal(device, 1);
    assert_true(air_take(air, 2000, &device, &piece));
    assert_true(piece.is_last && piece.cookie == &cookies[2]);
    assert_true(isinf(air_wake_us(air)));
    air_free(air);
}

static void what_is_on_the_air_arrives_in_pieces_if_asked(void **state)
{
    (void)state;
    double uplink[1] = {1}, downlink[1] = {8000};
    struct rates rates = {uplink, downlink, 8000}; /* a byte a millisecond */
    struct air *air = air_new(1, &rates);
    struct shaper_piece piece;
    int cookies[2], device;
    air_set_step(air, 2000);
    air_broadcast(air, 0, 8 * 6, &cookies[0]);
    air_send(air, 0, 0, 8 * 4, &cookies[1]);
    double due_us[] = {2000, 4000, 6000, 8000, 10000};
    for (size_t i = 0; i < ARRAY_LEN(due_us); i++) {
        assert_near_us(air_wake_us(air), due_us[i]);
        assert_false(air_take(air, due_us[i] - 1, &device, &piece));
        assert_true(air_take(air, due_us[i], &device, &piece));
        assert_int_equal(device, i < 3 ? AIR_ALL : 0);
        assert_ptr_equal(piece.cookie, &cookies[i >= 3]);
        assert_int_equal(piece.offset_bytes, i < 3 ? 2 * i : 2 * (i - 3));
        assert_int_equal(piece.n_bytes, 2);
        assert_int_equal(piece.is_last, i == 2 || i == 4);
    }
    assert_true(isinf(air_wake_us(air)));
    air_free(air);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phase_is_the_slowest_device_or_when_taking_turns_the_sum),
        cmocka_unit_test(rows_have_the_headers_columns_and_losses_keep_their_bits),
        cmocka_unit_test(differences_and_the_rates_asked_and_achieved_are_in_the_tables),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_an_error),
        cmocka_unit_test(a_summary_shows_medians_overruns_and_the_last_accuracy),
        cmocka_unit_test(a_machine_that_kept_up_is_told_so),
        cmocka_unit_test(the_worst_offender_is_the_farthest_off_of_those_over_both_bounds),
        cmocka_unit_test(a_summary_names_the_worst_offender_and_how_far_off_rounds_were),
        cmocka_unit_test(a_saved_summary_holds_what_is_printed),
        cmocka_unit_test(a_summary_of_no_round_is_saved),
        cmocka_unit_test(tables_that_are_there_are_not_written_over),
        cmocka_unit_test(an_empty_summary_says_so),
        cmocka_unit_test(evaluations_cover_the_test_set_as_asked),
        cmocka_unit_test(more_devices_than_test_samples_are_fine),
        cmocka_unit_test(a_broadcast_keeps_the_downlinks_waiting),
        cmocka_unit_test(messages_on_one_downlink_arrive_one_after_the_other),
        cmocka_unit_test(what_is_on_the_air_arrives_in_pieces_if_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
