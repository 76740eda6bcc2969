/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace.json under the rules of the reader it is for, at times of all kinds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "edge-server/trace_json.h"
#include "tests/edge-server/trace_rules.h"

enum { N_DEVICES = 4, N_ROUNDS = 60 };

static char names[N_DEVICES][8] = {"pi-0", "pi-1", "pi-2", "pi-3"};
static char experiment_name[] = "rules";
static struct experiment_device devices[N_DEVICES] = {
    {.name = names[0]}, {.name = names[1]}, {.name = names[2]}, {.name = names[3]}};
static struct experiment experiment = {.name = experiment_name,
                                       .devices = devices,
                                       .n_devices = N_DEVICES,
                                       .testbed = {.trace_rounds = N_ROUNDS, .time_scale = 1}};

/* Instants of no roundness, each after the last. */
static void fill_turn(struct round_record *r, int turn, struct rng *rng, double *us)
{
    int per_turn = N_DEVICES / r->n_turns, first = turn * per_turn;
    double *steps[] = {&r->turns[turn].start_us, &r->turns[turn].forward_us,
                       &r->turns[turn].backward_us, &r->turns[turn].gradients_us,
                       &r->turns[turn].broadcast_end_us};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        *steps[i] = *us += 3000 * rng_uniform(rng);
    double from_us = r->turns[turn].start_us, end_us = *us;
    for (int i = first; i < first + per_turn; i++) {
        double step_us = (r->turns[turn].forward_us - from_us) / 4;
        struct device_times *times = &r->devices[i].times;
        times->forward_us = from_us + step_us * rng_uniform(rng);
        times->forward_end_us = times->forward_us + step_us * rng_uniform(rng);
        times->arrived_us = times->forward_end_us + step_us * rng_uniform(rng);
        times->backward_us = end_us + 500 * rng_uniform(rng);
        times->backward_end_us = times->backward_us + 500 * rng_uniform(rng);
        times->done_us = times->backward_end_us + 500 * rng_uniform(rng);
        r->devices[i].uplink_bytes = 1000 + (uint64_t)i;
        r->devices[i].downlink_bytes = 500;
        *us = times->done_us > *us ? times->done_us : *us;
    }
}

static struct round_record some_round(uint32_t round, int n_turns, double start_us, struct rng *rng)
{
    struct round_record r;
    double us = 0;
    round_record_init(&r, N_DEVICES);
    r.round = round;
    r.start_us = start_us;
    r.n_turns = n_turns;
    r.broadcast_bytes = n_turns == 1 ? 99 : 0;
    r.has_learned = r.is_evaluated = true;
    r.loss = r.accuracy = 0.5;
    for (int turn = 0; turn < n_turns; turn++)
        fill_turn(&r, turn, rng, &us);
    for (int i = 0; i < N_DEVICES; i++) {
        r.devices[i].has_clock = round % 2 == 0;
        r.devices[i].clock_offset_s = round * 0.125;
    }
    r.measured_s = us * 1e-6;
    return r;
}

/* From a start that makes a double's last bit a large part of a nanosecond, or not. */
static json_t *trace_from(double start_us, int n_turns)
{
    struct strbuf text = STRBUF_INIT;
    struct rng rng;
    rng_seed(&rng, 7, 0);
    struct trace_json *trace = trace_json_new(&experiment, 100000);
    trace_json_begin(trace, &text);
    for (uint32_t round = 1; round <= N_ROUNDS; round++) {
        struct round_record r = some_round(round, n_turns, start_us, &rng);
        trace_json_add(trace, &r, &text);
        start_us += r.measured_s * 1e6 + 1000 * rng_uniform(&rng);
        round_record_release(&r);
    }
    strbuf_addf(&text, TRACE_JSON_END);
    assert_int_equal(text.text[text.n - 1], ']');
    json_error_t error;
    json_t *events = json_loads(text.text, JSON_REJECT_DUPLICATES, &error);
    if (!events)
        fail_msg("line %d: %s", error.line, error.text);
    trace_json_free(trace);
    strbuf_release(&text);
    return events;
}

static void a_trace_keeps_the_rules_of_its_readers(void **state)
{
    (void)state;
    static const double starts_us[] = {0, 1e6, 86400e6, 1e11};
    for (size_t i = 0; i < ARRAY_LEN(starts_us); i++)
        for (int n_turns = 1; n_turns <= N_DEVICES; n_turns += N_DEVICES - 1) {
            json_t *events = trace_from(starts_us[i], n_turns);
            trace_check_rules(events);
            json_decref(events);
        }
}

/* What is added later changes no number that was given before. */
static void numbers_of_tracks_stay_from_trace_to_trace(void **state)
{
    (void)state;
    json_t *all = trace_from(0, 1), *turns = trace_from(5, N_DEVICES);
    size_t i;
    const json_t *event;
    int n_names = 0;
    json_array_foreach(all, i, event)
    {
        if (strcmp(trace_text(event, "ph"), "M") != 0)
            break;
        assert_true(json_equal(event, json_array_get(turns, i)));
        n_names++;
    }
    assert_int_equal(n_names, 2 * (3 + 5 + N_DEVICES));
    json_decref(all);
    json_decref(turns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_keeps_the_rules_of_its_readers),
        cmocka_unit_test(numbers_of_tracks_stay_from_trace_to_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
