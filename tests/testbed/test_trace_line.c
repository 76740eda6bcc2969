/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace.json of whole runs on a virtual clock: it tells the same as rounds.csv and devices.csv. */
#include "tests/testbed/virtual_line.h"

#include <unistd.h>

#include "tests/edge-server/trace_rules.h"

/* A table of results, row 0 the header. */
struct table {
    char *text;
    char **rows;
    size_t n_rows;
};

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t n = (size_t)ftell(file);
    rewind(file);
    char *text = mem_zero(n + 1, 1);
    assert_int_equal(fread(text, 1, n, file), n);
    fclose(file);
    return text;
}

static struct table read_table(const char *dir, const char *name)
{
    char *path = mem_format("%s/%s", dir, name);
    struct table table = {.text = read_text(path)};
    size_t capacity = 0;
    for (char *rest = table.text, *row; (row = strsep(&rest, "\n")) && *row;) {
        table.rows = mem_grow(table.rows, table.n_rows, &capacity, sizeof *table.rows);
        table.rows[table.n_rows++] = row;
    }
    unlink(path);
    free(path);
    return table;
}

static void release_table(struct table *table)
{
    free(table->text);
    free(table->rows);
}

static double cell(const struct table *table, size_t row, const char *column)
{
    const char *name = table->rows[0], *value = table->rows[row];
    size_t n = strlen(column);
    while (strncmp(name, column, n) != 0 || (name[n] != ',' && name[n] != '\0')) {
        name = strchr(name, ',');
        if (!name)
            fail_msg("there is no column %s", column);
        name++;
        value = strchr(value, ',') + 1;
    }
    return atof(value);
}

struct run {
    struct line line;
    char dir[32];
    struct table rounds, devices;
    json_t *events;
};

/* With clocks, `ahead_us` of the devices' but for 0: nobody asks. */
static void start_run_ahead(struct run *run, const char *const *sets, const int *cuts,
                            double ahead_us)
{
    struct line *line = &run->line;
    line_open(line, sets);
    line->clock_ahead_us = ahead_us;
    line->clock_every_us = ahead_us != 0 ? 1 : 0;
    line->cuts = cuts;
    strcpy(run->dir, "/tmp/splitbed-trace-XXXXXX");
    assert_non_null(mkdtemp(run->dir));
    bool takes_turns = line->schedule.problem.takes_turns;
    line->results = results_open(run->dir, &line->e, takes_turns, &line->err);
    assert_non_null(line->results);
    line_start(line);
    line_run(line);
    line_assert_done(line);
    assert_int_equal(results_close(line->results, &line->err), 0);
    run->rounds = read_table(run->dir, "rounds.csv");
    run->devices = read_table(run->dir, "devices.csv");
    char *path = mem_format("%s/trace.json", run->dir);
    json_error_t error;
    run->events = json_load_file(path, 0, &error);
    if (!run->events)
        fail_msg("trace.json:%d: %s", error.line, error.text);
    unlink(path);
    rmdir(run->dir);
    free(path);
}

static void start_run(struct run *run, const char *const *sets, const int *cuts)
{
    start_run_ahead(run, sets, cuts, 0);
}

static void end_run(struct run *run)
{
    json_decref(run->events);
    release_table(&run->rounds);
    release_table(&run->devices);
    line_close(&run->line);
}

static bool is_event(const json_t *event, const char *phase, const char *name)
{
    return strcmp(json_string_value(json_object_get(event, "ph")), phase) == 0 &&
           (!name || strcmp(json_string_value(json_object_get(event, "name")), name) == 0);
}

static double number_of(const json_t *event, const char *key)
{
    return json_number_value(json_object_get(event, key));
}

static int track_of(const json_t *events, const char *name)
{
    size_t i;
    const json_t *event;
    json_array_foreach(events, i, event)
    {
        const json_t *args = json_object_get(event, "args");
        if (is_event(event, "M", "thread_name") &&
            strcmp(json_string_value(json_object_get(args, "name")), name) == 0)
            return (int)number_of(event, "tid");
    }
    fail_msg("there is no track '%s'", name);
    return -1;
}

