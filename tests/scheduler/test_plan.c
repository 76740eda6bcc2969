/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "scheduler/plan.h"
#include "tests/scheduler/sample_problems.h"

static const struct plan_options defaults = {.gap = 0.005, .time_limit_s = 10};

struct planned {
    struct problem problem;
    struct plan plan;
};

static void planned_init(struct planned *p, bool takes_turns)
{
    struct err err = ERR_INIT;

    random_problem(&p->problem, 6, 3, 6, 4, 0.5);
    p->problem.takes_turns = takes_turns;
    if (plan_make(&p->plan, &p->problem, "exact", &defaults, &err))
        fail_msg("%s", err.text);
    assert_int_equal(plan_check(&p->plan, &p->problem, &err), 0);
}

static void planned_release(struct planned *p)
{
    plan_release(&p->plan);
    problem_release(&p->problem);
}

static void assert_refused(struct planned *p, const char *wanted)
{
    struct err err = ERR_INIT;

    assert_int_equal(plan_check(&p->plan, &p->problem, &err), -1);
    if (strncmp(err.text, wanted, strlen(wanted)))
        fail_msg("'%s' does not begin with '%s'", err.text, wanted);
    planned_release(p);
}

static void owners_out_of_range_are_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.owner[2] = 3;
    assert_refused(&p, "owner[2]: 3: must be a device from 0 to 2, or -1");
    planned_init(&p, false);
    p.plan.owner[5] = -2;
    assert_refused(&p, "owner[5]: -2: must be a device from 0 to 2, or -1");
}

static void powers_below_zero_or_not_finite_are_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.psd_w_per_hz[1] = -1e-9;
    assert_refused(&p, "psd_w_per_hz[1]: -1e-09: must be finite and >= 0");
    planned_init(&p, false);
    p.plan.psd_w_per_hz[0] = (double)NAN;
    assert_refused(&p, "psd_w_per_hz[0]: ");
}

static void power_on_a_subchannel_of_nobody_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.owner[4] = -1;
    p.plan.psd_w_per_hz[4] = 1e-9;
    assert_refused(&p, "psd_w_per_hz[4]: 1e-09: must be 0, nobody owns the subchannel");
}

static void a_device_above_its_limit_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.psd_w_per_hz[0] += 2e-7; /* 2 W more */
    assert_refused(&p, "device d");
}

static void all_devices_above_the_total_are_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.problem.total_power_w = 1;
    assert_refused(&p, "all devices: ");
}

static void a_wrong_latency_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.latency_s *= 1 + 1e-8;
    assert_refused(&p, "latency_s: ");
}

static void a_device_without_a_rate_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    for (int k = 0; k < 6; k++)
        if (p.plan.owner[k] == 1)
            p.plan.psd_w_per_hz[k] = 0;
    assert_refused(&p, "latency: infinite, a device has data but no rate");
}

static void a_bound_above_the_latency_or_below_zero_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.lower_bound_s = p.plan.latency_s * 1.001;
    assert_refused(&p, "lower_bound_s: ");
    planned_init(&p, false);
    p.plan.lower_bound_s = -1;
    assert_refused(&p, "lower_bound_s: ");
}

static void a_cut_out_of_range_is_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.cut = 4;
    assert_refused(&p, "cut_index: 4: must be 0 to 3");
}

static void an_infeasible_plan_has_nothing_to_check(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, false);
    p.plan.status = PLAN_INFEASIBLE;
    assert_refused(&p, "status: infeasible, there is nothing to check");
}

static void broken_plans_of_devices_taking_turns_are_refused(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, true);
    p.plan.turn_psd_w_per_hz[6 + 2] += 1e-7;
    assert_refused(&p, "device d1: ");
    planned_init(&p, true);
    p.plan.turn_psd_w_per_hz[3] = -1;
    assert_refused(&p, "turn_psd_w_per_hz[3]: -1: must be finite and >= 0");
    planned_init(&p, true);
    p.plan.owner[3] = 0;
    assert_refused(&p, "owner[3]: 0: must be -1, the devices take turns");
    planned_init(&p, true);
    p.plan.latency_s *= 0.999;
    assert_refused(&p, "latency_s: ");
}

/* On its turn a device has all subchannels, the whole of min(p_i^max, p_total), and the best cut. */
static void turns_use_the_whole_band_and_the_best_cut(void **state)
{
    struct planned p;

    (void)state;
    planned_init(&p, true);
    assert_string_equal(p.plan.policy, "turns");
    assert_int_equal(p.plan.status, PLAN_OPTIMAL);
    assert_true(plan_gap(&p.plan) == 0);
    for (int i = 0; i < 3; i++) {
        double power_w = 0;
        for (int k = 0; k < 6; k++)
            power_w += p.plan.turn_psd_w_per_hz[6 * i + k] * 10e6;
        assert_true(fabs(power_w - 1.5) <= 1e-12);
    }
    for (int j = 0; j < 4; j++) {
        latency_evaluate(&p.problem, j, &p.plan.rates, &p.plan.terms);
        assert_true(latency_total(&p.problem, &p.plan.terms) >= p.plan.latency_s);
    }
    planned_release(&p);
}

