/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace.json, read back as any reader of JSON would: spans, counters, names, limits, and what a crash leaves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "edge-server/phase.h"
#include "edge-server/results.h"
#include "edge-server/trace_json.h"

#define N_DEVICES 3

static char plain[] = "pi-0", quoted[] = "a \"b\" \\ c\n\t\x01", greek[] = "\xce\xbb-2";
static char experiment_name[] = "one \"run\"";
static struct experiment_device devices[N_DEVICES] = {
    {.name = plain}, {.name = quoted}, {.name = greek}};
static struct experiment experiment = {.name = experiment_name,
                                       .devices = devices,
                                       .n_devices = N_DEVICES,
                                       .testbed = {.trace_rounds = 10, .time_scale = 1}};

/* All at once: broadcast and downlink, device 2 without a gradient of its own. Times off whole nanoseconds. */
static struct round_record parallel_round(uint32_t round)
{
    struct round_record r;
    round_record_init(&r, N_DEVICES);
    r.round = round;
    r.cut = 3;
    r.start_us = 1e6 * (round - 1) + 0.0004;
    r.has_learned = true;
    r.loss = 2.5 / round;
    r.n_turns = 1;
    r.turns[0] = (struct turn_times){0, 400.1234, 500.5, 700.0001, 720.0007};
    r.broadcast_bytes = 77;
    for (int i = 0; i < N_DEVICES; i++) {
        double late = i * 10.0003;
        r.devices[i].times =
            (struct device_times){0, 100 + late, 380 + late, 800 + late, 900 + late, 900 + late};
        r.devices[i].uplink_bytes = 1000 + (uint64_t)i;
        r.devices[i].downlink_bytes = i < 2 ? 50 : 0;
        r.predicted.device_forward_s[i] = 1e-4;
        r.measured.device_forward_s[i] = (100 + late) * 1e-6;
        r.measured.uplink_s[i] = 280e-6;
        r.measured.downlink_s[i] = (800 + late - 720.0007) * 1e-6;
        r.measured.device_backward_s[i] = 100e-6;
    }
    r.devices[2].times.arrived_us = 400.1234;
    r.measured.uplink_s[2] = (400.1234 - 120.0006) * 1e-6;
    r.measured.server_forward_s = 100.3766e-6;
    r.measured.server_backward_s = 199.5001e-6;
    r.measured.broadcast_s = 20.0006e-6;
    r.measured_s = 930e-6;
    r.predicted_s = 900e-6;
    return r;
}

/* One after the other, each 300 us, the first of which hand the front part down and the last 20 hand it up. */
static struct round_record turns_round(void)
{
    struct round_record r;
    round_record_init(&r, N_DEVICES);
    r.round = 1;
    r.n_turns = N_DEVICES;
    for (int i = 0; i < N_DEVICES; i++) {
        double at = 300.0 * i;
        r.turns[i] = (struct turn_times){at, at + 150, at + 160, at + 200, at + 200};
        r.devices[i].times =
            (struct device_times){at + 30, at + 90, at + 150, at + 250, at + 280, at + 300};
        r.devices[i].uplink_bytes = 10;
        r.devices[i].downlink_bytes = 10;
        r.measured.handover_s[i] = 50e-6;
    }
    r.measured_s = 900e-6;
    return r;
}

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *events = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!events)
        fail_msg("line %d: %s", error.line, error.text);
    assert_true(json_is_array(events));
    return events;
}

static json_t *trace_of(const struct round_record *records, size_t n, int max_events)
{
    struct strbuf text = STRBUF_INIT;
    struct trace_json *trace = trace_json_new(&experiment, max_events);
    trace_json_begin(trace, &text);
    for (size_t i = 0; i < n; i++)
        trace_json_add(trace, &records[i], &text);
    strbuf_addf(&text, TRACE_JSON_END);
    json_t *events = parse(text.text);
    trace_json_free(trace);
    strbuf_release(&text);
    return events;
}

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text ? text : "";
}

