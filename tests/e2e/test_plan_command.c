/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `splitbed plan` as a user sees it: policies side by side, and problems of both shapes from files.
 * */
#include "tests/e2e/process.h"

#define CONFIG "configs/experiments/quickstart.yaml"

/* Two devices, three cuts, eight times as fast to compute as to send. */
#define SERVER "\"server\": {\"clock_hz\": 5e9, \"cycles_per_flop\": 0.03125}"
#define DEVICE "\"clock_hz\": 1e9, \"cycles_per_flop\": 0.0625"
#define CUT(NAME, FRONT, BACK, BITS)                                                               \
    "{\"name\": \"" NAME "\", \"device_forward_flop\": " FRONT                                     \
    ", \"device_backward_flop\": " FRONT ", \"server_forward_flop\": " BACK                        \
    ", \"server_backward_flop\": " BACK ", \"last_layer_backward_flop\": 0,"                       \
    " \"activation_bits\": " BITS ", \"gradient_bits\": " BITS "}"
#define CUTS                                                                                       \
    "\"cuts\": [" CUT("first", "1e6", "5e7", "1e5") "," CUT(                                       \
        "middle", "2e7", "3e7", "1e4") "," CUT("last", "4e7", "1e6", "5e3") "]"

static const char front[] =
    "{\"batch_size\": 16, \"aggregation_ratio\": 0.5, \"noise_psd_w_per_hz\": 4e-21,"
    " \"downlink_psd_w_per_hz\": 1e-8, \"total_power_w\": 1, \"bandwidth_hz\": [1e6, 1e6, 1e6],"
    " \"devices\": [{\"name\": \"a\", " DEVICE ", \"max_power_w\": 1, \"gain\": [1e-9, 2e-9, 0]},"
    " {\"name\": \"b\", " DEVICE ", \"max_power_w\": 1, \"gain\": [2e-9, 1e-9, 3e-9]}]," SERVER
    ", " CUTS "}";
static const char u_shaped[] =
    "{\"shape\": \"u\", \"batch_size\": 16,"
    " \"devices\": [{\"name\": \"a\", " DEVICE ", \"uplink_bps\": 1e7, \"downlink_bps\": 2e7},"
    " {\"name\": \"b\", " DEVICE ", \"uplink_bps\": 3e7, \"downlink_bps\": 1e7}]," SERVER ", " CUTS
    "}";
static const char impossible[] =
    "{\"batch_size\": 16, \"aggregation_ratio\": 0.5, \"noise_psd_w_per_hz\": 4e-21,"
    " \"downlink_psd_w_per_hz\": 1e-8, \"total_power_w\": 1, \"bandwidth_hz\": [1e6, 1e6],"
    " \"devices\": [{\"name\": \"a\", " DEVICE ", \"max_power_w\": 1, \"gain\": [1e-9, 2e-9]},"
    " {\"name\": \"b\", " DEVICE ", \"max_power_w\": 1, \"gain\": [0, 0]}]," SERVER ", " CUTS "}";

static char problem_path[] = "/tmp/splitbed-problem-XXXXXX";

static int make_file(void **state)
{
    int file = mkstemp(problem_path);
    (void)state;
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(problem_path);
}