#define SOON_US 1e-4 /* less than a trace's nanosecond; ends of spans are sums of doubles */

struct window {
    double from_us, to_us;
};

static struct window window_of(const json_t *events, int round)
{
    char name[32];
    size_t i;
    const json_t *event;
    snprintf(name, sizeof name, "round %d", round);
    json_array_foreach(events, i, event) if (is_event(event, "X", name)) return (struct window){
        number_of(event, "ts"), number_of(event, "ts") + number_of(event, "dur")};
    fail_msg("there is no %s", name);
    return (struct window){0, 0};
}

/* Seconds of a track's spans of that name (NULL: all) within a round. */
static double spans_s(const json_t *events, int track, const char *name, struct window window)
{
    double sum_us = 0;
    size_t i;
    const json_t *event;
    json_array_foreach(events, i, event)
    {
        double from_us = number_of(event, "ts");
        if (is_event(event, "X", name) && (int)number_of(event, "tid") == track &&
            from_us > window.from_us - SOON_US && from_us < window.to_us - SOON_US)
            sum_us += number_of(event, "dur");
    }
    return sum_us * 1e-6;
}

/* The trace has whole nanoseconds. */
static void assert_agrees(double span_s, double column_s, const char *name, size_t row)
{
    if (fabs(span_s - column_s) > 2e-8)
        fail_msg("row %zu: %s: %.9f s of spans, %.9f s in the table", row, name, span_s, column_s);
}

static void check_device_row(const struct run *run, size_t row)
{
    static const char *const phases[][2] = {{"forward", "device_forward_measured_s"},
                                            {"uplink", "uplink_measured_s"},
                                            {"downlink", "downlink_measured_s"},
                                            {"backward", "device_backward_measured_s"}};
    int round = (int)cell(&run->devices, row, "round"),
        device = (int)cell(&run->devices, row, "device");
    int track = track_of(run->events, run->line.e.devices[device].name);
    struct window window = window_of(run->events, round);
    for (size_t i = 0; i < ARRAY_LEN(phases); i++)
        assert_agrees(spans_s(run->events, track, phases[i][0], window),
                      cell(&run->devices, row, phases[i][1]), phases[i][0], row);
    assert_agrees(spans_s(run->events, track, NULL, window),
                  cell(&run->rounds, (size_t)round, "latency_measured_s"), "all", row);
    assert_agrees(spans_s(run->events, track, "broadcast", window),
                  cell(&run->rounds, (size_t)round, "broadcast_measured_s"), "broadcast", row);
}

/* What a device is handed, another may count as its own: they agree in the sum. */
static void check_round_row(const struct run *run, size_t row)
{
    struct window window = window_of(run->events, (int)row);
    int computing = track_of(run->events, "computing");
    double spans = 0, columns = 0;
    int n_devices = run->line.e.n_devices;
    assert_agrees(spans_s(run->events, computing, "forward", window),
                  cell(&run->rounds, row, "server_forward_measured_s"), "server forward", row);
    assert_agrees(spans_s(run->events, computing, "backward", window),
                  cell(&run->rounds, row, "server_backward_measured_s"), "server backward", row);
    for (int i = 0; i < n_devices; i++) {
        int track = track_of(run->events, run->line.e.devices[i].name);
        spans += spans_s(run->events, track, "hand-over", window);
        columns += cell(&run->devices, 1 + (row - 1) * (size_t)n_devices + (size_t)i,
                        "handover_measured_s");
    }
    assert_agrees(spans, columns, "hand-over", row);
}

static void check_run(const struct run *run)
{
    trace_check_rules(run->events);
    for (size_t row = 1; row < run->devices.n_rows; row++)
        check_device_row(run, row);
    for (size_t row = 1; row < run->rounds.n_rows; row++)
        check_round_row(run, row);
}