static double number_of(const json_t *event, const char *key)
{
    return json_number_value(json_object_get(event, key));
}

/* The thread's number by its name; checked to be there once. */
static int track_of(const json_t *events, const char *name)
{
    int track = -1;
    size_t i;
    const json_t *event;
    json_array_foreach(events, i, event)
    {
        const json_t *args = json_object_get(event, "args");
        if (strcmp(text_of(event, "name"), "thread_name") == 0 &&
            strcmp(text_of(args, "name"), name) == 0) {
            assert_int_equal(track, -1);
            track = (int)number_of(event, "tid");
        }
    }
    if (track < 0)
        fail_msg("there is no track '%s'", name);
    return track;
}

/* Sum of the track's spans of one name, us; checks that no two spans of the track overlap. */
static double walk_track(const json_t *events, int track, const char *name, double *all_us)
{
    double end_us = 0, sum_us = 0;
    size_t i;
    const json_t *event;
    *all_us = 0;
    json_array_foreach(events, i, event)
    {
        if (strcmp(text_of(event, "ph"), "X") != 0 || (int)number_of(event, "tid") != track)
            continue;
        double from_us = number_of(event, "ts"), dur_us = number_of(event, "dur");
        if (from_us < end_us - 1e-4)
            fail_msg("track %d: '%s' at %.4f overlaps the one before, to %.4f", track,
                     text_of(event, "name"), from_us, end_us);
        assert_true(dur_us > 0);
        end_us = from_us + dur_us;
        *all_us += dur_us;
        if (strcmp(text_of(event, "name"), name) == 0)
            sum_us += dur_us;
    }
    return sum_us;
}

static double span_us(const json_t *events, int track, const char *name)
{
    double all_us;
    return walk_track(events, track, name, &all_us);
}

/* A span's ends are rounded to whole nanoseconds; a few of them add up. */
static void assert_near(double found_us, double wanted_us)
{
    if (fabs(found_us - wanted_us) > 2e-3)
        fail_msg("%.6f us instead of %.6f", found_us, wanted_us);
}

static void a_devices_spans_cover_the_round_and_agree_with_the_record(void **state)
{
    (void)state;
    struct round_record r = parallel_round(1);
    json_t *events = trace_of(&r, 1, 1000);
    for (int i = 0; i < N_DEVICES; i++) {
        double all_us;
        int track = track_of(events, devices[i].name);
        walk_track(events, track, "", &all_us);
        assert_near(all_us, 930);
        const struct {
            const char *name;
            double measured_s;
        } spans[] = {
            {"forward", r.measured.device_forward_s[i]},   {"uplink", r.measured.uplink_s[i]},
            {"broadcast", r.measured.broadcast_s},         {"downlink", r.measured.downlink_s[i]},
            {"backward", r.measured.device_backward_s[i]}, {"hand-over", 0}};
        for (size_t k = 0; k < ARRAY_LEN(spans); k++)
            assert_near(span_us(events, track, spans[k].name), 1e6 * spans[k].measured_s);
    }
    int computing = track_of(events, "computing");
    assert_near(span_us(events, computing, "forward"), 100.3766);
    assert_near(span_us(events, computing, "backward"), 199.5001);
    assert_near(span_us(events, track_of(events, "rounds"), "round 1"), 930);
    assert_near(span_us(events, track_of(events, "broadcast"), "broadcast"), 20.0006);
    assert_near(span_us(events, track_of(events, "uplink"), "uplink"), 300.1234);
    json_decref(events);
    round_record_release(&r);
}