static void write_problem(const char *text)
{
    FILE *file = fopen(problem_path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* `splitbed plan` with two options and their values, NULL: none. */
static struct process plan(const char *option, const char *value, const char *other,
                           const char *other_value)
{
    const char *const arguments[] = {"plan", option, value, other, other_value, NULL};
    return process_start("splitbed", arguments);
}

static void assert_ends(struct process *p, int status, const char *words)
{
    int got = process_end(p);

    if (got != status || !strstr(p->output, words))
        fail_msg("exit status %d, '%s' wanted: %s", got, words, p->output);
    process_release(p);
}

/* Row of a policy in the comparison; -1 when it has no numbers. */
static double read_row(const char *output, const char *policy, double *gap, double *solve_s)
{
    char *begin = mem_format("\n%-24s ", policy);
    const char *row = strstr(output, begin);
    double latency_s = -1;
    char cut[32];

    if (!row)
        fail_msg("no row for %s in: %s", policy, output);
    if (sscanf(row + strlen(begin), "%lf %lf %lf %31s", &latency_s, gap, solve_s, cut) != 4)
        latency_s = -1;
    free(begin);
    return latency_s;
}

static void all_policies_stand_side_by_side_and_none_beats_exact(void **state)
{
    static const char *const others[] = {
        "auto",
        "bcd",
        "dual",
        "equal",
        "fixed",
        "rss-uniform-random",
        "rss-uniform-best",
        "rss-optimised-random",
        "rss-optimised-best",
        "greedy-uniform-random",
        "greedy-uniform-best",
        "greedy-optimised-random",
        "greedy-optimised-best",
    };
    double gap = 0, solve_s = 0, bound_s = 0;

    (void)state;
    write_problem(front);
    struct process p = plan("--problem", problem_path, "--policy", "all");
    assert_int_equal(process_end(&p), 0);
    double exact_s = read_row(p.output, "exact", &gap, &solve_s);
    const char *last = strstr(p.output, "Best proven lower bound: ");
    assert_non_null(last);
    assert_int_equal(sscanf(last, "Best proven lower bound: %lf s", &bound_s), 1);
    assert_true(exact_s > 0 && bound_s <= exact_s && bound_s >= 0.99 * exact_s);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        double latency_s = read_row(p.output, others[i], &gap, &solve_s);
        assert_true(latency_s >= exact_s * (1 - 1e-5));
        assert_true(solve_s >= 0 && solve_s < 30);
        double wanted = 100 * (1 - bound_s / latency_s); /* printed with two digits */
        assert_true(gap > wanted - 0.006 && gap < wanted + 0.006);
    }
    process_release(&p);
}

static void of_a_u_shaped_problem_the_comparison_says_what_does_not_apply(void **state)
{
    double gap = -1, solve_s = -1;

    (void)state;
    write_problem(u_shaped);
    struct process p = plan("--problem", problem_path, "--policy", "all");
    assert_int_equal(process_end(&p), 0);
    double exact_s = read_row(p.output, "exact", &gap, &solve_s);
    assert_true(exact_s > 0 && gap == 0);
    assert_true(read_row(p.output, "equal", &gap, &solve_s) >= exact_s);
    assert_true(read_row(p.output, "bcd", &gap, &solve_s) == -1);
    assert_non_null(strstr(p.output, "rss-uniform-best         does not apply to this problem\n"));
    process_release(&p);
}

static void a_u_shaped_plan_is_printed(void **state)
{
    (void)state;
    write_problem(u_shaped);
    struct process p = plan("--problem", problem_path, NULL, NULL);
    assert_ends(&p, 0, "Plan: U-shaped, two cuts for each of 2 devices, policy auto, optimal\n");
    p = plan("--problem", problem_path, "--policy", "bcd");
    assert_ends(&p, 1, "policy 'bcd': does not apply to U-shaped problems; auto, equal, exact do");
}

static void a_problem_without_a_plan_says_why(void **state)
{
    (void)state;
    write_problem(impossible);
    struct process p = plan("--problem", problem_path, NULL, NULL);
    assert_ends(&p, 1, "device b has no usable subchannel: every gain is 0");
    p = plan("--problem", problem_path, "--policy", "all");
    assert_ends(&p, 1, "there is no plan: device b has no usable subchannel");
}

static void bad_usage_exits_with_2_and_says_why(void **state)
{
    static const struct {
        const char *arguments[6], *words;
    } rows[] = {
        {{"plan", CONFIG, "--policy", "best", NULL}, "there is no policy 'best'"},
        {{"plan", CONFIG, "--policy=all", "--json=/tmp/x", NULL}, "--json holds one plan"},
        {{"plan", CONFIG, "--problem", "p.json", NULL}, "either CONFIG or --problem FILE"},
    };

    (void)state;
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        struct process p = process_start("splitbed", rows[r].arguments);
        assert_ends(&p, 2, rows[r].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_policies_stand_side_by_side_and_none_beats_exact),
        cmocka_unit_test(of_a_u_shaped_problem_the_comparison_says_what_does_not_apply),
        cmocka_unit_test(a_u_shaped_plan_is_printed),
        cmocka_unit_test(a_problem_without_a_plan_says_why),
        cmocka_unit_test(bad_usage_exits_with_2_and_says_why),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
