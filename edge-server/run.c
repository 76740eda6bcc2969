/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "edge-server/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "models/dataset.h"

static void print_out(struct strbuf *text)
{
    fputs(text->text, stdout);
    fflush(stdout);
    strbuf_release(text);
}

/* Once a run: it holds for every plan after. */
static void warn_of_time(struct run *run)
{
    const struct plan *plan = &run->schedule.plan;
    if (run->has_warned || !plan->is_out_of_time || run->schedule.problem.n_cuts == 1)
        return;
    run->has_warned = true;
    log_warn("planning stopped at scheduler.time_limit, %g s, with a gap of %.2f %%: another run "
             "may choose another cut; a longer limit helps, or scheduler.cuts that names one",
             run->e->scheduler.time_limit_s, 100 * plan_gap(plan));
}

static int append_plan(const struct run *run, struct err *err)
{
    char *path = mem_format("%s/plans.jsonl", run->out_dir);
    const struct schedule *schedule = &run->schedule;
    int status = plan_append(&schedule->plan, &schedule->problem, schedule->plan_round, path, err);
    free(path);
    return status;
}

static int make_plan(struct run *run, struct err *err)
{
    const struct schedule *schedule = &run->schedule;
    if (schedule_open(&run->schedule, run->e, err))
        return -1;
    warn_of_time(run);
    char *path = mem_format("%s/plan.json", run->out_dir);
    int status = plan_save(&schedule->plan, &schedule->problem, path, err);
    free(path);
    struct strbuf text = STRBUF_INIT;
    plan_print(&schedule->plan, &schedule->problem, &text);
    strbuf_addf(&text, "\n");
    print_out(&text);
    return status || append_plan(run, err) ? -1 : 0;
}

/* What became of the plan at this round. */
static int note_plan(struct run *run, struct err *err)
{
    const struct schedule *schedule = &run->schedule;
    if (schedule->change == SCHEDULE_INFEASIBLE)
        log_warn("round %" PRIu32 ": there is no plan now, that of round %" PRIu32 " goes on: %s",
                 schedule->round, schedule->plan_round, schedule->reason);
    if (schedule->change != SCHEDULE_PLANNED || schedule->round == 1)
        return 0;
    warn_of_time(run);
    if (schedule->cut != schedule->previous_cut)
        log_info("round %" PRIu32 ": the cut moves to after %s", schedule->round,
                 schedule->problem.cuts[schedule->plan.cut].name);
    return append_plan(run, err);
}

void run_go_on(struct run *run, struct server *server, double now_us)
{
    struct err err = ERR_INIT;
    uint32_t round = server_wanted_round(server);
    if (round == 0)
        return;
    if (schedule_next(&run->schedule, round, &err) || note_plan(run, &err))
        server_stop(server, err.text);
    else
        server_start_round(server, now_us);
}

/* Who gets which samples, and how many test samples there are to evaluate; local data are the devices' business. */
static int divide_data(struct run *run, int *n_test, struct err *err)
{
    const struct experiment *e = run->e;
    *n_test = e->data.test_samples;
    if (!e->training.learns || strcmp(e->data.partition, "local") == 0)
        return 0;
    struct dataset *train = dataset_open(e->data.format, e->data.dir, DATASET_TRAIN, err);
    struct dataset *test =
        train ? dataset_open(e->data.format, e->data.dir, DATASET_TEST, err) : NULL;
    int status = -1;
    if (test) {
        struct partition_request request = {
            .kind = e->data.partition,
            .n_devices = e->n_devices,
            .shards_per_device = e->data.shards_per_device,
            .alpha = e->data.alpha,
            .min_samples = 1,
            .seed = e->seed,
        };
        size_t n = dataset_n_samples(test), wanted = (size_t)e->data.test_samples;
        *n_test = (int)(wanted && wanted < n ? wanted : n);
        status = partition_make(&run->partition, &request, dataset_labels(train),
                                dataset_n_samples(train), err);
    }
    dataset_free(train);
    dataset_free(test);
    return status;
}

int run_take_records(struct run *run, struct server *server, struct err *err)
{
    const struct round_record *record;
    while ((record = server_next_record(server))) {
        summary_add(run->summary, record);
        progress_show(&run->progress, record, clock_now_us());
        log_debug("round %" PRIu32 ": loss %.6f, %.6f s (predicted %.6f s)", record->round,
                  record->loss, record->measured_s, record->predicted_s);
        if (results_write(run->results, record, err))
            return -1;
    }
    return 0;
}

static int save_summary(const struct run *run, bool is_complete, struct err *err)
{
    char *path = mem_format("%s/summary.json", run->out_dir);
    int status = summary_save(run->summary, is_complete, path, err);
    free(path);
    return status;
}

static void show_end(struct run *run, bool is_complete)
{
    struct strbuf text = STRBUF_INIT;
    if (run->has_started)
        progress_end(&run->progress);
    strbuf_addf(&text, "\n%s: %s", run->e->name, is_complete ? "" : "ended early after ");
    summary_print(run->summary, &text);
    strbuf_addf(&text, "  Results: %s\n", run->out_dir);
    print_out(&text);
}

int run_open(struct run *run, const struct experiment *e, const char *out_dir, struct err *err)
{
    *run = (struct run){.e = e, .out_dir = out_dir};
    run->inputs = (struct server_inputs){.experiment = e, .schedule = &run->schedule};
    if (make_plan(run, err) || divide_data(run, &run->inputs.n_test_samples, err))
        return -1;
    run->inputs.partition = run->partition.index ? &run->partition : NULL;
    bool takes_turns = run->schedule.problem.takes_turns;
    run->summary = summary_new(e, takes_turns);
    run->results = results_open(out_dir, e, takes_turns, err);
    return run->results ? 0 : -1;
}

int run_close(struct run *run, struct err *err)
{
    int status = results_close(run->results, err);
    summary_free(run->summary);
    partition_release(&run->partition);
    schedule_release(&run->schedule);
    return status;
}

void run_start(struct run *run)
{
    if (!run->has_started)
        progress_start(&run->progress, (uint32_t)run->e->training.rounds, clock_now_us());
    run->has_started = true;
}

int run_end(struct run *run, const struct server *server, int status, struct err *err)
{
    if (!status)
        status = server_save_weights(server, run->out_dir, err);
    bool is_complete = server_state(server) == SERVER_DONE;
    show_end(run, is_complete);
    struct err saving = ERR_INIT;
    if (save_summary(run, is_complete, &saving) && !status)
        status = err_set(err, "%s", saving.text);
    return status;
}