static void devices_that_take_turns_wait_for_theirs_and_hand_over(void **state)
{
    (void)state;
    struct round_record r = turns_round();
    json_t *events = trace_of(&r, 1, 1000);
    for (int i = 0; i < N_DEVICES; i++) {
        double all_us;
        int track = track_of(events, devices[i].name);
        double waiting_us = walk_track(events, track, "wait", &all_us);
        assert_near(all_us, 900);
        assert_near(waiting_us, 600 + 50); /* others' turns, the server */
        assert_near(span_us(events, track, "hand-over"), 50);
        assert_near(span_us(events, track, "downlink"), 50);
    }
    assert_near(span_us(events, track_of(events, "computing"), "backward"), 3 * 40);
    json_decref(events);
    round_record_release(&r);
}

/* Clocks that differ a little: an end before its start, and a start before the round's. */
static void spans_do_not_overlap_where_measured_times_contradict_each_other(void **state)
{
    (void)state;
    struct round_record r = parallel_round(1);
    double all_us;
    r.devices[0].times.forward_us = -3;
    r.devices[0].times.forward_end_us = 401;
    r.devices[0].times.backward_us = 719;
    r.devices[0].times.done_us = 931;
    json_t *events = trace_of(&r, 1, 1000);
    walk_track(events, track_of(events, plain), "", &all_us);
    assert_near(all_us, 930);
    json_decref(events);
    round_record_release(&r);
}

static void trips_of_messages_are_waiting_beside_passes_placed_by_their_stamps(void **state)
{
    (void)state;
    struct round_record r = parallel_round(1);
    r.measured.handover_s[1] =
        1e-6; /* it gained layers: nothing goes up behind the backward pass */
    for (int i = 0; i < 2; i++)
        r.devices[i].times = (struct device_times){30, 130, 380, 790, 890, 900};
    json_t *events = trace_of(&r, 1, 1000);
    for (int i = 0; i < 2; i++) {
        double all_us;
        int track = track_of(events, devices[i].name);
        double waiting_us = walk_track(events, track, "wait", &all_us);
        double handed_us = i == 1 ? 30 : 0;
        assert_near(all_us, 930);
        assert_near(span_us(events, track, "hand-over"), handed_us);
        assert_near(waiting_us, 30 - handed_us + (700.0001 - 380) + 10 + 30);
        assert_near(span_us(events, track, "uplink"), 250);
        assert_near(span_us(events, track, "downlink"), 790 - 720.0007);
    }
    json_decref(events);
    round_record_release(&r);
}

static void counters_start_from_and_come_back_to_zero(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double most;
    } counters[] = {
        {"uplink in flight", 3003}, {"downlink in flight", 100}, {"broadcast in flight", 77}};
    struct round_record records[] = {parallel_round(1), parallel_round(2)};
    json_t *events = trace_of(records, ARRAY_LEN(records), 1000);
    for (size_t k = 0; k < ARRAY_LEN(counters); k++) {
        double value = -1, most = 0, last_us = 0;
        size_t i;
        const json_t *event;
        json_array_foreach(events, i, event)
        {
            if (strcmp(text_of(event, "ph"), "C") != 0 ||
                strcmp(text_of(event, "name"), counters[k].name) != 0)
                continue;
            assert_true(number_of(event, "ts") > last_us);
            last_us = number_of(event, "ts");
            value = number_of(json_object_get(event, "args"), "bytes");
            assert_true(value >= 0);
            most = fmax(most, value);
        }
        assert_true(value == 0);
        assert_true(most == counters[k].most);
    }
    json_decref(events);
    for (size_t i = 0; i < ARRAY_LEN(records); i++)
        round_record_release(&records[i]);
}

static int n_named(const json_t *events, const char *phase, const char *start)
{
    int n = 0;
    size_t i;
    const json_t *event;
    json_array_foreach(events, i, event) n +=
        strcmp(text_of(event, "ph"), phase) == 0 &&
        strncmp(text_of(event, "name"), start, strlen(start)) == 0;
    return n;
}