static void turns_work_with_fewer_subchannels_than_devices(void **state)
{
    struct problem problem;
    struct plan plan;

    (void)state;
    random_problem(&problem, 2, 4, 1, 3, 0);
    problem.takes_turns = true;
    assert_int_equal(plan_make(&plan, &problem, "exact", &defaults, NULL), 0);
    assert_int_equal(plan.status, PLAN_OPTIMAL);
    plan_release(&plan);
    problem.devices[2].gain[0] = 0;
    assert_int_equal(plan_make(&plan, &problem, "exact", &defaults, NULL), 0);
    assert_int_equal(plan.status, PLAN_INFEASIBLE);
    assert_string_equal(plan.reason, "device d2 has no usable subchannel: every gain is 0");
    plan_release(&plan);
    problem_release(&problem);
}

/* With one device nothing can be aggregated across devices, and turns and sharing are the same round. */
static void one_device_taking_turns_equals_one_that_shares(void **state)
{
    struct problem problem;
    struct plan shared, turns;

    (void)state;
    random_problem(&problem, 2, 1, 6, 4, 0);
    assert_int_equal(plan_make(&shared, &problem, "exact", &defaults, NULL), 0);
    problem.takes_turns = true;
    assert_int_equal(plan_make(&turns, &problem, "exact", &defaults, NULL), 0);
    assert_int_equal(shared.cut, turns.cut);
    assert_true(fabs(shared.latency_s - turns.latency_s) <= 1e-12 * turns.latency_s);
    plan_release(&shared);
    plan_release(&turns);
    problem_release(&problem);
}

static void unknown_policies_and_bad_options_are_refused(void **state)
{
    struct plan_options bad_gap = {.gap = 1, .time_limit_s = 10},
                        bad_time = {.gap = 0.1, .time_limit_s = -1};
    struct err err = ERR_INIT;
    struct problem problem;
    struct plan plan;

    (void)state;
    random_problem(&problem, 2, 2, 4, 2, 0);
    assert_int_equal(plan_make(&plan, &problem, "exakt", &defaults, &err), -1);
    assert_non_null(
        strstr(err.text, "policy 'exakt': allowed are auto, bcd, dual, equal, exact, "));
    assert_int_equal(plan_make(&plan, &problem, "exact", &bad_gap, &err), -1);
    assert_string_equal(err.text, "gap 1: must be at least 0 and below 1");
    assert_int_equal(plan_make(&plan, &problem, "exact", &bad_time, &err), -1);
    assert_string_equal(err.text, "time limit -1 s: must be 0 to 1e9");
    problem.batch_size = 0;
    assert_int_equal(plan_make(&plan, &problem, "exact", &defaults, &err), -1);
    assert_string_equal(err.text, "batch_size: 0: must be 1 to 16777216");
    problem_release(&problem);
}

static void names_and_table_of_policies_agree(void **state)
{
    int n = 0;

    (void)state;
    for (; policy_at(n); n++) {
        assert_string_equal(policy_names()[n], policy_at(n)->name);
        assert_ptr_equal(policy_find(policy_names()[n]), policy_at(n));
    }
    assert_null(policy_names()[n]);
    assert_null(policy_at(-1));
    assert_null(policy_find("nobody"));
}

static double number_at(const json_t *object, const char *key)
{
    assert_true(json_is_number(json_object_get(object, key)));
    return json_number_value(json_object_get(object, key));
}

static json_t *save_and_read(const struct planned *p)
{
    char path[] = "/tmp/splitbed-plan-XXXXXX";
    int file = mkstemp(path);
    struct err err = ERR_INIT;
    json_t *root;

    assert_true(file >= 0);
    close(file);
    if (plan_save(&p->plan, &p->problem, path, &err))
        fail_msg("%s", err.text);
    root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    unlink(path);
    assert_non_null(root);
    return root;
}