static void spans_agree_with_the_tables_when_devices_run_at_once(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "training.evaluate_every=2", NULL};
    struct run run;
    start_run(&run, sets, NULL);
    check_run(&run);
    assert_true(spans_s(run.events, track_of(run.events, "pi-0"), "broadcast",
                        window_of(run.events, 1)) > 0);
    end_run(&run);
}

static void spans_agree_with_the_tables_when_devices_take_turns(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "training.framework=sl", NULL};
    struct run run;
    start_run(&run, sets, NULL);
    check_run(&run);
    assert_true(spans_s(run.events, track_of(run.events, "pi-0"), "hand-over",
                        window_of(run.events, 2)) > 0);
    end_run(&run);
}

/* Layers go down in round 2 and up in round 3. */
static void spans_agree_with_the_tables_when_the_cut_moves(void **state)
{
    (void)state;
    static const char *const frameworks[] = {"training.framework=psl", "training.framework=sl"};
    for (size_t i = 0; i < ARRAY_LEN(frameworks); i++) {
        const char *const sets[] = {SMALL, "scheduler.cuts=[pool1, pool2]", frameworks[i], NULL};
        struct run run;
        static const int cuts[] = {0, 1, 0, 0};
        start_run(&run, sets, cuts);
        check_run(&run);
        end_run(&run);
    }
}

/* Stamps of clocks that are 5 s ahead tell what the server's own instants tell where messages take no time. */
static void spans_agree_with_the_tables_when_clocks_are_seconds_apart(void **state)
{
    (void)state;
    static const char *const frameworks[] = {"training.framework=psl", "training.framework=epsl",
                                             "training.framework=sl"};
    for (size_t i = 0; i < ARRAY_LEN(frameworks); i++) {
        const char *const sets[] = {SMALL, "scheduler.cuts=[pool1, pool2]", frameworks[i], NULL};
        struct run run;
        static const int cuts[] = {0, 1, 0, 0};
        start_run_ahead(&run, sets, cuts, 5e6);
        check_run(&run);
        for (size_t row = 1; row < run.devices.n_rows; row++)
            assert_true(fabs(cell(&run.devices, row, "clock_offset_s") - 5) < 1e-8);
        end_run(&run);
    }
}

/* On a clock without delays what links achieve is what they were asked for. */
static void links_achieve_on_a_virtual_clock_what_they_are_asked_for(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, NULL};
    static const char *const links[][2] = {{"uplink_asked_bps", "uplink_achieved_bps"},
                                           {"downlink_asked_bps", "downlink_achieved_bps"}};
    struct run run;
    start_run(&run, sets, NULL);
    for (size_t row = 1; row < run.devices.n_rows; row++)
        for (size_t i = 0; i < ARRAY_LEN(links); i++) {
            double asked_bps = cell(&run.devices, row, links[i][0]);
            assert_true(asked_bps > 0);
            assert_true(fabs(cell(&run.devices, row, links[i][1]) / asked_bps - 1) < 1e-7);
        }
    for (size_t row = 1; row < run.rounds.n_rows; row++)
        assert_true(fabs(cell(&run.rounds, row, "broadcast_achieved_bps") /
                             cell(&run.rounds, row, "broadcast_asked_bps") -
                         1) < 1e-7);
    end_run(&run);
}

static void native_links_are_asked_for_nothing(void **state)
{
    (void)state;
    static const char *const sets[] = {SMALL, "testbed.link=native", NULL};
    struct run run;
    start_run(&run, sets, NULL);
    for (size_t row = 1; row < run.devices.n_rows; row++)
        assert_true(cell(&run.devices, row, "uplink_asked_bps") == 0);
    end_run(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_agree_with_the_tables_when_devices_run_at_once),
        cmocka_unit_test(spans_agree_with_the_tables_when_devices_take_turns),
        cmocka_unit_test(spans_agree_with_the_tables_when_the_cut_moves),
        cmocka_unit_test(spans_agree_with_the_tables_when_clocks_are_seconds_apart),
        cmocka_unit_test(links_achieve_on_a_virtual_clock_what_they_are_asked_for),
        cmocka_unit_test(native_links_are_asked_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, line_remove_data);
}
