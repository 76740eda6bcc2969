/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `splitbed run` and `splitbed simulate` of the quick start's experiment, and what they leave in their folders. */
#ifndef TESTS_E2E_RUNS_H
#define TESTS_E2E_RUNS_H

#include <jansson.h>

#include "tests/e2e/process.h"

#define CONFIG "configs/experiments/quickstart.yaml"
/* Settings: a plan in no time; the cut fixed, so that losses do not depend on how far planning got. */
#define QUICK "scheduler.cuts=[pool2]", "scheduler.time_limit=0.2 s", "data.test_samples=200"
/* A channel that fades by the round, the plan made anew every second one, so that the cut moves to and fro. */
#define PLANNING_AGAIN                                                                             \
    "training.rounds=12", "devices.0.count=3", "devices.0.cycles_per_flop=1.8",                    \
        "training.framework=psl", "radio.fading_block=round", "radio.subchannels=3",               \
        "server.cycles_per_flop=0.01", "scheduler.every=2", "scheduler.policy=bcd",                \
        "scheduler.cuts=[pool1, pool2]"

static inline char *make_dir(void)
{
    char *dir = mem_string("/tmp/splitbed-runs-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return dir;
}

static inline void remove_dir(char *dir)
{
    char *command = mem_format("rm -r '%s'", dir);
    assert_int_equal(system(command), 0);
    free(command);
    free(dir);
}

static inline char *in(const char *dir, const char *name)
{
    return mem_format("%s/%s", dir, name);
}

static inline char *text_in(const char *dir, const char *name)
{
    char *path = in(dir, name), *text = file_text(path);
    if (!text)
        fail_msg("%s is not there", path);
    free(path);
    return text;
}

/* Columns [from, to) of rounds.csv, a line each row with a comma behind each field; the first is round. */
static inline char *columns(const char *dir, int from, int to)
{
    char *text = text_in(dir, "rounds.csv"), *joined = mem_string("");
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;) {
        const char *start = line, *end = line;
        for (int i = 0; i < to; i++) {
            start = i == from ? end : start;
            end += strcspn(end, ",") + 1;
        }
        char *longer = mem_format("%s%.*s\n", joined, (int)(end - start), start);
        free(joined);
        joined = longer;
    }
    free(text);
    return joined;
}

static inline void assert_said(const struct process *p, const char *words)
{
    if (!strstr(p->output, words))
        fail_msg("'%s' is missing in: %s", words, p->output);
}

/* `command` of CONFIG into `dir` with settings up to NULL. */
static inline struct process start_with(const char *command, const char *dir,
                                        const char *const *settings)
{
    const char *arguments[PROCESS_MAX_ARGS] = {command, CONFIG, "--out", dir};
    size_t n = 4;
    for (; *settings; settings++) {
        assert_true(n + 2 < PROCESS_MAX_ARGS);
        arguments[n++] = "--set";
        arguments[n++] = *settings;
    }
    return process_start("splitbed", arguments);
}

/* The same to its end, which has to be a good one. Release it. */
static inline struct process run_with(const char *command, const char *dir,
                                      const char *const *settings)
{
    struct process p = start_with(command, dir, settings);
    int status = process_end(&p);
    if (status != 0)
        fail_msg("exit status %d: %s", status, p.output);
    return p;
}

/* The program has to end with this status and these words. */
static inline void assert_ends(const char *program, const char *const *arguments, int status,
                               const char *words)
{
    struct process p = process_start(program, arguments);
    int found = process_end(&p);
    if (found != status)
        fail_msg("exit status %d instead of %d: %s", found, status, p.output);
    assert_said(&p, words);
    process_release(&p);
}

/* A document that a reader of JSON takes whole, whatever became of the run. */
static inline void assert_trace_is_whole(const char *dir)
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

/* Waits until `path` has more than n lines; fails when it takes too long. */
static inline void wait_for_lines(const char *path, int n)
{
    int64_t deadline_us = clock_now_us() + DEADLINE_US;
    while (n_lines(path) <= n) {
        if (clock_now_us() > deadline_us)
            fail_msg("%s did not grow past %d lines", path, n);
        poll(NULL, 0, 20);
    }
}

#endif