/* The first device is 5 s ahead and asked again before round 3; of the second nobody knows. */
static void a_clock_is_told_once_for_each_time_it_was_asked(void **state)
{
    (void)state;
    struct round_record records[3];
    for (uint32_t i = 0; i < ARRAY_LEN(records); i++) {
        records[i] = parallel_round(i + 1);
        struct device_record *device = &records[i].devices[0];
        device->has_clock = true;
        device->clock_offset_s = i < 2 ? 5.0000124 : 5.0000524;
        device->clock_bound_s = 39.2e-6;
    }
    json_t *events = trace_of(records, ARRAY_LEN(records), 1000);
    assert_int_equal(n_named(events, "i", "clock offset"), 2);
    assert_int_equal(n_named(events, "i", "clock offset +5000012 us, at most 40 us off"), 1);
    assert_int_equal(n_named(events, "i", "clock offset +5000052 us, at most 40 us off"), 1);
    size_t i;
    const json_t *event;
    json_array_foreach(events, i, event)
    {
        if (strcmp(text_of(event, "ph"), "i") != 0)
            continue;
        const json_t *args = json_object_get(event, "args");
        bool is_first = number_of(event, "ts") < 1e6;
        assert_int_equal((int)number_of(event, "tid"), track_of(events, plain));
        assert_near(number_of(event, "ts"), is_first ? 0 : 2e6);
        assert_near(number_of(args, "offset_us"), is_first ? 5000012.4 : 5000052.4);
        assert_near(number_of(args, "bound_us"), 39.2);
    }
    json_decref(events);
    for (size_t k = 0; k < ARRAY_LEN(records); k++)
        round_record_release(&records[k]);
}

static void a_loss_that_is_no_number_leaves_the_document_valid(void **state)
{
    (void)state;
    struct round_record r = parallel_round(1);
    json_t *events = trace_of(&r, 1, 1000);
    assert_int_equal(n_named(events, "C", "loss"), 1);
    json_decref(events);
    r.loss = nan("");
    r.is_evaluated = true;
    r.accuracy = 0.5;
    events = trace_of(&r, 1, 1000);
    assert_int_equal(n_named(events, "C", "loss"), 0);
    assert_int_equal(n_named(events, "C", "accuracy"), 1);
    json_decref(events);
    round_record_release(&r);
}

static void names_of_any_kind_come_back_as_they_were(void **state)
{
    (void)state;
    json_t *events = trace_of(NULL, 0, 1000);
    for (int i = 0; i < N_DEVICES; i++)
        track_of(events, devices[i].name);
    assert_int_equal(n_named(events, "M", "process_name"), 3);
    json_decref(events);
}

static void rounds_past_the_limits_are_left_out_whole(void **state)
{
    (void)state;
    struct round_record records[12];
    for (uint32_t i = 0; i < ARRAY_LEN(records); i++)
        records[i] = parallel_round(i + 1);
    json_t *events = trace_of(records, ARRAY_LEN(records), 100000);
    int n_round = (int)json_array_size(events);
    assert_int_equal(n_named(events, "X", "round "), 10);
    assert_int_equal(n_named(events, "i", "the trace ends"), 0);
    json_decref(events);

    events = trace_of(records, 2, 100000);
    int n_two = (int)json_array_size(events);
    json_decref(events);
    events = trace_of(records, 1, 100000);
    int n_one = (int)json_array_size(events);
    json_decref(events);
    assert_true(n_one < n_two && n_two < n_round);
    events = trace_of(records, ARRAY_LEN(records), n_two - 1);
    assert_int_equal(json_array_size(events), n_one + 1);
    assert_int_equal(n_named(events, "X", "round "), 1);
    assert_int_equal(n_named(events, "i", "the trace ends"), 1);
    json_decref(events);
    events = trace_of(records, ARRAY_LEN(records), n_two);
    assert_int_equal(n_named(events, "X", "round "), 2);
    json_decref(events);
    for (size_t i = 0; i < ARRAY_LEN(records); i++)
        round_record_release(&records[i]);
}