static void appended_plans_are_lines_with_their_rounds(void **state)
{
    char path[] = "/tmp/splitbed-plan-XXXXXX", line[4096];
    struct planned p;
    struct err err = ERR_INIT;
    json_t *saved, *root;
    int fd = mkstemp(path);
    FILE *file;

    (void)state;
    planned_init(&p, false);
    saved = save_and_read(&p);
    for (uint32_t round = 1; round <= 7; round += 6)
        assert_int_equal(plan_append(&p.plan, &p.problem, round, path, &err), 0);
    assert_non_null(file = fdopen(fd, "r"));
    for (uint32_t round = 1; round <= 7; round += 6) {
        assert_non_null(fgets(line, sizeof line, file));
        assert_non_null(root = json_loads(line, JSON_REJECT_DUPLICATES, NULL));
        assert_int_equal((int)number_at(root, "round"), round);
        json_object_del(root, "round");
        assert_true(json_equal(root, saved));
        json_decref(root);
    }
    assert_null(fgets(line, sizeof line, file));
    assert_int_equal(plan_append(&p.plan, &p.problem, 1, "/nowhere/plans.jsonl", &err), -1);
    assert_non_null(strstr(err.text, "/nowhere/plans.jsonl: cannot be written"));
    fclose(file);
    unlink(path);
    json_decref(saved);
    planned_release(&p);
}

static void plan_json_holds_the_plan_to_the_bit(void **state)
{
    struct planned p;
    json_t *root, *terms;

    (void)state;
    planned_init(&p, false);
    root = save_and_read(&p);
    terms = json_object_get(root, "terms");
    assert_string_equal(json_string_value(json_object_get(root, "status")), "optimal");
    assert_string_equal(json_string_value(json_object_get(root, "policy")), "exact");
    assert_string_equal(json_string_value(json_object_get(root, "cut")),
                        p.problem.cuts[p.plan.cut].name);
    assert_int_equal((int)number_at(root, "cut_index"), p.plan.cut);
    assert_true(number_at(root, "latency_s") == p.plan.latency_s);
    assert_true(number_at(root, "lower_bound_s") == p.plan.lower_bound_s);
    assert_true(number_at(root, "gap") == plan_gap(&p.plan));
    assert_true(number_at(root, "solve_s") >= 0);
    assert_int_equal(json_array_size(json_object_get(root, "owner")), 6);
    for (size_t k = 0; k < 6; k++) {
        assert_int_equal(json_integer_value(json_array_get(json_object_get(root, "owner"), k)),
                         p.plan.owner[k]);
        assert_true(json_real_value(json_array_get(json_object_get(root, "psd_w_per_hz"), k)) ==
                    p.plan.psd_w_per_hz[k]);
    }
    assert_true(number_at(terms, "server_forward_s") == p.plan.terms.server_forward_s);
    assert_true(number_at(terms, "server_backward_s") == p.plan.terms.server_backward_s);
    assert_true(number_at(terms, "broadcast_s") == p.plan.terms.broadcast_s);
    assert_int_equal(json_array_size(json_object_get(terms, "device_forward_s")), 3);
    assert_int_equal(json_array_size(json_object_get(terms, "uplink_s")), 3);
    assert_int_equal(json_array_size(json_object_get(terms, "downlink_s")), 3);
    assert_int_equal(json_array_size(json_object_get(terms, "device_backward_s")), 3);
    json_decref(root);
    planned_release(&p);
}

static void plan_json_of_turns_holds_powers_and_handovers(void **state)
{
    struct planned p;
    json_t *root;

    (void)state;
    planned_init(&p, true);
    root = save_and_read(&p);
    assert_int_equal(json_array_size(json_object_get(root, "turn_psd_w_per_hz")), 3);
    assert_int_equal(json_array_size(json_object_get(json_object_get(root, "terms"), "handover_s")),
                     3);
    json_decref(root);
    planned_release(&p);
}

static void plan_json_of_an_infeasible_problem_says_why(void **state)
{
    struct planned p;
    json_t *root;

    (void)state;
    random_problem(&p.problem, 1, 3, 2, 1, 0);
    assert_int_equal(plan_make(&p.plan, &p.problem, "exact", &defaults, NULL), 0);
    root = save_and_read(&p);
    assert_string_equal(json_string_value(json_object_get(root, "status")), "infeasible");
    assert_string_equal(json_string_value(json_object_get(root, "reason")), p.plan.reason);
    assert_null(json_object_get(root, "owner"));
    json_decref(root);
    planned_release(&p);
}

/* The widest line of the text, in characters. */
static size_t widest(const char *text)
{
    size_t most = 0;

    while (*text) {
        size_t n = strcspn(text, "\n");
        most = n > most ? n : most;
        text += n + (text[n] == '\n');
    }
    return most;
}

