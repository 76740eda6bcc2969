/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_scheduler DOC DATA [PART...]: measures what docs/SCHEDULER.md claims of the scheduler, on
 * seeded cells, and writes each part's table between its markers in DOC and the points of the
 * figure into DATA.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "scheduler/plan.h"
#include "scheduler/power.h"
#include "tests/bench/bench_cells.h"
#include "tests/scheduler/brute_force.h"

#define BRUTE_PROBLEMS 200

static const struct plan_options defaults = {.gap = 0.005, .time_limit_s = 10, .seed = 1};

struct figures {
    double gap[256], solve_s[256], latency_s; /* gap in percent; sum of latencies */
    int n;
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Solves one cell; ends the program on an error, for then nothing that follows is worth having. */
static void solve(struct plan *plan, const struct problem *problem, const char *policy,
                  const struct plan_options *options)
{
    struct err err = ERR_INIT;

    if (plan_make(plan, problem, policy, options, &err) || plan->status == PLAN_INFEASIBLE) {
        fprintf(stderr, "%s: %s\n", policy, plan->reason ? plan->reason : err.text);
        exit(EXIT_FAILURE);
    }
}

static void measure(struct figures *f, enum bench_kind kind, uint64_t seed, int n_devices,
                    int n_subchannels, const char *policy, const struct plan_options *options)
{
    struct problem problem;
    struct plan plan;

    bench_cell(&problem, kind, seed, n_devices, n_subchannels, 10);
    solve(&plan, &problem, policy, options);
    f->gap[f->n] = 100 * plan_gap(&plan);
    f->solve_s[f->n++] = plan.solve_s;
    f->latency_s += plan.latency_s;
    plan_release(&plan);
    problem_release(&problem);
}

static void sort(struct figures *f)
{
    qsort(f->gap, (size_t)f->n, sizeof(double), ascending);
    qsort(f->solve_s, (size_t)f->n, sizeof(double), ascending);
}

static double nine_in_ten(const double *sorted, int n)
{
    return sorted[(9 * n + 9) / 10 - 1];
}

static void head(struct strbuf *out)
{
    strbuf_addf(out, "| cells | C | M | policy | n | gap median | nine in ten | largest | solve "
                     "median | nine in ten | longest |\n"
                     "|---|---|---|---|---|---|---|---|---|---|---|\n");
}

static void row(struct strbuf *out, struct figures *f, const char *cells, int c, int m,
                const char *policy)
{
    sort(f);
    strbuf_addf(out,
                "| %s | %d | %d | %s | %d | %.3f %% | %.3f %% | %.3f %% | %.3f s | %.3f s | %.3f s "
                "|\n",
                cells, c, m, policy, f->n, f->gap[f->n / 2], nine_in_ten(f->gap, f->n),
                f->gap[f->n - 1], f->solve_s[f->n / 2], nine_in_ten(f->solve_s, f->n),
                f->solve_s[f->n - 1]);
}

static void verdict(struct strbuf *out, const char *target, bool is_met)
{
    strbuf_addf(out, "\nTarget: %s: **%s**.\n", target, is_met ? "met" : "not met");
}

static void against_brute_force(struct strbuf *out, FILE *data)
{
    double worst = 0, highest_bound = -HUGE_VAL;
    int n_optimal = 0;

    (void)data;
    for (uint64_t seed = 0; seed < BRUTE_PROBLEMS; seed++) {
        struct problem problem;
        struct plan plan;
        double best_s;
        bench_cell(&problem, (enum bench_kind)(seed % BENCH_KINDS), seed / BENCH_KINDS, 3, 6, 10);
        best_s = brute_force_s(&problem);
        solve(&plan, &problem, "exact", &defaults);
        n_optimal += plan.status == PLAN_OPTIMAL;
        worst = fmax(worst, 100 * (plan.latency_s / best_s - 1));
        highest_bound = fmax(highest_bound, 100 * (plan.lower_bound_s / best_s - 1));
        plan_release(&plan);
        problem_release(&problem);
    }
    strbuf_addf(out,
                "%d problems, C = 3, M = 6, 10 cuts, all five kinds of cell: %d optimal; the plan "
                "at most %.2g %% above the optimum; the highest bound %.2g %% above it (negative: "
                "below).\n",
                BRUTE_PROBLEMS, n_optimal, worst, highest_bound);
    verdict(out, "within 0.01 % of brute force, no bound above the optimum",
            worst <= 0.01 && highest_bound <= 1e-7);
}

static void six_of_a_kind(struct strbuf *out, enum bench_kind kind, int n_devices,
                          int n_subchannels)
{
    struct figures f = {.n = 0};

    for (uint64_t seed = 0; seed < 6; seed++)
        measure(&f, kind, seed, n_devices, n_subchannels, "exact", &defaults);
    row(out, &f, bench_kind_names[kind], n_devices, n_subchannels, "exact");
}

static void at_the_papers_size(struct strbuf *out, FILE *data)
{
    struct figures all = {.n = 0};

    (void)data;
    head(out);
    for (enum bench_kind kind = 0; kind <= BENCH_AIR; kind++) {
        struct figures f = {.n = 0};
        for (uint64_t seed = 0; seed < 25; seed++) {
            measure(&f, kind, seed, 5, 20, "exact", &defaults);
            all.gap[all.n] = f.gap[f.n - 1];
            all.solve_s[all.n++] = f.solve_s[f.n - 1];
        }
        row(out, &f, bench_kind_names[kind], 5, 20, "exact");
    }
    row(out, &all, "both", 5, 20, "exact");
    verdict(out, "gap median <= 0.3 %, nine in ten <= 0.5 %, all <= 1.5 %, solve median <= 0.5 s",
            all.gap[25] <= 0.3 && nine_in_ten(all.gap, 50) <= 0.5001 && all.gap[49] <= 1.5 &&
                all.solve_s[25] <= 0.5);
    strbuf_addf(out, "\nOther kinds, without a target:\n\n");
    head(out);
    for (enum bench_kind kind = BENCH_BOARDS; kind < BENCH_KINDS; kind++) {
        six_of_a_kind(out, kind, 5, 10);
        six_of_a_kind(out, kind, 5, 20);
    }
    six_of_a_kind(out, BENCH_BOARDS, 10, 40);
}

static void of_large_cells(struct strbuf *out, int n_devices, int n_subchannels, int n_each,
                           double gap, double median_s, double longest_s, double time_limit_s,
                           const char *target)
{
    struct figures all = {.n = 0};
    struct plan_options options = defaults;
    struct rusage usage;

    options.time_limit_s = time_limit_s;
    head(out);
    for (enum bench_kind kind = 0; kind <= BENCH_AIR; kind++) {
        struct figures f = {.n = 0};
        for (uint64_t seed = 0; seed < (uint64_t)n_each; seed++) {
            measure(&f, kind, seed, n_devices, n_subchannels, "auto", &options);
            all.gap[all.n] = f.gap[f.n - 1];
            all.solve_s[all.n++] = f.solve_s[f.n - 1];
        }
        row(out, &f, bench_kind_names[kind], n_devices, n_subchannels, "auto");
    }
    sort(&all);
    getrusage(RUSAGE_SELF, &usage);
    strbuf_addf(out,
                "\nTime limit %g s; median solve time of both kinds %.2f s; largest memory so far "
                "%ld MiB.\n",
                time_limit_s, all.solve_s[all.n / 2], usage.ru_maxrss / 1024);
    verdict(out, target,
            all.gap[all.n - 1] <= gap && all.solve_s[all.n / 2] <= median_s &&
                all.solve_s[all.n - 1] <= longest_s && usage.ru_maxrss / 1024 < 2048);
}

static void at_twenty_devices(struct strbuf *out, FILE *data)
{
    (void)data;
    of_large_cells(out, 20, 100, 9, 1.5, 3, 10.1, defaults.time_limit_s,
                   "gap <= 1.5 % in <= 10 s, median <= 3 s");
}

static void at_a_hundred_devices(struct strbuf *out, FILE *data)
{
    (void)data;
    of_large_cells(out, 100, 600, 3, 3, 20, 20.1, defaults.time_limit_s, "gap <= 3 % in <= 20 s");
}

static void at_a_thousand_devices(struct strbuf *out, FILE *data)
{
    (void)data;
    of_large_cells(out, 1000, 4000, 3, 8, 60, 60, 40, "gap <= 8 % in <= 60 s and < 2 GiB");
}

static void by_policy(struct strbuf *out, FILE *data)
{
    double exact_s[50];

    (void)data;
    strbuf_addf(out, "| policy | mean latency | above exact | solve mean | better than exact |\n"
                     "|---|---|---|---|---|\n");
    for (int turn = -1; turn < 0 || policy_at(turn); turn++) {
        const char *policy = turn < 0 ? "exact" : policy_at(turn)->name;
        double sum_s = 0, exact_sum_s = 0, solve_s = 0;
        int n_better = 0;
        if (turn >= 0 && !strcmp(policy, "exact"))
            continue;
        for (uint64_t seed = 0; seed < 50; seed++) {
            struct problem problem;
            struct plan plan;
            bench_cell(&problem, (enum bench_kind)(seed % 2), seed / 2, 5, 20, 10);
            solve(&plan, &problem, policy, &defaults);
            if (turn < 0)
                exact_s[seed] = plan.latency_s;
            n_better += plan.latency_s < exact_s[seed] * (1 - 1e-9);
            exact_sum_s += exact_s[seed];
            sum_s += plan.latency_s;
            solve_s += plan.solve_s;
            plan_release(&plan);
            problem_release(&problem);
        }
        strbuf_addf(out, "| %s | %.4f s | %.2f %% | %.4f s | %d of 50 |\n", policy, sum_s / 50,
                    100 * (sum_s / exact_sum_s - 1), solve_s / 50, n_better);
    }
}

static void against_size(struct strbuf *out, FILE *data)
{
    static const int devices[] = {2, 3, 5, 8, 12, 20, 40, 80};

    strbuf_addf(out, "| C | M | cells | gap mean | largest | solve mean | longest |\n"
                     "|---|---|---|---|---|---|---|\n");
    fprintf(data, "# devices, kind, mean gap in percent, mean solve time in s\n");
    for (enum bench_kind kind = 0; kind <= BENCH_AIR; kind++) {
        for (size_t d = 0; d < ARRAY_LEN(devices); d++) {
            struct figures f = {.n = 0};
            double gap = 0, solve_s = 0;
            for (uint64_t seed = 0; seed < 3; seed++)
                measure(&f, kind, seed, devices[d], 5 * devices[d], "auto", &defaults);
            for (int i = 0; i < f.n; i++) {
                gap += f.gap[i] / f.n;
                solve_s += f.solve_s[i] / f.n;
            }
            sort(&f);
            strbuf_addf(out, "| %d | %d | %s | %.3f %% | %.3f %% | %.3f s | %.3f s |\n", devices[d],
                        5 * devices[d], bench_kind_names[kind], gap, f.gap[f.n - 1], solve_s,
                        f.solve_s[f.n - 1]);
            fprintf(data, "%d %s %.5f %.5f\n", devices[d], bench_kind_names[kind], fmax(gap, 1e-4),
                    fmax(solve_s, 1e-4));
        }
        fprintf(data, "\n\n");
    }
}

static const struct {
    const char *name;
    void (*run)(struct strbuf *out, FILE *data);
} parts[] = {
    {"brute", against_brute_force}, {"c5", at_the_papers_size},       {"c20", at_twenty_devices},
    {"c100", at_a_hundred_devices}, {"c1000", at_a_thousand_devices}, {"policies", by_policy},
    {"size", against_size},
};

static void read_all(const char *path, struct strbuf *text)
{
    char buf[4096];
    FILE *file = fopen(path, "r");
    size_t n;

    while (file && (n = fread(buf, 1, sizeof buf, file)) > 0)
        strbuf_add(text, buf, n);
    if (file)
        fclose(file);
}

/* Puts the table between "<!-- bench:NAME -->" and "<!-- /bench -->". */
static int splice(const char *path, const char *name, const struct strbuf *table)
{
    struct strbuf text = STRBUF_INIT;
    char *marker = mem_format("<!-- bench:%s -->\n", name);
    const char *from, *to;
    FILE *file;
    int failed = -1;

    read_all(path, &text);
    from = text.text ? strstr(text.text, marker) : NULL;
    to = from ? strstr(from, "<!-- /bench -->") : NULL;
    if (to && (file = fopen(path, "w"))) {
        from += strlen(marker);
        fwrite(text.text, 1, (size_t)(from - text.text), file);
        fprintf(file, "%s%s", table->text, to);
        failed = fclose(file);
    }
    free(marker);
    strbuf_release(&text);
    return failed;
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 3; i < argc; i++)
        if (!strcmp(argv[i], name))
            return true;
    return argc <= 3;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s DOC DATA [PART...]\n", argv[0]);
        return 2;
    }
    for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
        struct strbuf table = STRBUF_INIT;
        FILE *data = NULL;
        if (!is_wanted(parts[p].name, argc, argv))
            continue;
        data = fopen(strcmp(parts[p].name, "size") ? "/dev/null" : argv[2], "w");
        if (!data) {
            fprintf(stderr, "%s: cannot be written\n", argv[2]);
            return 1;
        }
        parts[p].run(&table, data);
        fclose(data);
        printf("%s\n%s\n", parts[p].name, table.text);
        fflush(stdout);
        if (splice(argv[1], parts[p].name, &table)) {
            fprintf(stderr, "%s: no markers for %s, or not to be written\n", argv[1],
                    parts[p].name);
            return 1;
        }
        strbuf_release(&table);
    }
    return 0;
}