static json_t *load(const char *dir)
{
    char *path = mem_format("%s/trace.json", dir);
    json_error_t error;
    json_t *events = json_load_file(path, 0, &error);
    if (!events)
        fail_msg("%s: line %d: %s", path, error.line, error.text);
    free(path);
    return events;
}

static void remove_results(const char *dir)
{
    static const char *const names[] = {"rounds.csv", "devices.csv", "trace.json"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = mem_format("%s/%s", dir, names[i]);
        unlink(path);
        free(path);
    }
    rmdir(dir);
}

/* Looked at while it grows: so a run that is killed leaves a document too. */
static void the_file_is_a_whole_document_after_every_round(void **state)
{
    (void)state;
    char dir[] = "/tmp/splitbed-trace-XXXXXX";
    struct err err = ERR_INIT;
    assert_non_null(mkdtemp(dir));
    struct results *results = results_open(dir, &experiment, false, &err);
    assert_non_null(results);
    for (uint32_t round = 1; round <= 12; round++) {
        struct round_record record = parallel_round(round);
        assert_int_equal(results_write(results, &record, &err), 0);
        json_t *events = load(dir);
        assert_int_equal(n_named(events, "X", "round "), round < 10 ? round : 10);
        json_decref(events);
        round_record_release(&record);
    }
    assert_int_equal(results_close(results, &err), 0);
    json_decref(load(dir));
    remove_results(dir);
}

static void without_rounds_to_trace_there_is_no_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/splitbed-trace-XXXXXX";
    struct err err = ERR_INIT;
    struct experiment e = experiment;
    e.testbed.trace_rounds = 0;
    assert_non_null(mkdtemp(dir));
    struct results *results = results_open(dir, &e, false, &err);
    struct round_record record = parallel_round(1);
    assert_int_equal(results_write(results, &record, &err), 0);
    assert_int_equal(results_close(results, &err), 0);
    char *path = mem_format("%s/trace.json", dir);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
    round_record_release(&record);
    remove_results(dir);
}

/* Instants far beyond what whole nanoseconds hold: still text that every reader takes. */
static void any_finite_instant_is_written_as_a_number(void **state)
{
    (void)state;
    static const double starts_us[] = {-1.7e308, -1e30, -1e16, -0.005, 1e15, 9.3e15, 1e40, 1.7e308};
    for (size_t k = 0; k < ARRAY_LEN(starts_us); k++) {
        struct round_record r = parallel_round(1);
        r.start_us = starts_us[k];
        r.measured_s = 1e40;
        r.devices[1].times.done_us = 1e46;
        json_t *events = trace_of(&r, 1, 1000);
        size_t i;
        const json_t *event;
        json_array_foreach(events, i, event)
        {
            double ts_us = number_of(event, "ts");
            assert_true(fabs(ts_us) <= 2e15 + 1 && number_of(event, "dur") >= 0);
            if (k == 3)
                assert_true(ts_us >= -0.0051);
        }
        json_decref(events);
        round_record_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_devices_spans_cover_the_round_and_agree_with_the_record),
        cmocka_unit_test(devices_that_take_turns_wait_for_theirs_and_hand_over),
        cmocka_unit_test(spans_do_not_overlap_where_measured_times_contradict_each_other),
        cmocka_unit_test(trips_of_messages_are_waiting_beside_passes_placed_by_their_stamps),
        cmocka_unit_test(a_clock_is_told_once_for_each_time_it_was_asked),
        cmocka_unit_test(counters_start_from_and_come_back_to_zero),
        cmocka_unit_test(a_loss_that_is_no_number_leaves_the_document_valid),
        cmocka_unit_test(names_of_any_kind_come_back_as_they_were),
        cmocka_unit_test(rounds_past_the_limits_are_left_out_whole),
        cmocka_unit_test(the_file_is_a_whole_document_after_every_round),
        cmocka_unit_test(without_rounds_to_trace_there_is_no_file),
        cmocka_unit_test(any_finite_instant_is_written_as_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