static void the_table_shows_ranges_terms_and_gap_within_100_columns(void **state)
{
    struct planned p;
    struct strbuf out = STRBUF_INIT;

    (void)state;
    planned_init(&p, false);
    for (int k = 0; k < 6; k++)
        p.plan.owner[k] = k == 3 ? 1 : 0;
    p.plan.owner[5] = 2;
    plan_print(&p.plan, &p.problem, &out);
    assert_non_null(strstr(out.text, "policy exact, optimal\n"));
    assert_non_null(strstr(out.text, "lower bound"));
    assert_non_null(strstr(out.text, "gap 0."));
    assert_non_null(strstr(out.text, "d0               4  0-2,4 "));
    assert_non_null(strstr(out.text, "d1               1  3 "));
    assert_non_null(strstr(out.text, "server backward"));
    assert_true(widest(out.text) <= 100);
    strbuf_release(&out);
    planned_release(&p);
}

static void the_table_of_turns_has_handovers_within_100_columns(void **state)
{
    struct planned p;
    struct strbuf out = STRBUF_INIT;

    (void)state;
    planned_init(&p, true);
    plan_print(&p.plan, &p.problem, &out);
    assert_non_null(strstr(out.text, "handover"));
    assert_null(strstr(out.text, "broadcast"));
    assert_true(widest(out.text) <= 100);
    strbuf_release(&out);
    planned_release(&p);
}

static void the_table_cuts_long_names_and_lists(void **state)
{
    struct plan_options hasty = {.gap = 0.005, .time_limit_s = 0};
    struct problem problem;
    struct plan plan;
    struct strbuf out = STRBUF_INIT;

    (void)state;
    random_problem(&problem, 1, 60, 400, 1, 0.5);
    free(problem.devices[7].name);
    problem.devices[7].name = mem_string("a-name-that-is-far-too-long-for-its-column");
    assert_int_equal(plan_make(&plan, &problem, "exact", &hasty, NULL), 0);
    for (int k = 0; k < 400; k++)
        plan.owner[k] = k % 2 ? 7 : 0;
    plan_print(&plan, &problem, &out);
    assert_non_null(strstr(out.text, "a-name-that-   200  1,3,5,7,9,11,13,... "));
    assert_non_null(strstr(out.text, "... and 10 devices more\n"));
    assert_true(widest(out.text) <= 100);
    strbuf_release(&out);
    plan_release(&plan);
    problem_release(&problem);
}

static void an_infeasible_plan_prints_its_reason(void **state)
{
    struct problem problem;
    struct plan plan;
    struct strbuf out = STRBUF_INIT;

    (void)state;
    random_problem(&problem, 1, 2, 1, 1, 0.5);
    assert_int_equal(plan_make(&plan, &problem, "exact", &defaults, NULL), 0);
    plan_print(&plan, &problem, &out);
    assert_string_equal(out.text, "No plan: policy exact, infeasible: 2 devices need a subchannel "
                                  "each and have 1 usable between them: d0, d1\n");
    strbuf_release(&out);
    plan_release(&plan);
    problem_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_out_of_range_are_refused),
        cmocka_unit_test(powers_below_zero_or_not_finite_are_refused),
        cmocka_unit_test(power_on_a_subchannel_of_nobody_is_refused),
        cmocka_unit_test(a_device_above_its_limit_is_refused),
        cmocka_unit_test(all_devices_above_the_total_are_refused),
        cmocka_unit_test(a_wrong_latency_is_refused),
        cmocka_unit_test(a_device_without_a_rate_is_refused),
        cmocka_unit_test(a_bound_above_the_latency_or_below_zero_is_refused),
        cmocka_unit_test(a_cut_out_of_range_is_refused),
        cmocka_unit_test(an_infeasible_plan_has_nothing_to_check),
        cmocka_unit_test(broken_plans_of_devices_taking_turns_are_refused),
        cmocka_unit_test(turns_use_the_whole_band_and_the_best_cut),
        cmocka_unit_test(turns_work_with_fewer_subchannels_than_devices),
        cmocka_unit_test(one_device_taking_turns_equals_one_that_shares),
        cmocka_unit_test(unknown_policies_and_bad_options_are_refused),
        cmocka_unit_test(names_and_table_of_policies_agree),
        cmocka_unit_test(plan_json_holds_the_plan_to_the_bit),
        cmocka_unit_test(appended_plans_are_lines_with_their_rounds),
        cmocka_unit_test(plan_json_of_turns_holds_powers_and_handovers),
        cmocka_unit_test(plan_json_of_an_infeasible_problem_says_why),
        cmocka_unit_test(the_table_shows_ranges_terms_and_gap_within_100_columns),
        cmocka_unit_test(the_table_of_turns_has_handovers_within_100_columns),
        cmocka_unit_test(the_table_cuts_long_names_and_lists),
        cmocka_unit_test(an_infeasible_plan_prints_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
