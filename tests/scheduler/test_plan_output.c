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

#include "tests/scheduler/planned.h"

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
