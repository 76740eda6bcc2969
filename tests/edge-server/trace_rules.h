/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Perfetto's importer of trace events asks for (its trace processor's importers/json and slice_tracker), as a
 * check of a whole trace.json: whatever breaks one of these rules, it drops, or counts as an error of the trace.
 * Include cmocka before.
 */
#ifndef TESTS_EDGE_SERVER_TRACE_RULES_H
#define TESTS_EDGE_SERVER_TRACE_RULES_H

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * What readers make of a time in microseconds: whole nanoseconds, as of now rounded (Perfetto) or, as before 2025, cut
 * off; or the double that it is (speedscope).
 */
enum trace_reader { TRACE_ROUNDS_OFF, TRACE_CUTS_OFF, TRACE_AS_IT_IS, N_TRACE_READERS };

static inline double trace_reader_ns(enum trace_reader reader, double us)
{
    if (reader == TRACE_AS_IT_IS)
        return us;
    return reader == TRACE_CUTS_OFF ? floor(us * 1000.0) : (double)llround(us * 1000.0);
}

#define TRACE_MAX_THREADS 256

/* A thread while events are read in order of time. */
struct trace_thread {
    int pid, tid;
    bool is_named;
    double open_ns[8]; /* ends of the spans that are open, the innermost last */
    int n_open;
};

struct trace_check {
    struct trace_thread threads[TRACE_MAX_THREADS];
    int n_threads;
};

static inline const char *trace_text(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));
    return text ? text : "";
}

static inline double trace_number(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);
    if (!json_is_number(value) || !isfinite(json_number_value(value)))
        fail_msg("'%s' of '%s' is not a number", key, trace_text(event, "name"));
    return json_number_value(value);
}

/* The event's thread; a thread's number belongs to one process. */
static inline struct trace_thread *trace_thread_of(struct trace_check *check, const json_t *event)
{
    int pid = (int)trace_number(event, "pid"), tid = (int)trace_number(event, "tid");
    assert_true(pid > 0 && tid > 0);
    for (int i = 0; i < check->n_threads; i++)
        if (check->threads[i].tid == tid) {
            assert_int_equal(check->threads[i].pid, pid);
            return &check->threads[i];
        }
    assert_true(check->n_threads < TRACE_MAX_THREADS);
    struct trace_thread *thread = &check->threads[check->n_threads++];
    *thread = (struct trace_thread){.pid = pid, .tid = tid};
    return thread;
}

/* Names stand before everything else, and once; what is named has a place among the others. */
static inline void trace_check_names(struct trace_check *check, const json_t *events)
{
    bool is_past_names = false;
    size_t i;
    const json_t *event;
    json_array_foreach(events, i, event)
    {
        struct trace_thread *thread = trace_thread_of(check, event);
        const json_t *args = json_object_get(event, "args");
        const char *name = trace_text(event, "name");
        bool is_name = strcmp(trace_text(event, "ph"), "M") == 0;
        assert_true(*name != '\0');
        assert_false(is_name && is_past_names);
        is_past_names = !is_name;
        if (is_name && strstr(name, "_name")) {
            assert_false(thread->is_named);
            thread->is_named = *trace_text(args, "name") != '\0';
            assert_string_equal(trace_text(json_array_get(events, i + 1), "name"),
                                strncmp(name, "thread", 6) == 0 ? "thread_sort_index"
                                                                : "process_sort_index");
        } else if (is_name) {
            assert_int_equal(trace_number(args, "sort_index"), thread->tid);
        } else if (!thread->is_named) {
            fail_msg("'%s' is on a thread without a name", name);
        }
    }
}

/* Spans of a thread nest or do not overlap; the file has them in order of time, thread by thread. */
static inline void trace_check_spans(struct trace_check *check, const json_t *events,
                                     enum trace_reader reader)
{
    size_t i;
    const json_t *event;
    for (int k = 0; k < check->n_threads; k++)
        check->threads[k].n_open = 0;
    json_array_foreach(events, i, event)
    {
        if (strcmp(trace_text(event, "ph"), "X") != 0)
            continue;
        struct trace_thread *thread = trace_thread_of(check, event);
        double from_ns = trace_reader_ns(reader, trace_number(event, "ts"));
        double to_ns = from_ns + trace_reader_ns(reader, trace_number(event, "dur"));
        assert_true(from_ns >= 0 && to_ns >= from_ns);
        while (thread->n_open > 0 && thread->open_ns[thread->n_open - 1] <= from_ns)
            thread->n_open--;
        if (thread->n_open > 0 && thread->open_ns[thread->n_open - 1] < to_ns)
            fail_msg("'%s' of thread %d, from %.17g to %.17g, crosses the end of another at %.17g",
                     trace_text(event, "name"), thread->tid, from_ns, to_ns,
                     thread->open_ns[thread->n_open - 1]);
        assert_true(thread->n_open < 8);
        thread->open_ns[thread->n_open++] = to_ns;
    }
}

/* Counters have numbers alone, and no two values at one instant; the rest is known kinds of event. */
static inline void trace_check_others(const json_t *events)
{
    size_t i, k;
    const json_t *event, *earlier;
    json_t *value;
    const char *key;
    json_array_foreach(events, i, event)
    {
        const char *phase = trace_text(event, "ph");
        json_t *args = json_object_get(event, "args");
        assert_true(strlen(phase) == 1 && strchr("MXCi", *phase));
        if (*phase == 'i')
            assert_true(strlen(trace_text(event, "s")) == 1 &&
                        strchr("tg", *trace_text(event, "s")));
        if (*phase != 'M')
            assert_true(trace_number(event, "ts") >= 0);
        if (*phase != 'C')
            continue;
        assert_int_equal(json_object_size(args), 1);
        json_object_foreach(args, key, value) assert_true(json_is_number(value));
        for (k = 0; k < i; k++) {
            earlier = json_array_get(events, k);
            if (strcmp(trace_text(earlier, "ph"), "C") == 0 &&
                strcmp(trace_text(earlier, "name"), trace_text(event, "name")) == 0)
                assert_true(trace_number(earlier, "ts") < trace_number(event, "ts"));
        }
    }
}

static inline void trace_check_rules(const json_t *events)
{
    struct trace_check check = {.n_threads = 0};
    trace_check_names(&check, events);
    for (int reader = 0; reader < N_TRACE_READERS; reader++)
        trace_check_spans(&check, events, (enum trace_reader)reader);
    trace_check_others(events);
}

#endif
